import type { Section } from '../../store/report-sections.ts';
import type { Report } from '../../store/report.ts';
import type { FilePlan } from '../file-plan.ts';
import { cutText, escapeHtml, formatInstant, oneLine } from '../format.ts';
import { sectionBlocks } from '../markdown.ts';
import { plainBlocks } from '../sections.ts';
import type { Block } from '../markdown.ts';
import { describeSubject, subjectFacts } from '../subject.ts';
import type { Subject } from '../subject.ts';
import { renderText } from '../text.ts';
import { banner, blocksToHtml, figuresToHtml, FONT, heading, link, paragraph } from './body.ts';
import { PALETTE } from './palette.ts';

export interface RenderedEmail {
  /** One line, no control characters. */
  subject: string;
  html: string;
  /** The whole report, whatever the size of the HTML. */
  text: string;
  files: FilePlan[];
}

export interface EmailOptions {
  format?: 'html' | 'text';
  attach?: readonly ('csv' | 'html' | 'md' | 'json')[];
  thread?: 'series' | 'none';
  unsubscribeUrl?: string;
}

/** Gmail clips near 102 kB; the whole HTML stays below 90 kB. */
const HTML_BYTES = 90_000;
/** What frame, styles and footer may take of it. */
const FRAME_BYTES = 10_000;
const SUBJECT_CHARS = 150;
const PREHEADER_CHARS = 140;
const COLUMNS = 78;
const C = PALETTE.light;

/** The report as one mail: own HTML with inline styles and dark mode, and a text part that says all of it. */
export function renderEmail(report: Report, about: Subject, _options: EmailOptions = {}): RenderedEmail {
  const name = oneLine(report.title) || describeSubject(about).name;
  const subject = cutText(report.status === 'partial' ? `${name} (incomplete)` : name, SUBJECT_CHARS);
  const facts = subjectFacts(about, report);
  const text = `${renderText(report, { width: COLUMNS, color: 'none' })}\n-- \n${facts.join('\n')}\n`;
  return { subject, html: renderPage(report, { about, title: subject, frame: 'mail' }), text, files: [] };
}

/** The whole HTML document; `page` is for files: it carries a content security policy and no size limit. */
export function renderPage(report: Report, options: { about: Subject; title: string; frame: 'mail' | 'page' }): string {
  const { about, title, frame } = options;
  const limit = frame === 'mail' ? HTML_BYTES - FRAME_BYTES : Number.POSITIVE_INFINITY;
  const csp =
    frame === 'page'
      ? `<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">`
      : '';
  const lang = /^[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8})*$/.test(report.locale) ? report.locale : 'en';
  return `<!doctype html>
<html lang="${lang}"><head><meta charset="utf-8">${csp}<meta name="viewport" content="width=device-width,initial-scale=1"><meta name="color-scheme" content="light dark"><meta name="supported-color-schemes" content="light dark"><title>${escapeHtml(title)}</title><style>${STYLE}</style></head>
<body class="page" style="margin:0;padding:0;background:${C.page}">
<div style="display:none;max-height:0;overflow:hidden;mso-hide:all">${escapeHtml(cutText(oneLine(report.summary), PREHEADER_CHARS))}</div>
<table role="presentation" class="page" width="100%" cellpadding="0" cellspacing="0" border="0" style="background:${C.page}"><tr><td align="center" style="padding:24px 12px">
<!--[if mso]><table role="presentation" width="640"><tr><td><![endif]-->
<table role="presentation" class="card" width="100%" cellpadding="0" cellspacing="0" border="0" style="max-width:640px;background:${C.card};border-radius:10px"><tr><td class="pad" style="padding:28px 32px;font:16px/1.55 ${FONT};color:${C.ink};overflow-wrap:anywhere">
${bodyParts(report, { limit, about }).join('\n')}
</td></tr></table>
<table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0" style="max-width:640px"><tr><td class="pad muted" style="padding:16px 32px;font:13px/1.6 ${FONT};color:${C.muted};overflow-wrap:anywhere">${subjectFacts(about, report).map(escapeHtml).join('<br>')}</td></tr></table>
<!--[if mso]></td></tr></table><![endif]-->
</td></tr></table>
</body></html>
`;
}

function bodyParts(report: Report, options: { limit: number; about: Subject }): string[] {
  const words = describeSubject(options.about);
  const title = `<h1 dir="auto" class="ink" style="margin:0 0 8px;font-size:24px;line-height:1.25;font-weight:700;color:${C.ink}">${escapeHtml(oneLine(report.title))}</h1>`;
  const parts = [title, paragraph(report.summary, 'font-size:17px;line-height:1.5')];
  if (report.status === 'failed') parts.push(banner('fail', `<strong>Failed.</strong> ${words.failure}`));
  const [first, ...others] = report.warnings.map((warning) => escapeHtml(oneLine(warning)));
  if (report.status === 'partial') {
    parts.push(banner('warn', `<strong>Incomplete.</strong> ${first ?? 'Parts of this report are missing.'}`));
  } else if (first !== undefined) parts.push(banner('warn', first));
  parts.push(...others.map((warning) => banner('warn', warning)));
  const tail = tailParts(report);
  const room = options.limit - bytes([...parts, ...tail].join(''));
  const { shown, hidden } = fitSections(report, room);
  parts.push(...shown);
  if (hidden) {
    parts.push(
      banner(
        'warn',
        `<strong>The report goes on.</strong> This mail shows its beginning; the text part of this mail has all of it, and so has <code>${words.command}</code>.`,
      ),
    );
  }
  return [...parts, ...tail];
}

/** Sections until the room is used up: mail programs cut longer mails without saying so. */
function fitSections(report: Report, room: number): { shown: string[]; hidden: boolean } {
  const shown: string[] = [];
  let left = room;
  for (const section of report.sections) {
    for (const part of sectionParts(section, report)) {
      const html = fit(part, left);
      if (html !== undefined) {
        shown.push(html);
        left -= bytes(html);
      }
      if (html === undefined || html !== part.html()) return { shown, hidden: true };
    }
  }
  return { shown, hidden: false };
}

interface SectionPart {
  html(): string;
  /** Present when a part of it can be shown alone. */
  block?: Block;
}

function sectionParts(section: Section, report: Report): SectionPart[] {
  const title = section.title === undefined ? [] : [{ html: () => heading(oneLine(section.title ?? '')) }];
  switch (section.kind) {
    case 'markdown':
      return [
        ...title,
        ...sectionBlocks(section).map((block) => ({ html: () => blocksToHtml([block]).join(''), block })),
      ];
    case 'figures':
      return [...title, { html: () => figuresToHtml(section.figures, report.locale) }];
    case 'table':
    case 'chart':
    case 'actions':
      return [
        ...title,
        ...plainBlocks(section, report).map((block) => ({ html: () => blocksToHtml([block]).join(''), block })),
      ];
    default:
      return section satisfies never;
  }
}

/** The part, or as much of its block as fits by halving it, or undefined when nothing does. */
function fit(part: SectionPart, room: number): string | undefined {
  const whole = part.html();
  if (bytes(whole) <= room) return whole;
  for (let block = part.block; block !== undefined; block = halve(block)) {
    const html = blocksToHtml([block]).join('');
    if (bytes(html) <= room) return html;
  }
  return undefined;
}

function halve(block: Block): Block | undefined {
  switch (block.kind) {
    case 'list':
      return block.items.length > 1 ? { ...block, items: block.items.slice(0, block.items.length >> 1) } : undefined;
    case 'table':
      return block.rows.length > 2
        ? { ...block, rows: block.rows.slice(0, Math.max(2, block.rows.length >> 1)) }
        : undefined;
    case 'code':
      return block.text.length > 200 ? { ...block, text: cutText(block.text, block.text.length >> 1) } : undefined;
    case 'paragraph':
    case 'quote':
    case 'heading':
    case 'rule':
      return undefined;
    default:
      return block satisfies never;
  }
}

function tailParts(report: Report): string[] {
  const parts: string[] = [];
  if (report.url !== undefined)
    parts.push(`<p style="margin:24px 0 8px">${link(report.url, 'Open the full report')}</p>`);
  if (report.sources.length === 0) return parts;
  const items = report.sources.map((source) => {
    const name = escapeHtml(oneLine(source.title));
    const asOf = source.asOf === undefined ? '' : ` (as of ${escapeHtml(formatInstant(source.asOf, report))})`;
    return `<li dir="auto" style="margin:0 0 4px">${source.url === undefined ? name : link(source.url, name)}${asOf}</li>`;
  });
  const list = `<ul class="muted" style="margin:0;padding:0 0 0 20px;font-size:14px;color:${C.muted}">${items.join('')}</ul>`;
  return [...parts, heading('Sources'), list];
}

function bytes(text: string): number {
  return Buffer.byteLength(text);
}

const D = PALETTE.dark;
/** Mail programs that know no media queries show the light inline styles. */
const STYLE = `@media (max-width:480px){.fig{display:block!important;width:100%!important}.pad{padding:20px 18px!important}}
@media (prefers-color-scheme:dark){.page{background:${D.page}!important}.card{background:${D.card}!important}.ink,.code{color:${D.ink}!important}.muted,.neutral{color:${D.muted}!important}.link{color:${D.link}!important}.good{color:${D.good}!important}.bad{color:${D.bad}!important}.warn{background:${D.warnBack}!important;color:${D.warnInk}!important}.fail{background:${D.failBack}!important;color:${D.failInk}!important}.code{background:${D.codeBack}!important}.line,.quote,.rule{border-color:${D.line}!important}}`;
