/** The document around the parts of a report, for a mail and for a page. */
import type { Report } from '../../store/report.ts';
import { costLine } from '../facts.ts';
import { cutText, escapeHtml, formatInstant, oneLine } from '../format.ts';
import { describeSubject, periodBeside, subjectFacts } from '../subject.ts';
import type { Subject } from '../subject.ts';
import { banner, link, paragraph } from './body.ts';
import type { Chapter } from './fit.ts';
import { PALETTE } from './palette.ts';
import { FONT, MAIL_STYLE, PAGE_STYLE } from './style.ts';

const C = PALETTE.light;
const PREHEADER_CHARS = 140;
/** Keeps what follows the summary out of the line that an inbox shows. */
const PREHEADER_REST = '&#847;&zwnj;&nbsp;'.repeat(60);
const PX = { mail: 640, page: 880 } as const;
const CSP = `<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">`;

export interface Document {
  frame: 'mail' | 'page';
  about: Subject;
  /** Of the window. */
  title: string;
  /** Markup of the card, between the headline and the end. */
  body: string;
  unsubscribeUrl?: string;
}

export function drawDocument(report: Report, { frame, about, title, body, unsubscribeUrl }: Document): string {
  const width = PX[frame];
  const lang = /^[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8})*$/.test(report.locale) ? report.locale : 'en';
  const preheader =
    frame === 'page'
      ? ''
      : `<div style="display:none;max-height:0;max-width:0;overflow:hidden;opacity:0;mso-hide:all">${escapeHtml(cutText(oneLine(report.summary), PREHEADER_CHARS))}${PREHEADER_REST}</div>`;
  const edge = { ok: C.link, partial: C.warnEdge, failed: C.failEdge }[report.status];
  const style = frame === 'mail' ? MAIL_STYLE : PAGE_STYLE;
  // Word, as the renderer of Outlook, knows no max-width, falls back to Times and scales by the dots of the screen.
  const word = `<!--[if mso]><xml><o:OfficeDocumentSettings xmlns:o="urn:schemas-microsoft-com:office:office"><o:PixelsPerInch>96</o:PixelsPerInch></o:OfficeDocumentSettings></xml><style>td,th,p,div,h1,h2,h3,a,span{font-family:'Segoe UI',Arial,sans-serif!important}</style><![endif]-->`;
  return `<!doctype html>
<html lang="${lang}"><head><meta charset="utf-8">${frame === 'page' ? CSP : ''}<meta name="viewport" content="width=device-width,initial-scale=1"><meta name="color-scheme" content="light dark"><meta name="supported-color-schemes" content="light dark"><meta name="format-detection" content="telephone=no,date=no,address=no,email=no,url=no"><title>${escapeHtml(title)}</title><style>:root{color-scheme:light dark}${style}</style>${frame === 'mail' ? word : ''}</head>
<body class="page" style="margin:0;padding:0;background:${C.page};-webkit-text-size-adjust:100%">
${preheader}
<table role="presentation" class="page" width="100%" cellpadding="0" cellspacing="0" border="0" style="table-layout:fixed;background:${C.page}"><tr><td align="center" class="edge" style="padding:28px 12px">
<!--[if mso]><table role="presentation" width="${width}"><tr><td><![endif]-->
<table role="presentation" class="card top-${report.status}" width="100%" cellpadding="0" cellspacing="0" border="0" style="max-width:${width}px;table-layout:fixed;background:${C.card};border:1px solid ${C.line};border-top:4px solid ${edge};border-radius:12px;border-collapse:separate"><tr><td class="pad ink" style="padding:30px 32px 34px;font:16px/1.55 ${FONT};color:${C.ink};overflow-wrap:anywhere">
${body}
</td></tr></table>
<table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0" style="max-width:${width}px"><tr><td class="pad muted" style="padding:18px 33px;font:13px/1.6 ${FONT};color:${C.muted};overflow-wrap:anywhere">${footLines(report, about).map(escapeHtml).join('<br>')}${unsubscribeUrl === undefined ? '' : `<br>${link(unsubscribeUrl, 'Unsubscribe from these mails')}`}</td></tr></table>
<!--[if mso]></td></tr></table><![endif]-->
</td></tr></table>
</body></html>
`;
}

/** Title, period, summary and what is wrong with the whole. */
export function headline(report: Report, about: Subject): string {
  const title = oneLine(report.title) || describeSubject(about).name;
  const label = periodBeside({ ...report, title });
  const parts = [
    `<h1 dir="auto" class="h1 ink" style="margin:0 0 4px;font-size:26px;line-height:1.25;font-weight:700;letter-spacing:-.02em;color:${C.ink}">${escapeHtml(title)}</h1>`,
  ];
  if (label !== '') {
    parts.push(
      `<p dir="auto" class="muted" style="margin:0 0 4px;font-size:15px;line-height:1.5;color:${C.muted}">${escapeHtml(label)}</p>`,
    );
  }
  parts.push(paragraph(oneLine(report.summary), 'margin-top:12px;font-size:17px;line-height:1.5'));
  if (report.status === 'failed') {
    parts.push(banner('fail', `<strong>Failed.</strong> ${describeSubject(about).failure}`));
  }
  if (report.status === 'partial' && report.warnings.length === 0) {
    parts.push(banner('warn', '<strong>Incomplete.</strong> Parts of this report are missing.'));
  }
  return parts.join('\n');
}

/** One banner for all warnings; several are a list. */
export function warningChapter({ warnings, status }: Report): Chapter {
  const lead = status === 'partial' ? '<strong>Incomplete.</strong> ' : '';
  const texts = warnings.map((warning) => escapeHtml(oneLine(warning)));
  const draw = (items: number): string => {
    const shown = texts.slice(0, items);
    if (shown.length < 2) return banner('warn', lead + shown.join(''));
    const list = shown.map((text) => `<li dir="auto" style="margin:2px 0 0">${text}</li>`).join('');
    return banner('warn', `${lead}<ul style="margin:0;padding:0 0 0 18px">${list}</ul>`);
  };
  return { name: 'Warnings', priority: 'summary', title: '', pieces: listOf(texts.length, draw) };
}

export function sourceChapter(report: Report): Chapter {
  const items = report.sources.map((source) => {
    const name = escapeHtml(oneLine(source.title));
    const asOf = source.asOf === undefined ? '' : ` · as of ${escapeHtml(formatInstant(source.asOf, report))}`;
    return `<li dir="auto" style="margin:0 0 3px">${source.url === undefined ? name : link(source.url, name)}${asOf}</li>`;
  });
  const draw = (count: number): string =>
    `<h2 dir="auto" class="muted line" style="margin:30px 0 8px;padding:18px 0 0;border-top:1px solid ${C.line};font-size:13px;line-height:1.4;font-weight:600;color:${C.muted}">Sources</h2><ul class="muted" style="margin:0;padding:0 0 0 18px;font-size:13px;line-height:1.5;color:${C.muted}">${items.slice(0, count).join('')}</ul>`;
  return { name: 'Sources', priority: 'summary', title: '', pieces: listOf(items.length, draw) };
}

function listOf(items: number, html: (items: number) => string): Chapter['pieces'] {
  return items === 0 ? [] : [{ items, html }];
}

/** What the report is about, its id, and what it cost. */
function footLines(report: Report, about: Subject): string[] {
  const cost = costLine(report, about);
  return [...subjectFacts(about, report), ...(cost === undefined ? [] : [`Made with ${cost}`])];
}
