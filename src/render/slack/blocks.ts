/**
 * Markdown as Slack `rich_text`, not mrkdwn: its text elements are literal, so `<!channel>` in a report is text, bold works beside
 * CJK, and links, nesting and code survive. Tables become aligned code: Slack takes one `table` block a message at most.
 */
import type { KnownBlock, RichTextLink, RichTextList, RichTextText } from '@slack/types';
import { cutText, displayWidth, oneLine, padColumns, widest } from '../format.ts';
import { inlineText, mergeInlines } from '../markdown.ts';
import type { Block, Inline, Item } from '../markdown.ts';
import { countChars } from './chars.ts';
import { costOf, splitInlines, toElements } from './inlines.ts';
import { SLACK_LIMITS } from './limits.ts';
import type { Piece, RichGroup } from './pages.ts';

/** Pieces are cut to about this, so that messages fill well and no piece alone breaks a limit (link targets may add 3,000). */
const PIECE_CHARS = 2_400;
/** Wider tables wrap in Slack's code font on a phone and on a narrow desktop window; they become records. */
const TABLE_COLUMNS = 76;
const MAX_INDENT = 8;
/** O: list items in one group; Slack documents no limit. */
const MAX_ITEMS = 100;

type List = Extract<Block, { kind: 'list' }>;
type Table = Extract<Block, { kind: 'table' }>;

/** Markdown blocks as pieces, in order; nothing is left out. */
export function toPieces(blocks: readonly Block[]): Piece[] {
  return blocks.flatMap((block, index) => blockPieces(block, { indent: 0, last: index === blocks.length - 1 }));
}

/** A title as a header block. */
export function titlePieces(title: string): Piece[] {
  const block: KnownBlock = { type: 'header', text: { type: 'plain_text', text: cutText(title, SLACK_LIMITS.header) } };
  return [{ kind: 'blocks', blocks: [block], chars: countChars(block), title: true }];
}

/** The same without a block of its own. */
export function boldPieces(title: string): Piece[] {
  return sections([{ text: title, bold: true }], { indent: 0, last: false });
}

/** A small grey line; its text is literal. */
export function contextLine(text: string): KnownBlock {
  return { type: 'context', elements: [{ type: 'plain_text', text: oneLine(text) || '–' }] };
}

/** Plain text as one literal rich text section. */
export function textSection(...elements: (Inline | string)[]): KnownBlock {
  const inlines = elements.map((element) => (typeof element === 'string' ? { text: element } : element));
  return { type: 'rich_text', elements: [{ type: 'rich_text_section', elements: toElements(inlines) }] };
}

function blockPieces(block: Block, place: { indent: number; last: boolean }): Piece[] {
  switch (block.kind) {
    case 'heading':
      return sections(
        block.inlines.map((inline) => ({ ...inline, bold: true as const })),
        place,
      );
    case 'paragraph':
      return sections(block.inlines, place);
    case 'list':
      return listPieces(block, place.indent);
    case 'quote':
      return splitInlines(quoteInlines(block.blocks), PIECE_CHARS).map((part) =>
        rich({ type: 'rich_text_quote', elements: toElements(part) }),
      );
    case 'code':
      return preformatted([{ text: block.text }]);
    case 'table':
      return tablePieces(block);
    case 'rule':
      return [{ kind: 'blocks', blocks: [{ type: 'divider' }], chars: 0 }];
    default:
      return block satisfies never;
  }
}

function rich(element: RichGroup): Piece {
  return { kind: 'rich', element, chars: countChars(element) };
}

/** A section that ends with a newline is followed by an empty line: that is what sets paragraphs apart. */
function sections(inlines: readonly Inline[], place: { indent: number; last: boolean }): Piece[] {
  const parts = splitInlines(inlines, PIECE_CHARS);
  return parts.map((part, index) => {
    const ends = index === parts.length - 1 && !place.last;
    const elements = toElements(ends ? [...part, { text: '\n' }] : part);
    return rich({ type: 'rich_text_section', elements });
  });
}

/** `offset` is documented (docs.slack.dev, rich text list element) and missing in @slack/types 3.2. */
type NumberedList = RichTextList & { offset?: number };

function listPieces(list: List, indent: number): Piece[] {
  const pieces: Piece[] = [];
  let group: Inline[][] = [];
  let size = 0;
  let first = 0;
  const flush = (): void => {
    if (group.length === 0) return;
    const elements = group.map((part) => ({ type: 'rich_text_section' as const, elements: toElements(part) }));
    const offset = list.start - 1 + first;
    const style = list.ordered ? 'ordered' : 'bullet';
    const element: NumberedList = {
      type: 'rich_text_list',
      style,
      indent: Math.min(indent, MAX_INDENT),
      ...(list.ordered && offset > 0 ? { offset } : {}),
      elements,
    };
    pieces.push(rich(element));
    group = [];
    size = 0;
  };
  list.items.forEach((item, index) => {
    const { head, rest } = itemInlines(item);
    const [line = [], ...more] = splitInlines(head, PIECE_CHARS);
    if (size + costOf(line) > PIECE_CHARS || group.length >= MAX_ITEMS) flush();
    if (group.length === 0) first = index;
    group.push(line);
    size += costOf(line);
    if (more.length === 0 && rest.length === 0) return;
    flush();
    for (const part of more) pieces.push(rich({ type: 'rich_text_section', elements: toElements(part) }));
    pieces.push(...nested(rest, indent + 1));
  });
  flush();
  return pieces;
}

function nested(blocks: readonly Block[], indent: number): Piece[] {
  return blocks.flatMap((block) => blockPieces(block, { indent, last: true }));
}

function itemInlines(item: Item): { head: Inline[]; rest: Block[] } {
  const [first, ...rest] = item.blocks;
  const mark: Inline[] = item.checked === undefined ? [] : [{ text: item.checked ? '☑ ' : '☐ ' }];
  if (first?.kind === 'paragraph') return { head: [...mark, ...first.inlines], rest };
  return { head: mark.length > 0 ? mark : [{ text: ' ' }], rest: item.blocks };
}

function quoteInlines(blocks: readonly Block[], depth = 0): Inline[] {
  const lines = blocks.map((block): Inline[] => {
    switch (block.kind) {
      case 'heading':
      case 'paragraph':
        return block.inlines;
      case 'list':
        return joinLines(
          block.items.map((item, index) => {
            const { head, rest } = itemInlines(item);
            const lead = '    '.repeat(depth) + (block.ordered ? `${block.start + index}. ` : '• ');
            return joinLines([[{ text: lead }, ...head], ...(rest.length > 0 ? [quoteInlines(rest, depth + 1)] : [])]);
          }),
        );
      case 'quote':
        return quoteInlines(block.blocks, depth + 1);
      case 'code':
        return [{ text: block.text, code: true }];
      case 'table':
        return joinLines(block.rows.map((row) => joinWith(row, ' | ')));
      case 'rule':
        return [{ text: '———' }];
      default:
        return block satisfies never;
    }
  });
  return joinLines(lines);
}

function joinLines(lines: readonly Inline[][]): Inline[] {
  return joinWith(lines, '\n');
}

function joinWith(parts: readonly Inline[][], glue: string): Inline[] {
  return parts.flatMap((part, index) => (index === 0 ? part : [{ text: glue }, ...part]));
}

function tablePieces(table: Table): Piece[] {
  const widths = table.align.map((_, column) => Math.max(1, widest(table.rows.map((row) => cellText(row[column])))));
  const total = widths.reduce((sum, width) => sum + width + 2, -2);
  if (total > TABLE_COLUMNS) return recordPieces(table);
  const lines = table.rows.map((row) =>
    joinWith(
      table.align.map((align, column) => padCell(row[column] ?? [], { width: widths[column] ?? 1, align })),
      '  ',
    ),
  );
  const rule: Inline[] = [{ text: widths.map((width) => '─'.repeat(width)).join('  ') }];
  return preformatted(joinLines([...lines.slice(0, 1), rule, ...lines.slice(1)]));
}

/** Tables that are too wide to align: one list item a row, each value with its column's name. */
function recordPieces(table: Table): Piece[] {
  const [header = [], ...rows] = table.rows;
  const items = rows.map((row): Item => {
    const cells = row.map((cell, column) => {
      const name = inlineText(header[column] ?? []);
      const lead: Inline[] = name === '' ? [] : [{ text: `${name}: `, bold: true }];
      return [...lead, ...cell];
    });
    return {
      blocks: [
        {
          kind: 'paragraph',
          inlines: joinWith(
            cells.filter((cell) => inlineText(cell) !== ''),
            ' · ',
          ),
        },
      ],
    };
  });
  if (rows.length === 0) return sections(joinWith(header, ' · '), { indent: 0, last: true });
  return listPieces({ kind: 'list', ordered: false, start: 1, items }, 0);
}

function cellWidth(cell: Inline[]): number {
  return displayWidth(cellText(cell));
}

function cellText(cell: Inline[] = []): string {
  return inlineText(cell).replace(/\n/g, ' ');
}

function padCell(cell: Inline[], shape: { width: number; align: 'left' | 'right' | 'center' }): Inline[] {
  const flat = cell.map((inline) => ({ ...inline, text: inline.text.replace(/\n/g, ' ') }));
  const padded = padColumns(inlineText(flat), shape.width, shape.align);
  const before = padded.length - padded.trimStart().length;
  const gap = Math.max(0, shape.width - cellWidth(flat));
  const left = shape.align === 'left' ? 0 : Math.min(gap, before);
  return [{ text: ' '.repeat(left) }, ...flat, { text: ' '.repeat(gap - left) }];
}

/** Code keeps its lines: it is split between them where that is possible. Styles do not exist in it, links do. */
function preformatted(inlines: readonly Inline[]): Piece[] {
  return splitInlines(inlines, PIECE_CHARS, '\n').map((part) => {
    const elements = mergeInlines(part.map(({ text, href }) => (href === undefined ? { text } : { text, href }))).map(
      (inline): RichTextText | RichTextLink =>
        inline.href === undefined
          ? { type: 'text', text: inline.text }
          : { type: 'link', url: inline.href, text: inline.text },
    );
    return rich({ type: 'rich_text_preformatted', elements });
  });
}
