/** Placeholder until the renderer's own: what is left of a message that Slack refuses. */
import type { SlackMessage } from './message.ts';
import { blocksAsText } from './plain.ts';

/** The message with the block at the pointer as plain text; undefined when the pointer names none. */
export function degradeBlock(message: SlackMessage, pointer: string): SlackMessage | undefined {
  const index = Number(/^\/blocks\/(\d+)(?:\/|$)/.exec(pointer)?.[1] ?? Number.NaN);
  const block = message.blocks[index];
  if (block === undefined) return undefined;
  const text = `${blocksAsText([block])}\n(shown as plain text)`.trim().slice(0, 3_000);
  const plain = { type: 'section' as const, text: { type: 'plain_text' as const, text } };
  return { text: message.text, blocks: message.blocks.map((one, at) => (at === index ? plain : one)) };
}

/** The message as two; undefined when it has only one block. */
export function splitMessage(message: SlackMessage): [SlackMessage, SlackMessage] | undefined {
  const middle = Math.ceil(message.blocks.length / 2);
  if (message.blocks.length < 2) return undefined;
  const { text, blocks } = message;
  return [
    { text, blocks: blocks.slice(0, middle) },
    { text, blocks: blocks.slice(middle) },
  ];
}
