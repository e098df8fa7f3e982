/** What is done with a message that Slack refuses: one block as text, or two messages instead of one. Nothing of it is dropped. */
import { toPieces } from './blocks.ts';
import { countChars } from './chars.ts';
import type { SlackMessage } from './message.ts';
import { toBlocks } from './pages.ts';
import { textOf } from './plain.ts';
import type { SlackBlock } from './types.ts';

/** A block that is text already; to do it again would lead nowhere. */
const MARK = 'as-text-';
const NOTE = '(shown as text, because Slack refused its layout)';

/** The message with the block at this JSON pointer (`/blocks/4/…`) as plain text that says so; undefined when that cannot help. */
export function degradeBlock(message: SlackMessage, pointer: string): SlackMessage | undefined {
  const index = Number(/^\/blocks\/(\d+)(?:\/|$)/.exec(pointer)?.[1] ?? -1);
  const block = message.blocks[index];
  if (block === undefined || isMarked(block)) return undefined;
  const text = textOf(block).trim();
  const inlines = [...(text === '' ? [] : [{ text: `${text}\n` }]), { text: NOTE, italic: true as const }];
  // Slack takes no block_id twice, and the places of blocks change from one time to the next.
  const known = message.blocks.filter(isMarked).length;
  const plain = toBlocks(toPieces([{ kind: 'paragraph', inlines }])).map((part, n) => ({
    ...part,
    block_id: `${MARK}${known + n}`,
  }));
  return { text: message.text, blocks: message.blocks.toSpliced(index, 1, ...plain) };
}

function isMarked(block: SlackBlock): boolean {
  return block.block_id?.startsWith(MARK) ?? false;
}

/** The message as two of about half its size, for the channel and its thread; undefined when there is nothing to divide. */
export function splitMessage(message: SlackMessage): [SlackMessage, SlackMessage] | undefined {
  const parts = splitBlocks(message.blocks);
  if (parts === undefined) return undefined;
  const [first, second] = parts;
  // The text is escaped already; it is the blocks that were too long.
  return [
    { text: message.text, blocks: first },
    { text: `Continued: ${message.text}`, blocks: second },
  ];
}

function splitBlocks(blocks: readonly SlackBlock[]): [SlackBlock[], SlackBlock[]] | undefined {
  const [only] = blocks;
  if (blocks.length > 1) {
    const at = middle(blocks);
    // A title goes with what it is the title of, and buttons with what they answer.
    if (blocks[at]?.type === 'actions' && at + 1 < blocks.length)
      return [blocks.slice(0, at + 1), blocks.slice(at + 1)];
    const cut = at > 1 && blocks[at - 1]?.type === 'header' ? at - 1 : at;
    return [blocks.slice(0, cut), blocks.slice(cut)];
  }
  if (only?.type !== 'rich_text' || only.elements.length < 2) return undefined;
  const at = middle(only.elements);
  const half = (from: number, to?: number): SlackBlock => ({
    type: 'rich_text',
    elements: only.elements.slice(from, to),
  });
  return [[half(0, at)], [half(at)]];
}

/** Where the second half begins: at least one stands before it, and one behind. */
function middle(list: readonly unknown[]): number {
  const half = countChars(list) / 2;
  let chars = 0;
  const at = list.findIndex((item) => (chars += countChars(item)) > half);
  return Math.min(Math.max(1, at), list.length - 1);
}
