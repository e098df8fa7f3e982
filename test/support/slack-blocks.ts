/** What stands in Slack messages, for tests. */
import type { FilePlan } from '../../src/render/file-plan.ts';
import type { SlackMessage, SlackPart } from '../../src/render/slack/message.ts';
import type { SlackBlock } from '../../src/render/slack/types.ts';

export const LIVE_MENTION = /<(?:!|@|#)/;
export const LONE_SURROGATE = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/;

export function messagesOf(parts: readonly SlackPart[]): SlackMessage[] {
  return parts.flatMap((part) => ('blocks' in part ? [part] : []));
}

export function filesOf(parts: readonly SlackPart[]): FilePlan[] {
  return parts.flatMap((part) => ('files' in part ? part.files : []));
}

/** The blocks of one type, in all messages. */
export function blocksOf<Type extends SlackBlock['type']>(
  parts: readonly SlackPart[],
  type: Type,
): Extract<SlackBlock, { type: Type }>[] {
  const isOfType = (block: SlackBlock): block is Extract<SlackBlock, { type: Type }> => block.type === type;
  return messagesOf(parts).flatMap(({ blocks }) => blocks.filter(isOfType));
}

const SHOWN = ['text', 'url', 'title', 'caption', 'name', 'label', 'alt_text', 'x_label', 'y_label'];

/** Every string of a message that a reader sees, or that Slack parses. */
export function strings(value: unknown, keys: readonly string[] = SHOWN): string[] {
  if (Array.isArray(value)) return value.flatMap((item) => strings(item, keys));
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, item]) =>
    typeof item === 'string' ? (keys.includes(key) ? [item] : []) : strings(item, keys),
  );
}

/** What Slack parses for mentions: the texts of parts, mrkdwn, and markdown blocks. */
export function parsedTexts(parts: readonly SlackPart[]): string[] {
  return parts.flatMap((part) => [part.text, ...('blocks' in part ? parsedFields(part.blocks) : [])]);
}

function parsedFields(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(parsedFields);
  if (typeof value !== 'object' || value === null) return [];
  const fields: Record<string, unknown> = { ...value };
  const isParsed = fields['type'] === 'mrkdwn' || fields['type'] === 'markdown';
  const own = isParsed && typeof fields['text'] === 'string' ? [fields['text']] : [];
  return [...own, ...Object.values(fields).flatMap(parsedFields)];
}
