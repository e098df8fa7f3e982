/** Writes the texts of a report: fills in facts, cuts, and counts what was cited. */
import type { Fact } from '../../../../store/agent-records.ts';
import { clip } from '../../../normalise.ts';
import { fillIn, fillMarkdown } from '../placeholders.ts';
import type { FactBook } from '../facts.ts';
import { escapeMarkdown, plainLine } from '../harmless-text.ts';

export interface Pen {
  /** Plain text of one line. */
  line(template: string, limit: number): string;
  /** The same as markdown that shows exactly it. */
  item(template: string, limit: number): string;
  /** A text that is markdown itself. */
  markdown(template: string): string;
  /** Facts that were filled in, each once. */
  cited(): number;
  cite(facts: readonly Fact[]): void;
  readonly book: FactBook;
  readonly locale: string;
}

export function createPen(book: FactBook, locale: string): Pen {
  const cited = new Set<string>();
  const cite = (facts: readonly Fact[]): void => facts.forEach(({ id }) => cited.add(id));
  const line = (template: string, limit: number): string => {
    const { text, used } = fillIn(template, book, locale);
    cite(used);
    return clip(plainLine(text), limit);
  };
  return {
    line,
    item: (template, limit) => escapeMarkdown(line(template, limit)),
    markdown(template) {
      const { text, used } = fillMarkdown(template, book, locale);
      cite(used);
      return text;
    },
    cited: () => cited.size,
    cite,
    book,
    locale,
  };
}

/** As a list of markdown. */
export function bullets(lines: readonly string[]): string {
  return lines.map((line) => `- ${line}`).join('\n');
}

/** `1 order`, `3 orders`. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
