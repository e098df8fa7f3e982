/** Whatever a job hands over becomes a report and, where there is one, a result; all in this one place. */
import type { Section } from '../store/report-sections.ts';
import { Report } from '../store/report.ts';
import { members, plainJson, type Plain } from './json.ts';
import type { InputIssue } from './fields.ts';
import { reportIssues } from './report-issues.ts';
import { tableOf } from './result-table.ts';
import type { Json } from '../store/store.ts';
import type { Yield } from './kinds/end.ts';

/** `issues`: every place where what looks like a report is none, with the way out. */
export type Normalised =
  { ok: true; report: Report; result?: Json } | { ok: false; reason: string; issues?: readonly InputIssue[] };

const MAX_RESULT_BYTES = 1024 * 1024;
/** A whole report as JSON, in characters: what is more is a file. */
const MAX_REPORT_CHARS = 2_000_000;
/** Of all sections together: what a renderer writes without holding up everybody else. */
const MAX_ALL_CELLS = 200_000;
const MAX_ALL_MARKDOWN = 400_000;
const MAX_SUMMARY = 600;
const MAX_TITLE = 150;
const MAX_MARKDOWN = 400_000;
const MAX_CODE = 100_000;

/**
 * Reads what an attempt handed over: nothing, markdown, `{ markdown }`, a report, `{ report, result }`, or other JSON. Text that a
 * command printed keeps its alignment in a code block. What is neither JSON nor a report is refused with its reason.
 */
export function normalise(job: string, given: Yield): Normalised {
  if (given.form === 'text') return { ok: true, report: textReport(job, given.text) };
  const { value } = given;
  if (value === undefined || value === null) return { ok: true, report: finished(job) };
  if (typeof value === 'string') return { ok: true, report: markdownReport(job, value) };
  const plain = plainJson(value);
  if (!plain.ok) return plain;
  const object = members(plain.json);
  // A report has a limit of its own.
  if (object !== undefined && isReportShaped(object)) return readReport(object);
  const isWrapped = object !== undefined && 'report' in object && hasOnly(object, ['report', 'result']);
  if (isWrapped) return fromWrapper(job, object);
  const kept = bounded(plain);
  if (!kept.ok) return kept;
  return object === undefined ? jsonReport(job, kept.json) : fromObject(job, kept.json, object);
}

/** The same, or why it is too large to be kept. */
export function bounded(plain: Plain): Plain {
  if (!plain.ok || plain.bytes <= MAX_RESULT_BYTES) return plain;
  return { ok: false, reason: `it is ${plain.bytes} bytes, more than ${MAX_RESULT_BYTES}` };
}

function hasOnly(object: Record<string, unknown>, keys: readonly string[]): boolean {
  return Object.keys(object).every((key) => keys.includes(key));
}

function fromObject(job: string, json: Json, object: Record<string, unknown>): Normalised {
  const markdown = object['markdown'];
  if (typeof markdown !== 'string' || !hasOnly(object, ['markdown', 'title'])) return jsonReport(job, json);
  const title = typeof object['title'] === 'string' ? clip(object['title'].trim(), MAX_TITLE) : '';
  return { ok: true, report: markdownReport(title || job, markdown) };
}

function fromWrapper(job: string, object: Record<string, unknown>): Normalised {
  const inner = typeof object['report'] === 'string' ? object['report'] : members(object['report']);
  if (inner === undefined) return { ok: false, reason: 'report is neither a report nor markdown' };
  const report =
    typeof inner === 'string' ? normalise(job, { form: 'value', value: inner }) : readMarkdownOrReport(job, inner);
  if (!report.ok || object['result'] === undefined) return report;
  const result = bounded(plainJson(object['result']));
  return result.ok ? { ...report, result: result.json } : { ok: false, reason: `result: ${result.reason}` };
}

function readMarkdownOrReport(job: string, inner: Record<string, unknown>): Normalised {
  return typeof inner['markdown'] === 'string' && !('summary' in inner)
    ? normalise(job, { form: 'value', value: inner })
    : readReport(inner);
}

function isReportShaped(object: Record<string, unknown>): boolean {
  if (typeof object['schema'] === 'string' && object['schema'].startsWith('bellhop.report/')) return true;
  return typeof object['title'] === 'string' && ('summary' in object || Array.isArray(object['sections']));
}

function readReport(object: Record<string, unknown>): Normalised {
  const chars = JSON.stringify(object).length;
  if (chars > MAX_REPORT_CHARS) {
    const reason = `the report is ${chars} characters of JSON, more than ${MAX_REPORT_CHARS}; put what is large into an attachment`;
    return { ok: false, reason };
  }
  const parsed = Report.safeParse(object);
  if (parsed.success) {
    const over = tooMuch(parsed.data);
    return over === undefined ? { ok: true, report: parsed.data } : { ok: false, reason: over };
  }
  const issues = reportIssues(parsed.error);
  const said = issues.slice(0, 3).map(({ path, message }) => (path === '' ? message : `${path}: ${message}`));
  return { ok: false, reason: `it looks like a report but is none: ${said.join('; ')}`, issues };
}

/** A short JSON can be a huge page: a row without values is three characters, and as many cells as the table has columns. */
function tooMuch({ sections }: Report): string | undefined {
  const cells = sections.reduce((sum, section) => sum + cellsOf(section), 0);
  if (cells > MAX_ALL_CELLS)
    return `the tables and charts of the report have ${cells} cells and values together, more than ${MAX_ALL_CELLS}; put what is large into an attachment`;
  const markdown = sections.reduce((sum, one) => sum + (one.kind === 'markdown' ? one.markdown.length : 0), 0);
  if (markdown > MAX_ALL_MARKDOWN)
    return `the markdown of all sections is ${markdown} characters, more than ${MAX_ALL_MARKDOWN}; put what is large into an attachment`;
  return undefined;
}

function cellsOf(section: Section): number {
  if (section.kind === 'table') return section.rows.length * section.columns.length;
  if (section.kind !== 'chart' || section.chart.type === 'pie') return 0;
  return section.chart.categories.length * section.chart.series.length;
}

function finished(job: string): Report {
  return Report.parse({ title: job, summary: `${job} finished.` });
}

/** A leading `# heading` becomes the title, the first paragraph the summary; a body that says no more than these is left out. */
function markdownReport(name: string, text: string): Report {
  const trimmed = text.trim();
  if (trimmed === '') return finished(name);
  const heading = /^# +([^\n]{1,150})(?:\n|$)/.exec(trimmed);
  const title = plainMarkdown(heading?.[1] ?? '') || name;
  const body = heading === null ? trimmed : trimmed.slice(heading[0].length).trim();
  const first = firstParagraph(body);
  const plain = plainMarkdown(first);
  const summary = clip(plain, MAX_SUMMARY) || `${name} finished.`;
  // Said already by the summary, word for word; what only the body can show (a link, code) stays.
  const said = summary === plain && body.startsWith(first) && !/[`\]<]|:\/\//.test(first);
  const rest = said ? body.slice(first.length).trim() : body;
  return Report.parse({
    title: clip(title, MAX_TITLE),
    summary,
    sections: rest === '' ? [] : [{ kind: 'markdown', markdown: cutMarkdown(rest) }],
  });
}

/** The first lines that are prose: no heading, table, list, quote or code. */
function firstParagraph(body: string): string {
  const blocks = body.slice(0, 20_000).split(/\n[ \t]*\n/, 40);
  return (
    blocks
      .map((block) => block.trim())
      .find((block) => block !== '' && !/^(?:#|\||```|~~~|[-*+] |\d+[.)] |>|<|---)/.test(block)) ?? ''
  );
}

function plainMarkdown(markdown: string): string {
  return markdown
    .slice(0, 5000)
    .replace(/!?\[([^\]]*)\]\([^)]*\)/g, '$1')
    .replace(/(\*\*|__|~~|`+)/g, '')
    .replace(/(?<![\w*])[*_](\S(?:[^*_\n]*\S)?)[*_](?![\w*])/g, '$1')
    .replace(/\s+/g, ' ')
    .trim();
}

function textReport(job: string, text: string): Report {
  const body = text.replace(/\s+$/, '').replace(/^(?:[ \t]*\n)+/, '');
  if (body === '') return finished(job);
  const lines = body.split('\n').length;
  if (lines === 1 && body.length <= MAX_SUMMARY) return Report.parse({ title: job, summary: body.trim() });
  const summary = `${job} finished and printed ${lines} ${lines === 1 ? 'line' : 'lines'}.`;
  return Report.parse({ title: job, summary, sections: [{ kind: 'markdown', markdown: codeBlock(body) }] });
}

/** A list of flat objects is a table; other JSON is shown as it is. */
function jsonReport(job: string, json: Json): Normalised {
  const given = { title: job, summary: jsonSummary(job, json) };
  const table = Array.isArray(json) ? tableOf(json, `What ${job} returned`) : undefined;
  if (table !== undefined) {
    const report = Report.safeParse({ ...given, sections: [table] });
    if (report.success) return { ok: true, report: report.data, result: json };
  }
  const pretty = JSON.stringify(json, null, 2);
  const section = { kind: 'markdown' as const, title: 'Result', markdown: codeBlock(pretty, 'json') };
  return { ok: true, report: Report.parse({ ...given, sections: [section] }), result: json };
}

function jsonSummary(job: string, json: Json): string {
  if (typeof json !== 'object' || json === null) return clip(`${job} returned ${JSON.stringify(json)}.`, MAX_SUMMARY);
  if (Array.isArray(json)) return `${job} returned a list of ${json.length}.`;
  const keys = Object.keys(json);
  const shown = keys.slice(0, 8).join(', ');
  return clip(
    `${job} returned ${shown === '' ? 'an empty object' : shown}${keys.length > 8 ? ' and more' : ''}.`,
    MAX_SUMMARY,
  );
}

/** A fenced code block whose fence is longer than any run of backticks inside; cut at 100,000 characters, and says so. */
export function codeBlock(text: string, language = ''): string {
  const body = cut(text, MAX_CODE);
  const longest = Math.max(2, ...[...body.matchAll(/`{3,}/g)].map(([run]) => run.length));
  const fence = '`'.repeat(longest + 1);
  return `${fence}${language}\n${body}\n${fence}`;
}

/** Markdown as long as a report takes it; the cut says so. */
export function cutMarkdown(markdown: string): string {
  return cut(markdown, MAX_MARKDOWN);
}

function cut(text: string, limit: number): string {
  if (text.length <= limit) return text;
  const kept = text.slice(0, limit - 100).replace(/[\ud800-\udbff]$/, '');
  return `${kept}\n… ${text.length - kept.length} characters left out`;
}

const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' });

/** At most `limit` UTF-16 units, cut between graphemes, with an ellipsis where something is missing. */
export function clip(text: string, limit: number): string {
  if (text.length <= limit) return text;
  let kept = '';
  for (const { segment } of graphemes.segment(text.slice(0, limit + 50))) {
    if (kept.length + segment.length > limit - 1) break;
    kept += segment;
  }
  return `${kept.trimEnd()}…`;
}
