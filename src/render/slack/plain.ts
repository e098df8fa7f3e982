import { cutText, escapeMrkdwn } from '../format.ts';

/** O: one plain message; Slack cuts at 40,000 without saying so. */
const PLAIN_CHARS = 12_000;
const LINE_TYPES = new Set([
  'rich_text_section',
  'rich_text_quote',
  'rich_text_preformatted',
  'header',
  'section',
  'context',
]);

/** What the blocks say as escaped text, for the case that Slack refuses the blocks; the cut, if any, is said. */
export function blocksAsText(blocks: readonly unknown[]): string {
  const text = escapeMrkdwn(
    blocks
      .map(textOf)
      .filter((line) => line !== '')
      .join('\n'),
  );
  return text.length <= PLAIN_CHARS ? text : `${cutText(text, PLAIN_CHARS)}\n(cut: ${text.length} characters)`;
}

function textOf(value: unknown): string {
  if (Array.isArray(value)) return value.map(textOf).join('');
  if (typeof value !== 'object' || value === null) return '';
  const fields = new Map<string, unknown>(Object.entries(value));
  const url = fields.get('url');
  const text = fields.get('text');
  const own = typeof text === 'string' ? text : textOf(text);
  const linked = typeof url === 'string' && url !== own ? `${own} ${url}` : own;
  const inner = ['fields', 'elements', 'tasks', 'title'].map((key) => partOf(fields.get(key))).join('');
  return `${linked}${inner}${LINE_TYPES.has(String(fields.get('type'))) ? '\n' : ''}`;
}

function partOf(value: unknown): string {
  return typeof value === 'string' ? `${value}\n` : textOf(value);
}
