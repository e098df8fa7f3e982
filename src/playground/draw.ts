import { cutColumns, oneLine, plainText } from '../render/format.ts';
import { isJson, isJsonList, textOf } from './args.ts';
import { drawChart } from './draw-chart.ts';
import type { TextStyle } from './draw-text.ts';
import { columns, drawInlines, drawMrkdwn, drawTextObject, wrapColumns } from './draw-text.ts';
import type { Json } from './state.ts';

/** What is drawn of a file: never what is in it. */
interface DrawnFile {
  filename: string;
  title: string;
  alt?: string;
  length: number;
}

export interface DrawOptions {
  /** Columns of the terminal, 20 to 200; default 80. */
  width?: number;
  /** Names for ids of users and channels. */
  nameOf?: (id: string) => string | undefined;
  /** `ansi` writes headings and emphasis bold; default `plain`. */
  emphasis?: 'plain' | 'ansi';
  /** What stands on the left of every line; default `│ `. */
  edge?: string;
  /** The files that the message shares. */
  files?: readonly DrawnFile[];
}

interface Pen extends TextStyle {
  width: number;
}

/**
 * Draws a message as people see it in Slack: its blocks, or its text when it has none, and its files. Control bytes of the content
 * are removed.
 */
export function drawMessage(message: { text: string; blocks?: readonly unknown[] }, options: DrawOptions = {}): string {
  const edge = options.edge ?? '│ ';
  const width = Math.min(200, Math.max(20, options.width ?? 80)) - columns(edge);
  const bold = (text: string): string => (options.emphasis === 'ansi' ? `\u001b[1m${text}\u001b[22m` : text);
  const pen: Pen = { width, bold, nameOf: options.nameOf ?? (() => undefined) };
  const blocks = (message.blocks ?? []).filter(isJson);
  const lines =
    blocks.length === 0
      ? wrapColumns(drawMrkdwn(message.text, pen), width)
      : blocks.flatMap((block, index) => [...(index > 0 && spaced(block) ? [''] : []), ...drawBlock(block, pen)]);
  for (const file of options.files ?? []) lines.push(...drawFile(file, pen));
  return lines.map((line) => `${edge}${line}`.trimEnd()).join('\n');
}

function drawFile({ filename, title, alt, length }: DrawnFile, pen: Pen): string[] {
  const size = length < 1_024 ? `${length} B` : `${(length / 1_024).toFixed(length < 10_240 ? 1 : 0)} KiB`;
  const name = oneLine(filename);
  const titled = oneLine(title) === name ? name : `${name} · ${oneLine(title)}`;
  const lines = wrapColumns(`📎 ${titled} · ${size}`, pen.width);
  return alt === undefined ? lines : [...lines, ...wrapColumns(`[image: ${oneLine(alt)}]`, pen.width)];
}

function spaced(block: Json): boolean {
  return block['type'] !== 'context' && block['type'] !== 'divider';
}

function drawBlock(block: Json, pen: Pen): string[] {
  const draw = BLOCKS[textOf(block['type']) ?? ''];
  return draw === undefined ? [`[${plainText(textOf(block['type']) ?? 'block')}]`] : draw(block, pen);
}

const BLOCKS: Readonly<Record<string, (block: Json, pen: Pen) => string[]>> = {
  header: (block, pen) => wrapColumns(drawTextObject(block['text'], pen), pen.width).map(pen.bold),
  section: drawSection,
  context: (block, pen) => {
    const parts = list(block['elements']).map((element) =>
      element['type'] === 'image' ? imageOf(element) : drawTextObject(element, pen),
    );
    return wrapColumns(parts.join(' · '), pen.width);
  },
  rich_text: (block, pen) => list(block['elements']).flatMap((group) => drawGroup(group, pen)),
  markdown: (block, pen) => wrapColumns(plainText(textOf(block['text']) ?? ''), pen.width),
  divider: (_block, pen) => ['─'.repeat(pen.width)],
  image: (block, pen) => wrapColumns(imageOf(block), pen.width),
  actions: (block, pen) =>
    wrapColumns(
      list(block['elements'])
        .map((element) => buttonOf(element, pen))
        .join(' '),
      pen.width,
    ),
  plan: (block, pen) => [
    ...wrapColumns(plainText(textOf(block['title']) ?? ''), pen.width).map(pen.bold),
    ...list(block['tasks']).flatMap((task) => drawTask(task, pen)),
  ],
  task_card: drawTask,
  table: (block, pen) => drawTable(block['rows'], pen),
  data_table: (block, pen) => [
    ...wrapColumns(plainText(textOf(block['caption']) ?? ''), pen.width).map(pen.bold),
    ...drawTable(block['rows'], pen),
  ],
  data_visualization: drawChart,
  alert: (block, pen) => wrapColumns(`! ${drawTextObject(block['text'], pen)}`, pen.width),
};

function list(value: unknown): Json[] {
  return isJsonList(value) ? value : [];
}

function imageOf(image: Json): string {
  return `[image: ${plainText(textOf(image['alt_text']) ?? '')}]`;
}

function buttonOf(element: Json, pen: Pen): string {
  const label = drawTextObject(element['text'] ?? element['placeholder'], pen);
  return `[ ${label === '' ? plainText(textOf(element['type']) ?? '') : label} ]`;
}

function drawSection(block: Json, pen: Pen): string[] {
  const text = drawTextObject(block['text'], pen);
  const lines = text === '' ? [] : wrapColumns(text, pen.width);
  const fields = list(block['fields']).map((field) => drawTextObject(field, pen));
  const accessory = isJson(block['accessory']) ? block['accessory'] : undefined;
  if (accessory !== undefined)
    lines.push(accessory['type'] === 'image' ? imageOf(accessory) : buttonOf(accessory, pen));
  return [...lines, ...drawFields(fields, pen)];
}

/** Fields stand two in a row, as Slack shows them on a wide screen. */
function drawFields(fields: readonly string[], pen: Pen): string[] {
  const half = Math.floor((pen.width - 2) / 2);
  if (half < 16) return fields.flatMap((field) => wrapColumns(field, pen.width));
  const lines: string[] = [];
  for (let index = 0; index < fields.length; index += 2) {
    const left = wrapColumns(fields[index] ?? '', half);
    const right = wrapColumns(fields[index + 1] ?? '', half);
    for (let row = 0; row < Math.max(left.length, right.length); row++) {
      lines.push(`${pad(left[row] ?? '', half)}  ${right[row] ?? ''}`.trimEnd());
    }
  }
  return lines;
}

function pad(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - columns(text)));
}

function drawGroup(group: Json, pen: Pen): string[] {
  switch (group['type']) {
    case 'rich_text_list':
      return drawList(group, pen);
    case 'rich_text_quote':
      return wrapColumns(drawInlines(group['elements'], pen), pen.width - 2).map((line) => `▎ ${line}`);
    case 'rich_text_preformatted':
      return wrapColumns(drawInlines(group['elements'], { ...pen, bold: (text) => text }), pen.width - 2).map(
        (line) => `  ${line}`,
      );
    default:
      return wrapColumns(drawInlines(group['elements'], pen).replace(/\n$/, ''), pen.width);
  }
}

function drawList(group: Json, pen: Pen): string[] {
  const indent = '  '.repeat(Math.min(8, Number(textOf(group['indent']) ?? 0) || 0));
  const first = Number(textOf(group['offset']) ?? 0) || 0;
  return list(group['elements']).flatMap((item, index) => {
    const mark = group['style'] === 'ordered' ? `${first + index + 1}. ` : '• ';
    const lines = wrapColumns(drawInlines(item['elements'], pen), pen.width - indent.length - mark.length);
    return lines.map((line, row) => `${indent}${row === 0 ? mark : ' '.repeat(mark.length)}${line}`);
  });
}

const TASK_MARKS: Readonly<Record<string, string>> = { pending: '○', in_progress: '◐', complete: '●', error: '✗' };

function drawTask(task: Json, pen: Pen): string[] {
  const mark = TASK_MARKS[textOf(task['status']) ?? ''] ?? '?';
  const title = wrapColumns(plainText(textOf(task['title']) ?? ''), pen.width - 2);
  const lines = title.map((line, row) => `${row === 0 ? mark : ' '} ${line}`);
  for (const key of ['details', 'output']) {
    const part = task[key];
    if (!isJson(part)) continue;
    const inner = list(part['elements']).flatMap((group) => drawGroup(group, { ...pen, width: pen.width - 4 }));
    lines.push(...inner.map((line) => `    ${line}`));
  }
  return lines;
}

function drawTable(rows: unknown, pen: Pen): string[] {
  const cells = (Array.isArray(rows) ? rows : []).map((row: unknown) => list(row).map((cell) => drawCell(cell, pen)));
  const count = Math.max(0, ...cells.map((row) => row.length));
  if (count === 0) return [];
  const widths = Array.from({ length: count }, (_, column) =>
    Math.max(1, ...cells.map((row) => columns(row[column] ?? ''))),
  );
  shrink(widths, pen.width - 2 * (count - 1));
  const lines = cells.map((row) =>
    widths
      .map((width, column) => pad(cutColumns(row[column] ?? '', width), width))
      .join('  ')
      .trimEnd(),
  );
  return [
    ...lines.slice(0, 1).map(pen.bold),
    '─'.repeat(Math.min(pen.width, sum(widths) + 2 * (count - 1))),
    ...lines.slice(1),
  ];
}

function drawCell(cell: Json, pen: Pen): string {
  const plain = { ...pen, bold: (text: string) => text };
  const text =
    cell['type'] === 'rich_text'
      ? list(cell['elements'])
          .map((group) => drawInlines(group['elements'], plain))
          .join(' ')
      : (textOf(cell['text']) ?? textOf(cell['value']) ?? '');
  return plainText(text).replaceAll(/\s+/g, ' ').trim();
}

/** Takes columns from the widest until all fit; a cell that is cut ends with an ellipsis. */
function shrink(widths: number[], room: number): void {
  for (let total = sum(widths); total > room; total -= 1) {
    const widest = widths.indexOf(Math.max(...widths));
    const width = widths[widest];
    if (width === undefined || width <= 3) return;
    widths[widest] = width - 1;
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
