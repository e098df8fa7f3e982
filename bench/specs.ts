/** What it costs to read what a person typed as a schedule, and to name its next three due times, beside croner and node-cron. */
import { Cron } from 'croner';
import fc from 'fast-check';
import cron from 'node-cron';
import { createTimetable } from '../src/runner/time/slots.ts';
import { readWhen } from '../src/runner/time/spec.ts';
import { checkZone } from '../src/runner/time/zone.ts';
import type { BenchResult } from './result.ts';
import { printTable, quantile, round } from './result.ts';

const SPECS = { full: 200_000, quick: 20_000 } as const;
const SEED = 20_261_122;
/** The aim for the worst case. */
const GOALS = { worstMs: 20 } as const;
/** node-cron takes minutes for some of them, so it gets numbers that it survives: what it needs is seen to grow tenfold with each digit. */
const LONGEST_FOR_NODE_CRON = 6;

const HOSTILE = [
  '0 0 1-99999999 * *',
  '0 0 1-999999 * *',
  '* * * * 1-99999',
  '*/0 * * * *',
  '5-1 * * * *',
  '٣ ٩ * * *',
  ','.repeat(120),
  '*'.repeat(120),
  '1,'.repeat(60),
  '0-59,'.repeat(20),
  '0 0 31 2 *',
  '0 0 29 2 *',
  '0 0 30 2 1',
  'every 61 minutes',
  `every ${'9'.repeat(100)} minutes`,
  'mon '.repeat(30),
  'x'.repeat(1_000_000),
  `${' '.repeat(119)}1`,
  '@'.repeat(120),
  '59 23 31 12 *',
];
const ZONES = [
  'UTC',
  'Europe/Berlin',
  'Australia/Lord_Howe',
  'Asia/Tokyo',
  'Berln',
  'x'.repeat(64),
  'Amerca/New_Yrok',
  'EST',
];

interface Asked {
  text: string;
  zone: string;
}

/** Texts of many shapes, half of them near to real ones; the same for each run of the benchmark. */
function askedFor(count: number): Asked[] {
  const word = fc.constantFrom(
    ...'* , - / 0 1 5 59 23 31 */5 1-5 0-23 9999 99999 mon fri-sun jan every day at 9am 09:00 :15 hours minutes 1st 31st and weekdays daily @daily'.split(
      ' ',
    ),
  );
  const field = (max: number): fc.Arbitrary<string> =>
    fc.oneof(
      { weight: 4, arbitrary: fc.constant('*') },
      { weight: 3, arbitrary: fc.integer({ min: 1, max }).map(String) },
      { weight: 1, arbitrary: fc.integer({ min: 1, max }).map((step) => `*/${step}`) },
      {
        weight: 1,
        arbitrary: fc.array(fc.integer({ min: 0, max: max + 1 }), { minLength: 1, maxLength: 5 }).map(String),
      },
      { weight: 1, arbitrary: word },
    );
  const text = fc.oneof(
    {
      weight: 5,
      arbitrary: fc.tuple(field(59), field(23), field(31), field(12), field(6)).map((fields) => fields.join(' ')),
    },
    { weight: 3, arbitrary: fc.array(word, { maxLength: 12 }).map((words) => words.join(' ')) },
    { weight: 1, arbitrary: fc.string({ maxLength: 130 }) },
    { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 130 }) },
    { weight: 1, arbitrary: fc.constantFrom(...HOSTILE) },
  );
  const zone = fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom(...Intl.supportedValuesOf('timeZone')) },
    fc.constantFrom(...ZONES),
  );
  return fc.sample(fc.record({ text, zone }), { numRuns: count, seed: SEED });
}

interface Taken {
  ms: number[];
  /** The most that one took of this thread's own time: where other processes want the cores too, waiting for one is no cost of ours. */
  worstCpuMs: number;
  accepted: number;
  worst: string;
}

function measure(asked: readonly Asked[], read: (one: Asked) => boolean): Taken {
  const ms: number[] = [];
  let accepted = 0;
  let worstCpuMs = 0;
  let worst = { ms: -1, text: '' };
  for (const one of asked) {
    const before = process.threadCpuUsage();
    const begun = performance.now();
    if (read(one)) accepted += 1;
    const took = performance.now() - begun;
    const cpu = process.threadCpuUsage(before);
    ms.push(took);
    worstCpuMs = Math.max(worstCpuMs, Math.min(took, (cpu.user + cpu.system) / 1_000));
    if (took > worst.ms) worst = { ms: took, text: JSON.stringify(one.text.slice(0, 30)) };
  }
  return { ms, worstCpuMs, accepted, worst: worst.text };
}

function ours({ text, zone }: Asked): boolean {
  const when = readWhen(text);
  const place = checkZone(zone);
  if (!when.ok) return false;
  createTimetable({ cron: when.when.cron, zone: place.ok ? place.zone : 'UTC' }).next(Date.UTC(2026, 10, 22), 3);
  return place.ok;
}

function theirs({ text, zone }: Asked): boolean {
  try {
    return new Cron(text, { paused: true, timezone: zone }).nextRuns(3, new Date(Date.UTC(2026, 10, 22))).length > 0;
  } catch {
    return false;
  }
}

export async function benchSpecs(options: { quick: boolean }): Promise<BenchResult> {
  const asked = askedFor(options.quick ? SPECS.quick : SPECS.full);
  const tame = asked.filter(({ text }) => !new RegExp(`\\d{${LONGEST_FOR_NODE_CRON},}`).test(text));
  const rows = [
    { name: 'bellhop: read, zone, next 3', count: asked.length, taken: measure(asked, ours) },
    { name: 'croner: new Cron, next 3', count: asked.length, taken: measure(asked, theirs) },
    {
      name: `node-cron: validate (numbers < 10^${LONGEST_FOR_NODE_CRON - 1})`,
      count: tame.length,
      taken: measure(tame, ({ text }) => cron.validate(text)),
    },
  ].map(({ name, count, taken }) => ({
    name,
    count,
    taken,
    p50: quantile(taken.ms, 0.5),
    p99: quantile(taken.ms, 0.99),
    max: quantile(taken.ms, 1),
  }));
  printTable([
    ['', 'specs', 'accepted', 'p50 µs', 'p99 µs', 'max ms', 'max CPU ms', 'slowest'],
    ...rows.map(({ name, count, taken, p50, p99, max }) => [
      name,
      String(count),
      String(taken.accepted),
      (p50 * 1_000).toFixed(1),
      (p99 * 1_000).toFixed(1),
      max.toFixed(1),
      taken.worstCpuMs.toFixed(1),
      taken.worst,
    ]),
  ]);
  const [own, croner, nodeCron] = rows;
  const worstMs = round(own?.taken.worstCpuMs ?? Number.NaN);
  return {
    bench: 'specs',
    ratios: {
      p99BesideCroner: round((own?.p99 ?? Number.NaN) / (croner?.p99 ?? Number.NaN)),
      worstBesideNodeCron: round(worstMs / (nodeCron?.taken.worstCpuMs ?? Number.NaN), 4),
    },
    goals: { worstMs: GOALS.worstMs },
    short: worstMs < GOALS.worstMs ? [] : ['worstMs'],
    figures: {
      worstMs,
      p50Us: round((own?.p50 ?? 0) * 1_000),
      p99Us: round((own?.p99 ?? 0) * 1_000),
      yearMs: yearOfMinutes(),
    },
  };
}

/** Counting a year of minutes, the most that a long absence asks for. */
function yearOfMinutes(): number {
  const timetable = createTimetable({ cron: '* * * * *', zone: 'Europe/Berlin' });
  const begun = performance.now();
  for (let round = 0; round < 20; round++) timetable.count(Date.UTC(2026, 0, 1), Date.UTC(2027, 0, 1));
  return round((performance.now() - begun) / 20, 3);
}
