/**
 * Tells people once that a schedule fails, and once that it is good again. A notice is stored before the count that led to it, under a key
 * made of the run, so a crash between the two tells nobody twice.
 */
import { z } from 'zod';
import { iso } from '../clock.ts';
import type { Clock } from '../clock.ts';
import type { Log } from '../log.ts';
import type { Actor, Destination, Run, StoreEvent } from '../store/records.ts';
import type { Schedule } from '../store/schedule-records.ts';
import type { Store } from '../store/store.ts';
import type { Follower } from './followers.ts';
import { noticeReport } from './notice-report.ts';
import type { ScheduleBook } from './schedule-book.ts';
import { destinationKey } from './targets.ts';
import { fingerprint, verdictOn } from './verdict.ts';
import type { Verdict } from './verdict.ts';

const KIND = 'incident';
const MAX_SEEN = 50;
const MAX_CAUSES = 20;
const TRIES = 5;
const SYSTEM: Actor = { kind: 'system', id: 'incidents' };

/** The failures in a row of a schedule, the causes that people were told, and the runs that are counted already. */
const Incident = z.object({
  failures: z.number().int().nonnegative(),
  causes: z.array(z.string()).max(MAX_CAUSES),
  toldAt: z.iso.datetime().exactOptional(),
  seen: z.array(z.string()).max(MAX_SEEN),
});
type Incident = z.infer<typeof Incident>;
const NONE: Incident = { failures: 0, causes: [], seen: [] };

interface Deps {
  store: Store;
  book: ScheduleBook;
  clock: Clock;
  log: Log;
  alertsTo: readonly Destination[];
  pause: (name: string, actor: Actor, reason: string) => Promise<unknown>;
}

interface Case {
  name: string;
  run: Run;
  schedule: Schedule;
}

/** Makes the follower. */
export function createIncidents(deps: Deps): Follower {
  const { store, book, clock, log } = deps;

  async function noticed(event: StoreEvent): Promise<void> {
    const { runId } = event;
    if (runId === undefined || (event.type !== 'run' && event.type !== 'delivery')) return;
    if (!ENDS.has(event.state ?? '')) return;
    const run = await store.get(runId);
    const name = run?.schedule?.name;
    if (run === undefined || name === undefined) return;
    const entry = await book.get(name);
    const verdict = await verdictOn(store, run);
    if (entry === undefined || verdict.how === 'open') return;
    await judge({ name, run, schedule: entry.schedule }, verdict);
  }
  async function judge(at: Case, verdict: Exclude<Verdict, { how: 'open' }>): Promise<void> {
    for (let tries = 0; tries < TRIES; tries++) {
      const doc = await store.getDoc(KIND, at.name);
      const read = Incident.safeParse(doc?.value);
      const before = read.success ? read.data : NONE;
      if (before.seen.includes(at.run.id)) return;
      const after = verdict.how === 'good' ? await good(at, before) : await bad(at, { before, verdict });
      const value = { ...after, seen: [...before.seen, at.run.id].slice(-MAX_SEEN) };
      const put = await store.putDoc({ kind: KIND, key: at.name, rev: doc?.rev ?? 0, value });
      if (put.outcome === 'stored') return;
    }
  }
  async function good(at: Case, before: Incident): Promise<Incident> {
    if (before.toldAt !== undefined) {
      const times = before.failures === 1 ? 'one failure' : `${before.failures} failures in a row`;
      await tell(at, 'recovery', {
        title: `${at.name} is good again`,
        summary: `Its run ${at.run.id} went well after ${times}.`,
        status: 'ok',
        lines: [],
      });
    }
    return NONE;
  }
  async function bad(at: Case, on: { before: Incident; verdict: Verdict & { how: 'bad' } }): Promise<Incident> {
    const { before, verdict } = on;
    const { after, coolDownMs, pauseAfter } = at.schedule.spec.alert;
    const failures = before.failures + 1;
    const cause = fingerprint(verdict);
    const now = clock.now();
    const cooling = before.toldAt !== undefined && now - Date.parse(before.toldAt) < coolDownMs;
    const news = failures >= after && !cooling && !before.causes.includes(cause);
    if (news) await tell(at, 'incident', incidentText(at, verdict, failures));
    if (pauseAfter !== undefined && failures >= pauseAfter && at.schedule.paused === undefined) {
      await deps.pause(at.name, SYSTEM, `${failures} failures in a row`);
      await tell(at, 'paused', {
        title: `${at.name} is paused`,
        summary: `It failed ${failures} times in a row, so it does not run any more by itself.`,
        status: 'failed',
        lines: [`When it is mended: \`/jobs resume ${at.name}\` or \`bellhop resume ${at.name}\`.`],
      });
    }
    return {
      failures,
      causes: news ? [...before.causes, cause].slice(-MAX_CAUSES) : before.causes,
      ...(news ? { toldAt: iso(now) } : before.toldAt === undefined ? {} : { toldAt: before.toldAt }),
      seen: [],
    };
  }
  async function tell(
    at: Case,
    kind: 'incident' | 'recovery' | 'paused',
    what: Parameters<typeof noticeReport>[0],
  ): Promise<void> {
    const destinations = await routeOf(at);
    if (destinations.length === 0) {
      log.warn('nobody is told of an incident: neither the schedule nor BELLHOP_ALERTS_TO names a place', {
        schedule: at.name,
        kind,
      });
      return;
    }
    const { name, run } = at;
    const key = `${kind}.${name}.${run.id}`;
    await store.addNotice({ key, kind, schedule: name, job: run.job, report: noticeReport(what), destinations });
  }
  /** Never where the report itself goes, unless there is no other place. */
  async function routeOf(at: Case): Promise<readonly Destination[]> {
    const route = at.schedule.spec.tell ?? deps.alertsTo;
    const reports = (await store.deliveries(at.run.id)).map((one) => destinationKey(one.destination));
    const others = route.filter((place) => !reports.includes(destinationKey(place)));
    return others.length === 0 ? route : others;
  }

  return { name: 'incidents', noticed };
}

/** What a run or a delivery may come to that changes the verdict. */
const ENDS = new Set(['completed', 'failed', 'delivered', 'unknown']);

function incidentText(
  at: Case,
  verdict: Verdict & { how: 'bad' },
  failures: number,
): Parameters<typeof noticeReport>[0] {
  const { name, run } = at;
  return {
    title: `${name} failed`,
    summary: failures === 1 ? verdict.message : `${failures} times in a row: ${verdict.message}`,
    status: 'failed',
    lines: [
      `Code \`${verdict.code}\`, run \`${run.id}\`${run.schedule === undefined ? '' : `, due ${run.schedule.slot}`}.`,
      ...(verdict.hint === undefined ? [] : [`What to do: ${verdict.hint}`]),
      `\`/jobs show ${run.id.slice(-6)}\` shows it, \`/jobs retry ${run.id.slice(-6)}\` runs it again. Nothing more is said of this cause until it is good again.`,
    ],
  };
}
