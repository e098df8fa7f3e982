/** Inlines as elements of rich text, in groups that fit. */
import type { RichTextElement, RichTextLink, RichTextText } from '@slack/types';
import { graphemeEnd } from '../format.ts';
import { mergeInlines } from '../markdown.ts';
import type { Inline } from '../markdown.ts';

/** O: inline elements in one group; Slack documents no limit. */
const MAX_INLINES = 400;

/** Inlines as elements of rich text, at least one. */
export function toElements(inlines: readonly Inline[]): RichTextElement[] {
  const elements = mergeInlines(inlines).map(toElement);
  return elements.length > 0 ? elements : [{ type: 'text', text: ' ' }];
}

function toElement(inline: Inline): RichTextText | RichTextLink {
  const { text, href, ...flags } = inline;
  const style = Object.keys(flags).length > 0 ? { style: flags } : {};
  return href === undefined ? { type: 'text', text, ...style } : { type: 'link', url: href, text, ...style };
}

/** What these count towards the limits. */
export function costOf(inlines: readonly Inline[]): number {
  return inlines.reduce((sum, inline) => sum + inline.text.length + (inline.href?.length ?? 0), 0);
}

/** Splits inlines into groups of at most `max` characters, between words (or at `glue`), never inside a grapheme. */
export function splitInlines(inlines: readonly Inline[], max: number, glue: ' ' | '\n' = ' '): Inline[][] {
  const groups: Inline[][] = [];
  let group: Inline[] = [];
  let used = 0;
  const flush = (): void => {
    if (group.length > 0) groups.push(group);
    group = [];
    used = 0;
  };
  for (const inline of inlines) {
    if (group.length >= MAX_INLINES) flush();
    const fixed = inline.href?.length ?? 0;
    let rest = inline.text;
    while (rest !== '') {
      const room = max - used - fixed;
      if (rest.length <= room) {
        group.push({ ...inline, text: rest });
        used += rest.length + fixed;
        break;
      }
      const at = breakPoint(rest, { room, glue, fresh: group.length === 0 });
      if (at > 0) group.push({ ...inline, text: rest.slice(0, at) });
      rest = rest.slice(at);
      flush();
    }
  }
  flush();
  return groups;
}

/** Where to cut a text that does not fit: 0 means that the whole text goes into the next group. */
function breakPoint(text: string, terms: { room: number; glue: ' ' | '\n'; fresh: boolean }): number {
  // An address alone may fill a group; then its text is still cut to something sensible.
  const room = terms.fresh ? Math.max(terms.room, 400) : terms.room;
  if (room <= 0) return 0;
  if (text.length <= room) return text.length;
  const glued = text.lastIndexOf(terms.glue, room - 1);
  if (glued > 0) return glued + 1;
  if (!terms.fresh) return 0;
  const space = text.lastIndexOf(' ', room - 1);
  return space > 0 ? space + 1 : graphemeEnd(text, room);
}
