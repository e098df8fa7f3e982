/** Pieces of a report, and the messages that they fill. */
import type { RichTextBlock } from '@slack/types';
import { SLACK_LIMITS } from './limits.ts';
import type { SlackBlock } from './types.ts';

export type RichGroup = RichTextBlock['elements'][number];

/** The smallest thing that is moved between messages. Of what it `holds`, a message takes few. */
export type Piece =
  | { kind: 'rich'; element: RichGroup; chars: number }
  | { kind: 'blocks'; blocks: SlackBlock[]; chars: number; title?: true; holds?: 'chart' | 'table' };

/** A rich text block is closed at this size, so that one bad block costs little. */
const RICH_CHARS = 4_000;
const RICH_ELEMENTS = 100;
/** Room in each message for its "part n" line, its footer and the notice of what is missing. */
const RESERVED: Taken = { blocks: 6, chars: 1_000 };

export interface Page {
  readonly blocks: SlackBlock[];
  add(piece: Piece): void;
  /** Whether all of these can be added. */
  fits(pieces: readonly Piece[]): boolean;
}

/** What of a message belongs to other things. */
interface Taken {
  blocks: number;
  chars: number;
}

/** Blocks that grow piece by piece: neighbouring rich text shares one block. */
export function createPage(taken = RESERVED): Page {
  const blocks: SlackBlock[] = [];
  const held = { chart: 0, table: 0 };
  let chars = taken.chars;
  let open: { block: RichTextBlock; chars: number } | undefined;
  const joins = (size: number): boolean =>
    open !== undefined && open.chars + size <= RICH_CHARS && open.block.elements.length < RICH_ELEMENTS;
  return {
    blocks,
    add(piece) {
      chars += piece.chars;
      if (piece.kind === 'blocks') {
        blocks.push(...piece.blocks);
        if (piece.holds !== undefined) held[piece.holds] += 1;
        open = undefined;
        return;
      }
      if (open === undefined || !joins(piece.chars)) {
        open = { block: { type: 'rich_text', elements: [] }, chars: 0 };
        blocks.push(open.block);
      }
      open.block.elements.push(piece.element);
      open.chars += piece.chars;
    },
    fits(pieces) {
      const holding = (what: 'chart' | 'table'): number =>
        pieces.filter((piece) => piece.kind === 'blocks' && piece.holds === what).length;
      if (held.chart + holding('chart') > SLACK_LIMITS.charts) return false;
      if (held.table + holding('table') > SLACK_LIMITS.dataTables) return false;
      const size = pieces.reduce((sum, piece) => sum + piece.chars, 0);
      if (chars + size > SLACK_LIMITS.messageChars) return false;
      const [only] = pieces;
      if (pieces.length === 1 && only?.kind === 'rich' && joins(only.chars)) return true;
      const more = pieces.reduce((sum, piece) => sum + (piece.kind === 'rich' ? 1 : piece.blocks.length), 0);
      return taken.blocks + blocks.length + more <= SLACK_LIMITS.blocks;
    },
  };
}

/** Fills messages with pieces, in order; a title never stays behind alone at the end of one. */
export function paginate(pieces: readonly Piece[]): SlackBlock[][] {
  const pages: SlackBlock[][] = [];
  let page = createPage();
  let title: Piece | undefined;
  for (const piece of pieces) {
    if (page.blocks.length > 0 && !page.fits([piece])) {
      const kept = title === undefined ? page.blocks : page.blocks.slice(0, -1);
      if (kept.length > 0) pages.push(kept);
      page = createPage();
      if (title !== undefined) page.add(title);
    }
    page.add(piece);
    title = piece.kind === 'blocks' && piece.title ? piece : undefined;
  }
  if (page.blocks.length > 0) pages.push(page.blocks);
  return pages;
}

/** The pieces as blocks of one message. */
export function toBlocks(pieces: readonly Piece[]): SlackBlock[] {
  const page = createPage();
  for (const piece of pieces) page.add(piece);
  return page.blocks;
}
