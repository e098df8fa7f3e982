/** What the Claude API refuses with a 400, as its pages and its users tell: a script that was kinder would hide what breaks there. */
import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import type { WireBlock } from './claude-events.ts';

const Block = z.looseObject({ type: z.string(), text: z.string().optional(), id: z.string().optional() });
const Message = z.object({ role: z.enum(['user', 'assistant']), content: z.union([z.string(), z.array(Block)]) });
const Body = z.looseObject({
  model: z.string(),
  max_tokens: z.number().int().min(1),
  messages: z.array(Message).min(1),
  system: z.string().min(1).optional(),
  tools: z.array(z.looseObject({ name: z.string().regex(/^[a-zA-Z0-9_-]{1,64}$/) })).optional(),
  tool_choice: z.looseObject({ type: z.enum(['auto', 'none']) }).optional(),
  stream: z.literal(true),
  output_config: z.looseObject({ effort: z.string().optional() }).optional(),
});
type Block = z.infer<typeof Block>;
type Message = z.infer<typeof Message>;
const NO_EFFORT = /^claude-(?:haiku|sonnet)-4-5/;
/** Taken out of version 2026-10-21. */
const GONE = ['temperature', 'top_p', 'top_k'];

/** The rule that a request breaks; undefined: none. `served`: what the answers before had in them. */
export function brokenRule(body: unknown, served: readonly WireBlock[]): string | undefined {
  const read = Body.safeParse(body);
  if (!read.success) return z.prettifyError(read.error);
  const gone = GONE.find((name) => name in read.data);
  if (gone !== undefined) return `${gone}: extra inputs are not permitted`;
  const { model, messages, tools, tool_choice: choice, output_config: output } = read.data;
  if (output?.effort !== undefined && NO_EFFORT.test(model)) return 'this model does not support the effort parameter';
  if (messages[0]?.role !== 'user') return 'messages: first message must use the user role';
  if (choice !== undefined && tools === undefined) return 'tool_choice: may only be given with tools';
  for (const [at, message] of messages.entries()) {
    const broken = brokenMessage(message, messages[at + 1], served);
    if (broken !== undefined) return `messages.${at}: ${broken}`;
  }
  return undefined;
}

function brokenMessage({ role, content }: Message, next: Message | undefined, served: readonly WireBlock[]) {
  if (content.length === 0) return 'all messages must have non-empty content';
  const blocks = typeof content === 'string' ? [{ type: 'text', text: content }] : content;
  if (blocks.some(({ type, text }) => type === 'text' && text?.trim() === ''))
    return 'text content blocks must contain non-whitespace text';
  if (role === 'user') {
    const lastResult = blocks.findLastIndex(({ type }) => type === 'tool_result');
    return blocks.slice(0, Math.max(0, lastResult)).some(({ type }) => type !== 'tool_result')
      ? 'tool_result blocks must come first in the content'
      : undefined;
  }
  const last = blocks.at(-1);
  if (last !== undefined && isThought(last)) return 'the final block in an assistant message cannot be `thinking`';
  const calls = blocks.flatMap(({ type, id }) => (type === 'tool_use' ? [id] : []));
  const answered = resultsOf(next);
  if (calls.length > 0 && !isDeepStrictEqual(calls.toSorted(), answered.toSorted()))
    return 'each `tool_use` block must have a corresponding `tool_result` block in the next message';
  return blocks.filter(isThought).every((block) => served.some((one) => isDeepStrictEqual(one, block)))
    ? undefined
    : '`thinking` blocks cannot be modified';
}

function isThought({ type }: Block): boolean {
  return type === 'thinking' || type === 'redacted_thinking';
}

function resultsOf(message: Message | undefined): unknown[] {
  if (message === undefined || typeof message.content === 'string') return [];
  return message.content.flatMap((block) => (block.type === 'tool_result' ? [block['tool_use_id']] : []));
}
