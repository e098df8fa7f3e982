import { cutText, escapeMrkdwn } from '../format.ts';
import { fieldsOf } from './check-fields.ts';

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
  const lines = blocks.map(textOf).filter((line) => line !== '');
  const text = escapeMrkdwn(lines.join('\n'));
  return text.length <= PLAIN_CHARS ? text : `${cutText(text, PLAIN_CHARS)}\n(cut: ${text.length} characters)`;
}

/** What one block says, literally. */
export function textOf(value: unknown): string {
  if (Array.isArray(value)) return value.map(textOf).join('');
  if (typeof value !== 'object' || value === null) return '';
  const fields = new Map<string, unknown>(Object.entries(value));
  const type = String(fields.get('type'));
  if (type === 'mrkdwn') return decoded(String(fields.get('text')));
  if (type === 'data_visualization') return `${String(fields.get('title'))}\n${chartText(fields.get('chart'))}`;
  // Buttons are words apart.
  if (type === 'actions') return `${[fields.get('elements')].flat().map(textOf).join(' · ')}\n`;
  const url = fields.get('url');
  const text = fields.get('text');
  const own = typeof text === 'string' ? text : textOf(text);
  const linked = typeof url === 'string' && url !== own ? `${own} ${url}` : own;
  const inner = ['fields', 'elements', 'tasks', 'title', 'alt_text'].map((key) => partOf(fields.get(key))).join('');
  const caption = fields.get('caption');
  const title = typeof caption === 'string' ? `${caption}\n` : '';
  return `${title}${linked}${inner}${rowsText(fields.get('rows'))}${LINE_TYPES.has(type) ? '\n' : ''}`;
}

/** The text that mrkdwn shows, with the address behind a link. */
function decoded(text: string): string {
  const shown = text.replace(/<([^|<>]+)\|([^<>]+)>/g, '$2 $1');
  return shown.replace(/&lt;/g, '<').replace(/&gt;/g, '>').replace(/&amp;/g, '&');
}

function rowsText(rows: unknown): string {
  if (!Array.isArray(rows)) return '';
  const lines = rows.map((row) => (Array.isArray(row) ? row.map((cell) => textOf(cell).trim()).join(' | ') : ''));
  return `${lines.join('\n')}\n`;
}

function chartText(chart: unknown): string {
  const { series, segments, axis_config } = fieldsOf(chart);
  // The unit stands in the title of an axis, and nowhere else in the block.
  const { x_label, y_label } = fieldsOf(axis_config);
  const axes = [y_label, x_label].filter((label) => typeof label === 'string');
  const lines = (Array.isArray(series) ? series : [{ data: segments }]).map((one) => {
    const { name, data } = fieldsOf(one);
    const points = (Array.isArray(data) ? data : []).map((point) => {
      const { label, value } = fieldsOf(point);
      return `${String(label)} ${String(value)}`;
    });
    return `${typeof name === 'string' ? `${name}: ` : ''}${points.join(' · ')}`;
  });
  return `${[...(axes.length === 0 ? [] : [axes.join(' · ')]), ...lines].join('\n')}\n`;
}

function partOf(value: unknown): string {
  return typeof value === 'string' ? `${value}\n` : textOf(value);
}
