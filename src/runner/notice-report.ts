import { Report } from '../store/report.ts';

const MAX_TITLE = 150;
const MAX_SUMMARY = 600;
const MAX_LINES = 60;

/** The report of a notice: a title, one sentence, and lines of markdown, each cut to what a report takes. */
export function noticeReport(what: {
  title: string;
  summary: string;
  /** `failed`: somebody should look. What a notice says is never incomplete, so it is never `partial`. */
  status: 'ok' | 'failed';
  lines: readonly string[];
}): Report {
  const lines = what.lines.slice(0, MAX_LINES).map((line) => line.slice(0, 1000));
  return Report.parse({
    title: cut(what.title, MAX_TITLE),
    summary: cut(what.summary, MAX_SUMMARY),
    status: what.status,
    sections: lines.length === 0 ? [] : [{ kind: 'markdown', markdown: lines.join('\n\n') }],
  });
}

function cut(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`;
}
