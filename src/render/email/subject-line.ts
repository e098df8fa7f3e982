/** The subject of a mail: dated, so that each stands alone in an inbox, or the same for every mail of a series. */
import type { Report } from '../../store/report.ts';
import { cutText, oneLine } from '../format.ts';
import { describeSubject } from '../subject.ts';
import type { Subject } from '../subject.ts';
import { formatDay } from '../values.ts';

const SUBJECT_CHARS = 150;
/** A week, a quarter, a year, a date of digits, or a day beside a month's name. */
const DATED =
  /\b(?:W\d{1,2}|Q[1-4]|(?:19|20)\d\d|\d{1,2}[./-]\d{1,2}|\d{1,2} (?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)|(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)\w* \d{1,2})\b/i;

/** One line without control characters. The subject of a notice has no date: what it says is of the moment. */
export function subjectOf(report: Report, about: Subject, thread: 'series' | 'none'): string {
  const words = describeSubject(about);
  if (thread === 'series') return cutText(readable(report.series ?? words.name), SUBJECT_CHARS);
  const title = oneLine(report.title) || words.name;
  const label = oneLine(report.period?.label ?? '');
  const known = (label !== '' && title.includes(label)) || DATED.test(title) || 'notice' in about;
  const date = known ? '' : label || formatDay(report.generatedAt ?? words.at, report);
  const end = `${date === '' ? '' : ` · ${date}`}${report.status === 'partial' ? ' (incomplete)' : ''}`;
  return cutText(title, SUBJECT_CHARS - end.length) + end;
}

/** `weekly-merchandising` as `Weekly merchandising`: a name never varies, a title may. */
function readable(name: string): string {
  const words = oneLine(name.replace(/[-_.]+/g, ' ')) || name;
  return words.charAt(0).toUpperCase() + words.slice(1);
}
