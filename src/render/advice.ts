/** Small texts about advice that the bot and the terminal share. */
import type { AdviceRow, AdviceState } from '../store/memory-records.ts';
import { describeActor } from './run.ts';
import { cutText, oneLine } from './format.ts';
import { formatCell } from './values.ts';

const PLACE = { locale: 'en-US', timeZone: 'UTC' };
const REST_CHARS = 300;

const UNITS: Readonly<Record<AdviceRow['then'][number]['unit'], string>> = {
  money: '',
  count: '',
  percent: '',
  percentage_point: ' pp',
  days: ' days',
  hours: ' h',
  ratio: '',
  text: '',
  date: '',
};

/**
 * `Stock 3, Days of cover 2 days`: the facts that it rested on, as they were; undefined when none were kept. What a label says of the thing
 * that the title names already is left out.
 */
export function describeGrounds({ then: facts, title }: Pick<AdviceRow, 'then' | 'title'>): string | undefined {
  if (facts.length === 0) return undefined;
  const words = facts.map(({ label, value, unit, currency }) => {
    const type = unit === 'money' || unit === 'percent' ? unit : 'number';
    const column = { key: 'value', label: '', type, ...(currency !== undefined && { currency }) } as const; // as the report showed it
    const number = typeof value === 'number' ? formatCell(rounded(value), column, PLACE) : oneLine(value ?? 'unknown');
    return `${shortLabel(oneLine(label), title)} ${number}${value === null ? '' : UNITS[unit]}`;
  });
  return cutText(words.join(', '), REST_CHARS);
}

/** `In stock: Stoneware Mug` as `In stock`, where the title names the mug. */
function shortLabel(label: string, title: string): string {
  const colon = label.indexOf(': ');
  return colon > 0 && title.includes(label.slice(colon + 2)) ? label.slice(0, colon) : label;
}

/** Hundredths of a percent, or of what is a hundred and more, say nothing. */
function rounded(value: number): number {
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 1 ? 1 : 2;
  return Number(value.toFixed(digits));
}

/** `done by Ana`, `put off by Ana until 2026-12-21`, `dismissed for good by Ana`; the day of the answer each surface writes its way. */
export function describeAnswer(row: { status: AdviceState } & Pick<AdviceRow, 'by' | 'until'>): string {
  const by = row.by === undefined ? '' : ` by ${describeActor(row.by)}`;
  if (row.status !== 'dismissed') return `${row.status}${row.status === 'done' ? by : ''}`;
  return row.until === undefined ? `dismissed for good${by}` : `put off${by} until ${row.until.slice(0, 10)}`;
}

/** `2 open, 3 done`; a state that no row is in is left out. */
export function countAdvice(rows: readonly { status: AdviceState }[]): string {
  const states: AdviceState[] = ['open', 'done', 'dismissed', 'expired'];
  const counts = states.map((state) => [state, rows.filter(({ status }) => status === state).length] as const);
  return counts
    .filter(([, count]) => count > 0)
    .map(([state, count]) => `${count} ${state}`)
    .join(', ');
}
