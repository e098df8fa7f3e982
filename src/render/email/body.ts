/**
 * The parts of a report as HTML that old mail programs lay out: tables, inline styles, and classes only for dark mode. Safe by
 * construction: every text passes escapeHtml, every address was checked by markdown.ts or the schema, and no image is fetched.
 */
import type { Figure } from '../../store/report-sections.ts';
import { describeDelta, escapeHtml, oneLine } from '../format.ts';
import type { Tone } from '../format.ts';
import { inlineText } from '../markdown.ts';
import type { Align, Block, Inline, Item } from '../markdown.ts';
import { PALETTE } from './palette.ts';

const C = PALETTE.light;
export const FONT = "-apple-system,BlinkMacSystemFont,'Segoe UI',Roboto,Helvetica,Arial,sans-serif";
const MONO = "ui-monospace,SFMono-Regular,Menlo,Consolas,'Liberation Mono',monospace";
const FIGURES_A_ROW = 3;

/** Blocks as HTML, one string a top-level block, so that a caller can stop at its size limit. */
export function blocksToHtml(blocks: readonly Block[]): string[] {
  return blocks.map((block) => blockToHtml(block));
}

export function paragraph(text: string, style = ''): string {
  return `<p dir="auto" class="ink" style="margin:0 0 14px;color:${C.ink};${style}">${escapeHtml(text)}</p>`;
}

/** The title of a section. */
export function heading(text: string): string {
  return `<h2 dir="auto" class="ink" style="margin:30px 0 10px;font-size:18px;line-height:1.3;font-weight:700;color:${C.ink}">${escapeHtml(text)}</h2>`;
}

/** A coloured line that says what is wrong with the report. */
export function banner(tone: 'warn' | 'fail', html: string): string {
  const [back, ink] = tone === 'warn' ? [C.warnBack, C.warnInk] : [C.failBack, C.failInk];
  return `<div dir="auto" class="${tone}" style="margin:0 0 12px;padding:10px 14px;border-radius:6px;background:${back};color:${ink};font-size:14px;line-height:1.45">${html}</div>`;
}

/** Figures three to a row; narrow screens stack them. */
export function figuresToHtml(figures: readonly Figure[], locale: string): string {
  const rows: string[] = [];
  for (let at = 0; at < figures.length; at += FIGURES_A_ROW) {
    const cells = figures.slice(at, at + FIGURES_A_ROW).map((figure) => figureCell(figure, locale));
    const empty = '<td class="fig" width="33%"></td>'.repeat(FIGURES_A_ROW - cells.length);
    rows.push(`<tr>${cells.join('')}${empty}</tr>`);
  }
  return `<table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0" style="margin:6px 0 14px">${rows.join('')}</table>`;
}

const TONE_COLOR: Record<Tone, string> = { good: C.good, bad: C.bad, neutral: C.muted };

function figureCell(figure: Figure, locale: string): string {
  const delta = figure.delta === undefined ? undefined : describeDelta(figure.delta, locale);
  const change =
    delta === undefined
      ? ''
      : `<div dir="auto" class="${delta.tone}" style="font-size:13px;line-height:1.4;font-weight:600;color:${TONE_COLOR[delta.tone]}">${escapeHtml(oneLine(delta.text))}</div>`;
  return `<td class="fig" width="33%" valign="top" style="padding:8px 12px 10px 0"><div dir="auto" class="muted" style="font-size:13px;line-height:1.4;color:${C.muted}">${escapeHtml(oneLine(figure.label))}</div><div dir="auto" class="ink" style="font-size:24px;line-height:1.25;font-weight:700;color:${C.ink}">${escapeHtml(oneLine(figure.display))}</div>${change}</td>`;
}

function blockToHtml(block: Block, tight?: 'tight'): string {
  switch (block.kind) {
    case 'heading': {
      // One h1 and the section titles (h2) stand above, so headings in markdown start at h3.
      const level = Math.min(6, block.depth + 2);
      const size = block.depth <= 2 ? 16 : 15;
      return `<h${level} dir="auto" class="ink" style="margin:20px 0 8px;font-size:${size}px;line-height:1.35;color:${C.ink}">${inlinesToHtml(block.inlines)}</h${level}>`;
    }
    case 'paragraph':
      return `<p dir="auto" class="ink" style="margin:0 0 ${tight ? 2 : 14}px;color:${C.ink}">${inlinesToHtml(block.inlines)}</p>`;
    case 'list': {
      const tag = block.ordered ? 'ol' : 'ul';
      const start = block.ordered && block.start !== 1 ? ` start="${block.start}"` : '';
      const items = block.items.map(itemToHtml).join('');
      return `<${tag}${start} dir="auto" class="ink" style="margin:0 0 ${tight ? 2 : 14}px;padding:0 0 0 24px;color:${C.ink}">${items}</${tag}>`;
    }
    case 'quote':
      return `<blockquote dir="auto" class="quote" style="margin:0 0 14px;padding:2px 0 2px 14px;border-left:3px solid ${C.line}">${block.blocks.map((one) => blockToHtml(one, 'tight')).join('')}</blockquote>`;
    case 'code':
      return `<pre dir="ltr" class="code" style="margin:0 0 14px;padding:12px 14px;border-radius:6px;background:${C.codeBack};color:${C.ink};font:13px/1.5 ${MONO};white-space:pre-wrap;overflow-wrap:anywhere">${escapeHtml(block.text)}</pre>`;
    case 'table':
      return tableToHtml(block.align, block.rows);
    case 'rule':
      return `<hr class="rule" style="margin:20px 0;border:0;border-top:1px solid ${C.line}">`;
    default:
      return block satisfies never;
  }
}

function itemToHtml(item: Item): string {
  const mark = item.checked === undefined ? '' : item.checked ? '☑ ' : '☐ ';
  const [first, ...rest] = item.blocks;
  const head = first?.kind === 'paragraph' ? inlinesToHtml(first.inlines) : '';
  const others = first?.kind === 'paragraph' ? rest : item.blocks;
  const style = item.checked === undefined ? '' : ';list-style:none';
  return `<li dir="auto" style="margin:0 0 6px${style}">${mark}${head}${others.map((block) => blockToHtml(block, 'tight')).join('')}</li>`;
}

function tableToHtml(align: readonly Align[], rows: readonly Inline[][][]): string {
  const [header = [], ...body] = rows;
  const cell = (inlines: readonly Inline[] | undefined, shape: { tag: 'th' | 'td'; column: number }): string => {
    const side = align[shape.column] ?? 'left';
    const numbers = side === 'right' ? ';white-space:nowrap;font-variant-numeric:tabular-nums' : '';
    const kind =
      shape.tag === 'th'
        ? `scope="col" class="muted line" style="padding:6px 10px 6px 0;text-align:${side};font-size:13px;font-weight:600;color:${C.muted};border-bottom:2px solid ${C.line}"`
        : `class="ink line" style="padding:7px 10px 7px 0;text-align:${side};font-size:14px;line-height:1.4;color:${C.ink};border-bottom:1px solid ${C.line}${numbers}"`;
    return `<${shape.tag} dir="auto" ${kind}>${inlinesToHtml(inlines ?? [])}</${shape.tag}>`;
  };
  const line = (row: readonly Inline[][], tag: 'th' | 'td'): string =>
    `<tr>${align.map((_, column) => cell(row[column], { tag, column })).join('')}</tr>`;
  const head = header.some((inlines) => inlineText(inlines) !== '') ? `<thead>${line(header, 'th')}</thead>` : '';
  return `<table width="100%" cellpadding="0" cellspacing="0" border="0" style="margin:0 0 16px;border-collapse:collapse">${head}<tbody>${body.map((row) => line(row, 'td')).join('')}</tbody></table>`;
}

/** Styled runs as HTML; a hard break is `<br>`. */
function inlinesToHtml(inlines: readonly Inline[]): string {
  return inlines.map(inlineToHtml).join('');
}

function inlineToHtml(inline: Inline): string {
  let html = escapeHtml(inline.text).replace(/\n/g, '<br>');
  if (inline.code) {
    html = `<code class="code" style="padding:1px 4px;border-radius:4px;background:${C.codeBack};font-family:${MONO};font-size:.92em">${html}</code>`;
  }
  if (inline.strike) html = `<s>${html}</s>`;
  if (inline.italic) html = `<em>${html}</em>`;
  if (inline.bold) html = `<strong>${html}</strong>`;
  return inline.href === undefined ? html : link(inline.href, html);
}

/** A link; `href` is an address that was checked, `html` is markup already. */
export function link(href: string, html: string): string {
  return `<a class="link" href="${escapeHtml(href)}" style="color:${C.link};text-decoration:underline">${html}</a>`;
}
