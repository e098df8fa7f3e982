/** The sections of a report as pieces of HTML that can be shown whole or in part. */
import type { ChartSection, Section, TableSection } from '../../store/report-sections.ts';
import type { Report } from '../../store/report.ts';
import { drawChart } from '../charts/svg.ts';
import { escapeHtml, oneLine } from '../format.ts';
import { sectionBlocks } from '../markdown.ts';
import type { Block } from '../markdown.ts';
import { chartRows } from '../values.ts';
import { blockToHtml, heading, link, note } from './body.ts';
import { figuresToHtml } from './figures.ts';
import type { Chapter, Piece } from './fit.ts';
import { PALETTE } from './palette.ts';
import { dataTable, mailTable, wholeTable } from './table.ts';

const C = PALETTE.light;
/** The picture within its card. */
const CHART_PX = 574;
const PAGE_CHART_PX = 814;

type Theme = 'light' | 'dark';

/** Where a section stands: in a mail, which shows charts as attached pictures and names the file that has the rest of a table; or on a page. */
export type Frame =
  { is: 'page' } | { is: 'mail'; cid(section: number, theme: Theme): string; csv(section: number): string };

export function sectionChapter(section: Section, about: { report: Report; frame: Frame; at: number }): Chapter {
  return {
    name: oneLine(section.title ?? (section.kind === 'table' ? section.caption : '')),
    priority: section.priority,
    // A chart has its title in the picture.
    title: section.title === undefined || section.kind === 'chart' ? '' : heading(section.title),
    pieces: sectionPieces(section, about),
  };
}

type Action = Extract<Section, { kind: 'actions' }>['items'][number];

function sectionPieces(section: Section, about: { report: Report; frame: Frame; at: number }): Piece[] {
  const { report, frame } = about;
  switch (section.kind) {
    case 'markdown':
      return sectionBlocks(section).map(blockPiece);
    case 'figures':
      return [whole(() => figuresToHtml(section.figures, { locale: report.locale, frame: frame.is }))];
    case 'table':
      return [tablePiece(section, about)];
    case 'chart':
      return [
        whole(() =>
          frame.is === 'page'
            ? pageChart(section, report.locale)
            : mailChart(section, (theme) => frame.cid(about.at, theme)),
        ),
      ];
    case 'actions':
      return [{ items: section.items.length, html: (items) => actionsToHtml(section.items.slice(0, items)) }];
    default:
      return section satisfies never;
  }
}

/** Shown or not; made once, however often it is measured. */
function whole(make: () => string): Piece {
  let made: string | undefined;
  return { items: 1, html: (items) => (items === 0 ? '' : (made ??= make())) };
}

function blockPiece(block: Block): Piece {
  switch (block.kind) {
    case 'list':
      return {
        items: block.items.length,
        html: (items) => blockToHtml({ ...block, items: block.items.slice(0, items) }),
      };
    case 'table':
      // The header is no item.
      return {
        items: Math.max(1, block.rows.length - 1),
        html: (items) => blockToHtml({ ...block, rows: block.rows.slice(0, items + 1) }),
      };
    case 'code': {
      const lines = block.text.split('\n');
      return {
        items: lines.length,
        html: (items) => blockToHtml({ ...block, text: lines.slice(0, items).join('\n') }),
      };
    }
    case 'heading':
    case 'paragraph':
    case 'quote':
    case 'rule':
      return whole(() => blockToHtml(block));
    default:
      return block satisfies never;
  }
}

function tablePiece(section: TableSection, about: { report: Report; frame: Frame; at: number }): Piece {
  const { report, frame, at } = about;
  if (section.rows.length === 0) return whole(() => note(`${escapeHtml(oneLine(section.caption))}: no rows.`));
  if (frame.is === 'page') return whole(() => wholeTable(section, report).html(section.rows.length));
  const view = mailTable(section, report);
  return {
    items: view.rows,
    html: (rows) => {
      const left = leftOut(section, { ...view, rows });
      const rest = left === '' ? '' : note(`${left}. All of it is in the attached ${escapeHtml(frame.csv(at))}.`);
      return view.html(rows) + rest;
    },
  };
}

/** `8 of 240 rows, 6 of 216 columns`; empty when all of the table is shown. */
function leftOut(section: TableSection, view: { rows: number; columns: number; cut: boolean }): string {
  const said: string[] = [];
  if (view.rows < section.rows.length) said.push(`${view.rows} of ${section.rows.length} rows`);
  if (view.columns < section.columns.length) said.push(`${view.columns} of ${section.columns.length} columns`);
  if (view.cut) said.push(said.length === 0 ? 'Long texts are cut' : 'long texts are cut');
  return said.join(', ');
}

/** Whether the mail leaves something of the table to its file. */
export function isTableCut(section: TableSection, rows: number, report: Report): boolean {
  return section.rows.length > 0 && leftOut(section, { ...mailTable(section, report), rows }) !== '';
}

/** Two pictures, of which the style sheet shows one; where it is not known, the light one on white. */
function mailChart(section: ChartSection, cid: (theme: Theme) => string): string {
  const alt = escapeHtml(pictureWords(section));
  const draw = (theme: Theme): string => {
    const hidden = theme === 'dark' ? 'display:none;mso-hide:all;' : 'display:block;';
    return `<img class="by-${theme === 'dark' ? 'night' : 'day'}" src="cid:${escapeHtml(cid(theme))}" width="${CHART_PX}" alt="${alt}" style="${hidden}width:100%;max-width:${CHART_PX}px;height:auto;border:0;border-radius:9px;color:${C.muted};font-size:14px;line-height:1.5">`;
  };
  return `${card(draw('light') + draw('dark'))}${caption(section)}`;
}

/** Mail programs that hold pictures back show these words instead: the title is in the picture, so it is among them. */
function pictureWords({ title, alt }: ChartSection): string {
  const words = oneLine(alt);
  const name = oneLine(title ?? '');
  return name === '' || words.toLowerCase().includes(name.toLowerCase()) ? words : `${name}: ${words}`;
}

/** Under a title the picture speaks for itself; without one nothing else says what it shows. */
function caption({ title, alt }: ChartSection): string {
  return title === undefined ? note(escapeHtml(oneLine(alt))) : '';
}

function card(html: string): string {
  return `<div class="shot line" style="margin:26px 0 16px;border:1px solid ${C.line};border-radius:10px;background:#ffffff;overflow:hidden">${html}</div>`;
}

function pageChart(section: ChartSection, locale: string): string {
  const draw = (theme: Theme): string => drawChart(section, { locale, width: PAGE_CHART_PX, theme });
  const [head = [], ...rows] = chartRows(section.chart, locale).map((row) => row.map(escapeHtml));
  const align = head.map((_, column) => (column === 0 ? ('left' as const) : ('right' as const)));
  const numbers = dataTable({ caption: section.alt, align, head, rows });
  const charts = `<div class="by-day">${draw('light')}</div><div class="by-night" style="display:none">${draw('dark')}</div>`;
  return `${card(charts)}${caption(section)}<details><summary class="muted" style="color:${C.muted}">The numbers</summary>${numbers}</details>`;
}

/** A numbered list of tables: Word, as the renderer of Outlook, draws no numbers beside a list item that is laid out. */
function actionsToHtml(items: readonly Action[]): string {
  const rows = items.map(({ title, why, href, impact }, at) => {
    const end = at === items.length - 1 ? 2 : 16;
    const name = escapeHtml(oneLine(title));
    const linked = `<strong>${href === undefined ? name : link(href, name)}</strong>`;
    const pill =
      impact === undefined
        ? ''
        : ` <span dir="auto" class="pill" style="display:inline-block;margin:0 0 0 6px;padding:1px 9px;border-radius:10px;background:${C.pillBack};color:${C.pillInk};font-size:12px;line-height:18px;font-weight:600;vertical-align:1px">${escapeHtml(oneLine(impact))}</span>`;
    const reason =
      why === undefined
        ? ''
        : `<div dir="auto" class="muted" style="margin:1px 0 0;font-size:14px;line-height:1.5;color:${C.muted}">${escapeHtml(oneLine(why))}</div>`;
    return `<tr role="listitem"><td width="34" valign="top" class="muted" style="width:34px;padding:0 0 ${end}px"><div class="tile muted" style="width:24px;height:24px;border-radius:12px;background:${C.tile};color:${C.muted};font-size:13px;line-height:24px;font-weight:700;text-align:center">${at + 1}</div></td><td dir="auto" valign="top" class="ink" style="padding:0 0 ${end}px;line-height:1.5;color:${C.ink}">${linked}${pill}${reason}</td></tr>`;
  });
  return `<table role="list" width="100%" cellpadding="0" cellspacing="0" border="0" style="margin:0"><tbody role="presentation">${rows.join('')}</tbody></table>`;
}
