/** Markdown as lines. */
import type { Block, Item } from '../markdown.ts';
import { indent, narrower, span, wrap } from './pen.ts';
import type { Line, Pen } from './pen.ts';
import { markdownTableLines } from './table.ts';

const RULE_COLUMNS = 40;

export function blockLines(blocks: readonly Block[], pen: Pen): Line[] {
  return blocks.flatMap((block, at) => [...(at > 0 ? [[]] : []), ...linesOf(block, pen)]);
}

function linesOf(block: Block, pen: Pen): Line[] {
  switch (block.kind) {
    case 'heading':
      return wrap(
        block.inlines.map((inline) => ({ ...inline, bold: true as const })),
        pen,
      );
    case 'paragraph':
      return wrap(block.inlines, pen);
    case 'list':
      return block.items.flatMap((item, at) => {
        const lead = block.ordered ? `${block.start + at}. ` : '- ';
        return indent(itemLines(item, narrower(pen, lead.length)), span(lead));
      });
    case 'quote':
      return blockLines(block.blocks, narrower(pen, 2)).map((line) => [span('|', 'dim'), span(' '), ...line]);
    case 'code':
      return block.text.split('\n').map((line) => [span(`    ${line}`)]);
    case 'table':
      return markdownTableLines(block, pen);
    case 'rule':
      return [[span('-'.repeat(Math.min(pen.width, RULE_COLUMNS)), 'dim')]];
    default:
      return block satisfies never;
  }
}

function itemLines(item: Item, pen: Pen): Line[] {
  const mark = item.checked === undefined ? '' : item.checked ? '[x] ' : '[ ] ';
  const [first, ...rest] = item.blocks;
  const head = first?.kind === 'paragraph' ? wrap([{ text: mark }, ...first.inlines], pen) : [[span(mark)]];
  const others = first === undefined || first.kind === 'paragraph' ? rest : item.blocks;
  return [...head, ...others.flatMap((block) => linesOf(block, pen))];
}
