import { checkMessage } from '../render/slack/check.ts';
import { SLACK_LIMITS } from '../render/slack/limits.ts';
import type { Violation as LimitViolation } from '../render/slack/check.ts';
import type { Args } from './args.ts';
import { isJson, isJsonList, textOf } from './args.ts';
import { refused } from './reply.ts';
import type { Reply } from './reply.ts';
import type { Json, World } from './state.ts';

export interface Content {
  text: string;
  blocks: Json[];
  metadata?: Json;
}

/** The content of a message as an app sent it, or Slack's refusal; every refusal is noted as a violation of the workspace. */
export function readContent(args: Args, world: World): { content: Content } | { refusal: Reply } {
  const text = args.text('text') ?? '';
  const blocks = args.json('blocks');
  if (blocks === 'malformed' || (blocks !== 'absent' && !isJsonList(blocks.value)))
    return { refusal: refused('invalid_blocks_format') };
  const list = blocks === 'absent' || !isJsonList(blocks.value) ? [] : blocks.value;
  const problem = refusalOf(checkMessage({ text, blocks: list }));
  if (problem !== undefined) {
    world.violate(textOf(problem['error']) ?? '', JSON.stringify(problem['response_metadata'] ?? {}).slice(0, 500));
    return { refusal: problem };
  }
  const metadata = args.json('metadata');
  if (metadata === 'absent') return { content: { text, blocks: list } };
  if (metadata === 'malformed' || !isMetadata(metadata.value)) return { refusal: refused('invalid_metadata_format') };
  return { content: { text, blocks: list, metadata: metadata.value } };
}

/** Slack's answer to the gravest of these violations, with a JSON pointer to each place. */
function refusalOf(violations: readonly LimitViolation[]): Reply | undefined {
  const first = violations[0];
  if (first === undefined) return undefined;
  const errors = violations.slice(0, 20).map(({ message, pointer }) => `${message} [json-pointer:${pointer}]`);
  if (first.code === 'no_text') return refused('no_text');
  return refused(first.code, { errors, response_metadata: { messages: errors.map((error) => `[ERROR] ${error}`) } });
}

function isMetadata(value: unknown): value is Json {
  return isJson(value) && typeof value['event_type'] === 'string' && isJson(value['event_payload']);
}

// SLACK.md 2 (doc comments of @slack/types): the parts of a view that a message does not have.
const VIEW_LIMITS = { blocks: 100, words: 24, privateMetadata: 3_000, callbackId: 255 } as const;

/** A modal or Home tab, or Slack's refusal. */
export function readView(args: Args, world: World): { view: Json } | { refusal: Reply } {
  const sent = args.json('view');
  if (sent === 'absent' || sent === 'malformed' || !isJson(sent.value))
    return { refusal: refused('invalid_arguments') };
  const errors = viewErrors(sent.value);
  if (errors.length === 0) return { view: sent.value };
  world.violate('view', errors[0] ?? '');
  const messages = errors.slice(0, 20).map((error) => `[ERROR] ${error}`);
  return { refusal: refused('invalid_arguments', { response_metadata: { messages } }) };
}

function viewErrors(view: Json): string[] {
  const errors: string[] = [];
  const say = (pointer: string, reason: string): void => void errors.push(`${reason} [json-pointer:/view${pointer}]`);
  if (view['type'] !== 'modal' && view['type'] !== 'home') say('/type', 'must be modal or home');
  if (view['type'] === 'modal' && !isJson(view['title'])) say('/title', 'is missing');
  for (const key of ['title', 'submit', 'close']) {
    const part = view[key];
    const words = isJson(part) ? (textOf(part['text']) ?? '') : undefined;
    if (words !== undefined && (words === '' || words.length > VIEW_LIMITS.words)) {
      say(`/${key}/text`, `must be 1 to ${VIEW_LIMITS.words} characters`);
    }
  }
  if ((textOf(view['private_metadata']) ?? '').length > VIEW_LIMITS.privateMetadata)
    say('/private_metadata', 'is too long');
  if ((textOf(view['callback_id']) ?? '').length > VIEW_LIMITS.callbackId) say('/callback_id', 'is too long');
  const blocks = view['blocks'];
  if (!isJsonList(blocks)) say('/blocks', 'must be an array of blocks');
  else {
    if (blocks.length > VIEW_LIMITS.blocks) say('/blocks', `more than ${VIEW_LIMITS.blocks} blocks`);
    for (const { pointer, message } of blockErrors(blocks)) say(pointer, message);
  }
  return errors;
}

// A view may hold more blocks and more text than a message; each block alone obeys the same rules.
function blockErrors(blocks: readonly Json[]): { pointer: string; message: string }[] {
  return blocks.slice(0, VIEW_LIMITS.blocks + SLACK_LIMITS.blocks).flatMap((block, index) =>
    checkMessage({ text: 'a view', blocks: [block] })
      .filter(({ code }) => code === 'invalid_blocks')
      .map(({ pointer, message }) => ({ pointer: pointer.replace(/^\/blocks\/0/, `/blocks/${index}`), message })),
  );
}
