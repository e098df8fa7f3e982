/**
 * The parts of a report as HTML that old mail programs lay out: tables, inline styles, and classes only for dark mode. Safe by
 * construction: every text passes escapeHtml, every address was checked by markdown.ts or the schema, and no image is fetched.
 */
import { escapeHtml, oneLine } from '../format.ts';
import { inlineText } from '../markdown.ts';
import type { Block, Inline, Item } from '../markdown.ts';
import { PALETTE } from './palette.ts';
import { MONO } from './style.ts';
import { dataTable } from './table.ts';

const C = PALETTE.light;

export function paragraph(text: string, style = ''): string {
  return `<p dir="auto" class="ink" style="margin:0 0 14px;color:${C.ink};${style}">${escapeHtml(text)}</p>`;
}

/** A small line of markup beside what it explains. */
export function note(html: string): string {
  return `<p dir="auto" class="muted" style="margin:0 0 14px;font-size:13px;line-height:1.5;color:${C.muted}">${html}</p>`;
}

/** The title of a section. */
export function heading(text: string): string {
  return `<h2 dir="auto" class="ink" style="margin:34px 0 12px;font-size:19px;line-height:1.3;font-weight:700;letter-spacing:-.01em;color:${C.ink}">${escapeHtml(oneLine(text))}</h2>`;
}

/** A coloured line that says what is wrong with the report. */
export function banner(tone: 'warn' | 'fail', html: string): string {
  const [back, ink, edge] = tone === 'warn' ? [C.warnBack, C.warnInk, C.warnEdge] : [C.failBack, C.failInk, C.failEdge];
  return `<div dir="auto" class="${tone}" style="margin:0 0 12px;padding:11px 14px;border-left:4px solid ${edge};border-radius:4px 8px 8px 4px;background:${back};color:${ink};font-size:14px;line-height:1.5">${html}</div>`;
}

/** A link; `href` is an address that was checked, `html` is markup already. */
export function link(href: string, html: string): string {
  return `<a class="link" href="${escapeHtml(href)}" style="color:${C.link};text-decoration:underline;text-underline-offset:2px">${html}</a>`;
}

/** A link that stands out; a table, for Word as the renderer of Outlook pads nothing else. */
export function button(href: string, text: string): string {
  return `<table role="presentation" cellpadding="0" cellspacing="0" border="0" style="margin:34px 0 6px"><tr><td class="btn" style="padding:11px 20px;border-radius:8px;background:${C.button}"><a href="${escapeHtml(href)}" style="color:${C.buttonInk};font-size:15px;line-height:1.3;font-weight:600;text-decoration:none">${escapeHtml(text)}</a></td></tr></table>`;
}

/** `within`: inside a list or a quote, where blocks stand closer. */
export function blockToHtml(block: Block, within?: 'within'): string {
  const gap = within === undefined ? '0 0 14px' : '4px 0 0';
  switch (block.kind) {
    case 'heading': {
      // One h1 and the section titles (h2) stand above, so headings in markdown start at h3.
      const level = Math.min(6, block.depth + 2);
      const size = block.depth <= 2 ? 17 : 15;
      return `<h${level} dir="auto" class="ink" style="margin:22px 0 8px;font-size:${size}px;line-height:1.35;color:${C.ink}">${inlinesToHtml(block.inlines)}</h${level}>`;
    }
    case 'paragraph':
      return `<p dir="auto" class="ink" style="margin:${gap};color:${C.ink}">${inlinesToHtml(block.inlines)}</p>`;
    case 'list': {
      const tag = block.ordered ? 'ol' : 'ul';
      const start = block.ordered && block.start !== 1 ? ` start="${block.start}"` : '';
      const items = block.items.map(itemToHtml).join('');
      return `<${tag}${start} dir="auto" class="ink" style="margin:${gap};padding:0 0 0 24px;color:${C.ink}">${items}</${tag}>`;
    }
    case 'quote':
      return `<blockquote dir="auto" class="rule" style="margin:${gap};padding:2px 0 4px 16px;border-left:3px solid ${C.rule}">${block.blocks.map((one) => blockToHtml(one, 'within')).join('')}</blockquote>`;
    case 'code':
      return `<pre dir="ltr" class="tile ink" style="margin:${gap};padding:12px 14px;border-radius:8px;background:${C.tile};color:${C.ink};font:13px/1.55 ${MONO};white-space:pre-wrap;overflow-wrap:anywhere">${escapeHtml(block.text)}</pre>`;
    case 'table':
      return markdownTable(block);
    case 'rule':
      return `<hr class="line" style="margin:24px 0;border:0;border-top:1px solid ${C.line}">`;
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
  return `<li dir="auto" style="margin:0 0 4px${style}">${mark}${head}${others.map((block) => blockToHtml(block, 'within')).join('')}</li>`;
}

function markdownTable({ align, rows }: Extract<Block, { kind: 'table' }>): string {
  const [header = [], ...body] = rows;
  const write = (row: readonly Inline[][]): string[] => align.map((_, column) => inlinesToHtml(row[column] ?? []));
  const head = header.some((inlines) => inlineText(inlines) !== '') ? write(header) : [];
  return dataTable({ align, head, rows: body.map(write) });
}

/** Styled runs as HTML; a hard break is `<br>`. */
function inlinesToHtml(inlines: readonly Inline[]): string {
  return inlines.map(inlineToHtml).join('');
}

function inlineToHtml(inline: Inline): string {
  let html = escapeHtml(inline.text).replace(/\n/g, '<br>');
  if (inline.code) {
    html = `<code class="tile ink" style="padding:1px 5px;border-radius:4px;background:${C.tile};font-family:${MONO};font-size:.9em">${html}</code>`;
  }
  if (inline.strike) html = `<s>${html}</s>`;
  if (inline.italic) html = `<em>${html}</em>`;
  if (inline.bold) html = `<strong>${html}</strong>`;
  return inline.href === undefined ? html : link(inline.href, html);
}
