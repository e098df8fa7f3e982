/**
 * Our own tree of markdown as markdown again. What a job wrote cannot reach out of its section this way: a fence or a comment that it
 * leaves open would swallow the rest of the file, and a viewer would fetch its images.
 */
import { oneLine } from './format.ts';
import type { Block, Inline, Item } from './markdown.ts';

/** One line in which nothing is taken for markup, wherever it stands. */
export function escapeInline(text: string): string {
  return escapeStart(escapeText(oneLine(text)));
}

/** The same for what never begins a line, as in the cell of a table. */
export function escapeCell(text: string): string {
  return escapeText(oneLine(text)).replace(/\|/g, '\\|');
}

function escapeText(text: string): string {
  return text
    .replace(/[\\`*[\]<~]/g, '\\$&')
    .replace(/(?<![\p{L}\p{N}])_|_(?![\p{L}\p{N}])/gu, '\\_')
    .replace(/&(?=[#\w])/g, '\\&');
}

/** What would begin a list, a heading, a quote or a rule. */
function escapeStart(text: string): string {
  return text.replace(/^(\s*)(\d+(?=[.)](?:\s|$)))/gm, '$1$2\\').replace(/^(\s*)([-+=#>])/gm, '$1\\$2');
}

/** A link whose address cannot end it. */
export function linkTo(text: string, href: string): string {
  const address = href.replace(/[\p{Cc}\s<>\\]/gu, (char) => encodeURIComponent(char));
  return `[${escapeInline(text)}](<${address}>)`;
}

export function blocksToMarkdown(blocks: readonly Block[]): string {
  return blocks.map(blockText).join('\n\n');
}

function blockText(block: Block): string {
  switch (block.kind) {
    case 'heading':
      // The title of the report is the only heading of the first level.
      return `${'#'.repeat(Math.max(2, block.depth))} ${inlinesText(block.inlines).replaceAll('\\\n', ' ')}`;
    case 'paragraph':
      return escapeStart(inlinesText(block.inlines));
    case 'list':
      return block.items
        .map((item, at) => {
          const lead = block.ordered ? `${block.start + at}. ` : '- ';
          return indented(itemText(item), lead);
        })
        .join('\n');
    case 'quote':
      return blocksToMarkdown(block.blocks).replace(/^/gm, '> ').replace(/ +$/gm, '');
    case 'code':
      return fenced(block.text);
    case 'table':
      return tableText(block);
    case 'rule':
      return '***';
    default:
      return block satisfies never;
  }
}

function itemText({ checked, blocks }: Item): string {
  const mark = checked === undefined ? '' : checked ? '[x] ' : '[ ] ';
  // A nested list follows its text at once, so that the list stays tight.
  const parts = blocks.map((block, at) => (at > 0 ? (block.kind === 'list' ? '\n' : '\n\n') : '') + blockText(block));
  return mark + parts.join('');
}

function indented(text: string, lead: string): string {
  return lead + text.replace(/\n(?=[^\n])/g, `\n${' '.repeat(lead.length)}`);
}

function fenced(text: string): string {
  const fence = fenceFor(text, 3);
  return `${fence}\n${text}\n${fence}`;
}

/** Longer than any run of backticks inside. */
function fenceFor(text: string, least: number): string {
  const longest = (text.match(/`+/g) ?? []).reduce((most, run) => Math.max(most, run.length), 0);
  return '`'.repeat(Math.max(least, longest + 1));
}

function tableText({ align, rows }: Extract<Block, { kind: 'table' }>): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  const cells = rows.map((row) => align.map((_, at) => cellText(row[at] ?? [])));
  const rule = align.map((side) => (side === 'right' ? '---:' : side === 'center' ? ':---:' : '---'));
  const [header = [], ...body] = cells;
  return [line(header), line(rule), ...body.map(line)].join('\n');
}

function cellText(inlines: readonly Inline[]): string {
  return inlinesText(inlines).replaceAll('\\\n', ' ').replace(/\n/g, ' ').replace(/\|/g, '\\|');
}

function inlinesText(inlines: readonly Inline[]): string {
  return inlines.map(inlineText).join('');
}

function inlineText(inline: Inline): string {
  // The spaces at the ends stay outside of the marks, which do not hold around them.
  const [, before = '', text = '', after = ''] = /^(\s*)([\s\S]*?)(\s*)$/.exec(inline.text) ?? [];
  if (text === '') return before.replaceAll('\n', '\\\n');
  return breaks(before) + marked({ ...inline, text }) + breaks(after);
}

function breaks(space: string): string {
  return space.includes('\n') ? '\\\n' : space;
}

function marked(inline: Inline): string {
  let text = inline.code ? codeSpan(inline.text) : escapeText(inline.text).replace(/\s*\n\s*/g, '\\\n');
  if (inline.strike) text = `~~${text}~~`;
  if (inline.italic) text = `*${text}*`;
  if (inline.bold) text = `**${text}**`;
  if (inline.href === undefined) return text;
  return `[${text}](<${inline.href.replace(/[\s<>\\]/g, (char) => encodeURIComponent(char))}>)`;
}

function codeSpan(text: string): string {
  const fence = fenceFor(text, 1);
  const pad = /^`|`$/.test(text) ? ' ' : '';
  return `${fence}${pad}${text.replace(/\s*\n\s*/g, ' ')}${pad}${fence}`;
}
