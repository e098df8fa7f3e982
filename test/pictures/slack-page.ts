/**
 * Our own drawing of a Slack message from its blocks, for the pictures: what stands where, not how Slack's clients paint it. It reads the blocks
 * as they go over the wire, so a block of an unknown type is seen as such.
 */
import { escapeHtml } from '../../src/render/format.ts';
import { drawChart } from '../../src/render/charts/svg.ts';
import { Section } from '../../src/store/report-sections.ts';

type Fields = Record<string, unknown>;

const STYLE = `body{margin:0;background:#fff;color:#1d1c1d;font:15px/1.46 Lato,'Helvetica Neue',Arial,sans-serif}
.msg{display:flex;gap:10px;padding:14px 20px}.av{flex:none;width:36px;height:36px;border-radius:6px;background:#1f2937;color:#fff;display:grid;place-items:center;font-size:18px}
.who{font-weight:900}.app{background:#ebeaeb;color:#454447;font-size:10px;border-radius:2px;padding:1px 4px;margin:0 6px;font-weight:700}.at,.ctx{color:#616061;font-size:12px}
.body{min-width:0;flex:1}.hd{font-weight:900;font-size:18px;margin:4px 0}.b{margin:4px 0 8px}.f{display:grid;grid-template-columns:1fr 1fr;gap:8px 24px}
.p{white-space:pre-wrap;overflow-wrap:anywhere}ul,ol{margin:2px 0;padding-left:26px}pre{background:#f8f8f8;border:1px solid #ddd;border-radius:4px;padding:8px;font:12px/1.5 'DejaVu Sans Mono',monospace;overflow:hidden;margin:4px 0}
blockquote{border-left:4px solid #ddd;margin:2px 0;padding-left:12px}a{color:#1264a3;text-decoration:none}table{border-collapse:separate;border-spacing:0;border:1px solid #ddd;border-radius:8px;font-size:13px;overflow:hidden}
th,td{padding:6px 12px;border-bottom:1px solid #e8e8e8;text-align:left}th{background:#f8f8f8}.r{text-align:right;font-variant-numeric:tabular-nums}tr:last-child td{border-bottom:0}
.viz{border:1px solid #ddd;border-radius:8px;padding:10px 12px}.cap{font-weight:700;margin-bottom:4px}.th{margin:6px 20px 0 66px;color:#616061;font-size:13px;border-top:1px solid #e8e8e8;padding-top:6px}.file{border:1px solid #ddd;border-radius:8px;padding:8px 12px;display:inline-block;margin:2px 6px 2px 0}.btn{border:1px solid #bbb;border-radius:4px;padding:4px 11px;display:inline-block;margin:2px 8px 2px 0;font-size:13px;font-weight:700}.primary{background:#007a5a;color:#fff;border-color:#007a5a}.danger{color:#e01e5a;border-color:#e01e5a}.acc{float:right;margin-left:16px}.task{font-size:13px;padding:2px 0}.p code{background:#f6f6f6;border:1px solid #ddd;border-radius:3px;color:#c01343;font:12px 'DejaVu Sans Mono',monospace;padding:1px 3px}`;

export interface Drawn {
  blocks: readonly unknown[];
  files?: readonly { name: string; title: string }[];
}

/** The messages of a report under each other: the post, then its thread. */
export function slackPage(messages: readonly Drawn[]): string {
  const drawn = messages.map(({ blocks, files = [] }, at) => {
    const rule = at === 1 ? `<div class="th">${messages.length - 1} in the thread</div>` : '';
    const attached = files.map(
      ({ title, name }) =>
        `<span class="file">📎 ${escapeHtml(title)}<br><span class="at">${escapeHtml(name)}</span></span>`,
    );
    return `${rule}<div class="msg"><div class="av">🛎️</div><div class="body"><span class="who">Bellhop</span><span class="app">APP</span><span class="at">9:00 AM</span>${blocks.map((block) => `<div class="b">${drawBlock(fieldsOf(block))}</div>`).join('')}${attached.join('')}</div></div>`;
  });
  return `<!doctype html><meta charset="utf-8"><style>${STYLE}</style><body>${drawn.join('')}</body>`;
}

function drawBlock(block: Fields): string {
  switch (block['type']) {
    case 'header':
      return `<div class="hd">${text(fieldsOf(block['text'])['text'])}</div>`;
    case 'section':
      return `${block['accessory'] === undefined ? '' : `<div class="acc">${button(fieldsOf(block['accessory']))}</div>`}${block['text'] === undefined ? '' : `<div class="p">${mrkdwn(block['text'])}</div>`}<div class="f">${list(
        block['fields'],
      )
        .map((field) => `<div class="p">${mrkdwn(field)}</div>`)
        .join('')}</div>`;
    case 'context':
      return `<div class="ctx p">${list(block['elements']).map(mrkdwn).join(' ')}</div>`;
    case 'divider':
      return '<hr style="border:0;border-top:1px solid #ddd">';
    case 'rich_text':
      return list(block['elements']).map(group).join('');
    case 'data_table':
    case 'table':
      return table(block);
    case 'data_visualization':
      return chart(block);
    case 'actions':
      return list(block['elements']).map(button).join('');
    case 'plan':
      return `<div class="viz"><div class="cap">${text(block['title'])}</div>${list(block['tasks']).map(taskLine).join('')}</div>`;
    default:
      return `<pre>${escapeHtml(JSON.stringify(block, null, 1).slice(0, 600))}</pre>`;
  }
}

function button(one: Fields): string {
  const style = typeof one['style'] === 'string' ? ` ${one['style']}` : '';
  return `<span class="btn${escapeHtml(style)}">${text(fieldsOf(one['text'])['text'])}</span>`;
}

function taskLine(task: Fields): string {
  const marks: Record<string, string> = { complete: '✓', error: '✗', in_progress: '…' };
  return `<div class="task"><b>${marks[String(task['status'])] ?? '·'}</b> ${text(task['title'])}</div>`;
}

function group(element: Fields): string {
  const children = list(element['elements']);
  switch (element['type']) {
    case 'rich_text_list': {
      const tag = element['style'] === 'ordered' ? 'ol' : 'ul';
      const start = typeof element['offset'] === 'number' ? ` start="${element['offset'] + 1}"` : '';
      const indent = typeof element['indent'] === 'number' ? element['indent'] : 0;
      return `<${tag}${start} style="margin-left:${indent * 24}px">${children.map((item) => `<li class="p">${inlines(item)}</li>`).join('')}</${tag}>`;
    }
    case 'rich_text_quote':
      return `<blockquote class="p">${inlines(element)}</blockquote>`;
    case 'rich_text_preformatted':
      return `<pre class="p">${inlines(element)}</pre>`;
    default:
      return `<div class="p">${inlines(element)}</div>`;
  }
}

function inlines(element: Fields): string {
  return list(element['elements'])
    .map((inline) => {
      const style = fieldsOf(inline['style']);
      const shown = text(inline['text'] ?? inline['url'] ?? inline['name']);
      const marks = (['bold', 'italic', 'strike', 'code'] as const).filter((mark) => style[mark] === true);
      const tags = { bold: 'b', italic: 'i', strike: 's', code: 'code' };
      const wrapped = marks.reduce((html, mark) => `<${tags[mark]}>${html}</${tags[mark]}>`, shown);
      return inline['type'] === 'link' ? `<a>${wrapped}</a>` : wrapped;
    })
    .join('');
}

function table(block: Fields): string {
  const rows = (Array.isArray(block['rows']) ? block['rows'] : []).map(list);
  const size = typeof block['page_size'] === 'number' ? block['page_size'] : 100;
  const cell = (one: Fields, tag: string): string => {
    const isNumber = String(one['type']).includes('number');
    const value = one['text'] ?? one['value'] ?? one['number'];
    const inner =
      one['type'] === 'rich_text'
        ? list(one['elements']).map(inlines).join('')
        : text(typeof value === 'object' ? fieldsOf(value)['text'] : value);
    return `<${tag}${isNumber ? ' class="r"' : ''}>${inner}</${tag}>`;
  };
  const lines = rows
    .slice(0, size + 1)
    .map((row, at) => `<tr>${row.map((one) => cell(one, at === 0 ? 'th' : 'td')).join('')}</tr>`);
  const caption = block['caption'];
  return `<div class="cap">${text(typeof caption === 'object' ? fieldsOf(caption)['text'] : caption)}</div><table>${lines.join('')}</table>`;
}

/** Slack draws the chart itself; ours stands for it, from the numbers in the block. */
function chart(block: Fields): string {
  const title = `<div class="cap">${text(block['title'])}</div>`;
  const read = Section.safeParse({
    kind: 'chart',
    alt: 'drawn from the block',
    chart: chartOf(fieldsOf(block['chart'])),
  });
  if (!read.success || read.data.kind !== 'chart')
    return `<div class="viz">${title}<pre>${escapeHtml(JSON.stringify(block['chart']).slice(0, 500))}</pre></div>`;
  return `<div class="viz">${title}${drawChart(read.data, { locale: 'en-US', width: 620, theme: 'light' })}</div>`;
}

function chartOf(chart_: Fields): unknown {
  if (chart_['type'] === 'pie')
    return { type: 'pie', segments: list(chart_['segments']).map(({ label, value }) => ({ label, value })) };
  const axis = fieldsOf(chart_['axis_config']);
  const series = list(chart_['series']).map((one) => ({
    name: one['name'],
    values: list(one['data']).map(({ value }) => value),
  }));
  return { type: chart_['type'], categories: axis['categories'], series };
}

function mrkdwn(value: unknown): string {
  const object = fieldsOf(value);
  const shown = text(object['text']);
  if (object['type'] !== 'mrkdwn') return shown;
  return String(object['text'])
    .replace(/&(?!amp;|lt;|gt;)/g, '&amp;')
    .replace(/<!date\^[^|>]*\|([^>]*)>/g, '$1')
    .replace(/<([^|>]+)\|([^>]*)>/g, '<a>$2</a>')
    .replace(/`([^`\n]+)`/g, '<code>$1</code>')
    .replace(/(^|\s)\*([^*\n]+)\*/g, '$1<b>$2</b>');
}

function text(value: unknown): string {
  return escapeHtml(typeof value === 'string' || typeof value === 'number' ? String(value) : '');
}

function list(value: unknown): Fields[] {
  return Array.isArray(value) ? value.map(fieldsOf) : [];
}

function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value))
    : {};
}
