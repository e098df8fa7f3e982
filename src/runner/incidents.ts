/**
 * Tells people once that a schedule fails, and once that it is good again. A notice is stored before the count that led to it, under a key
 * made of the run, so a crash between the two tells nobody twice. Runs by hand are not counted: who asked for one sees how it went.
 */
import { z } from 'zod';
import { iso } from '../clock.ts';
import type { Clock } from '../clock.ts';
import type { Log } from '../log.ts';
import { scrubJson } from '../scrub.ts';
import type { Scrub } from '../scrub.ts';
import type { Destination } from '../store/destinations.ts';
import type { Actor, Run, StoreEvent } from '../store/records.ts';
import type { Schedule } from '../store/schedule-records.ts';
import type { Store } from '../store/store.ts';
import { alertRoute } from './alert-route.ts';
import type { Follower } from './followers.ts';
import { noticeReport } from './notice-report.ts';
import type { ScheduleBook } from './schedule-book.ts';
import { fingerprint, newestRuns, verdictOn } from './verdict.ts';
import type { Verdict } from './verdict.ts';

const KIND = 'incident';
const MAX_SEEN = 50;
const MAX_CAUSES = 20;
const TRIES = 5;
/** What is known of a schedule that does not run any more goes. */
const KEEP_MS = 400 * 86_400_000;
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
  scrub: Scrub;
  alertsTo: readonly Destination[];
  pause: (name: string, actor: Actor, reason: string) => Promise<unknown>;
}

interface Case {
  name: string;
  run: Run;
  schedule: Schedule;
  /** What the notice is told once for; the run, unless it is given. */
  once?: string;
}

/** Makes the follower. */
export function createIncidents(deps: Deps): Follower {
  const { store, book, clock, log, scrub } = deps;

  async function noticed(event: StoreEvent): Promise<void> {
    const { runId, type } = event;
    // What happened between is gone: the count may be too low, but how each schedule stands is known.
    if (type === 'resync') for (const newest of newestRuns(await book.all())) await look(newest);
    else if (runId !== undefined) await look(runId);
  }
  async function look(runId: string): Promise<void> {
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
      const put = await store.putDoc({
        kind: KIND,
        key: at.name,
        rev: doc?.rev ?? 0,
        value,
        expiresAt: iso(clock.now() + KEEP_MS),
      });
      if (put.outcome === 'stored') return;
    }
    throw new Error(`the incidents of ${at.name} kept changing`);
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
    if (pauseAfter !== undefined && failures >= pauseAfter) await pause(at, failures);
    return {
      failures,
      causes: news ? [...before.causes, cause].slice(-MAX_CAUSES) : before.causes,
      ...(news ? { toldAt: iso(now) } : before.toldAt === undefined ? {} : { toldAt: before.toldAt }),
      seen: [],
    };
  }
  /** A crash after the pause finds it again, and tells then. */
  async function pause(at: Case, failures: number): Promise<void> {
    if (at.schedule.paused === undefined) await deps.pause(at.name, SYSTEM, `${failures} failures in a row`);
    const paused = (await book.get(at.name))?.schedule.paused;
    if (paused?.by.kind !== SYSTEM.kind || paused.by.id !== SYSTEM.id) return;
    await tell({ ...at, once: paused.since }, 'paused', {
      title: `${at.name} is paused`,
      summary: `It failed ${failures} times in a row, so it does not run any more by itself.`,
      status: 'failed',
      lines: [`When it is mended: \`/jobs resume ${at.name}\` or \`bellhop resume ${at.name}\`.`],
    });
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
    const key = `${kind}.${name}.${at.once ?? run.id}`;
    // Its status is no word of anybody: a masked one would be none.
    const report = noticeReport({ ...scrubJson(what, scrub), status: what.status });
    await store.addNotice({ key, kind, schedule: name, job: run.job, report, destinations });
  }
  async function routeOf(at: Case): Promise<readonly Destination[]> {
    const reports = (await store.deliveries(at.run.id)).map((one) => one.destination);
    return alertRoute({ tell: at.schedule.spec.tell, alertsTo: deps.alertsTo, reports });
  }

  return {
    name: 'incidents',
    wants: ({ type, state = '' }) => type === 'resync' || ((type === 'run' || type === 'delivery') && ENDS.has(state)),
    noticed,
  };
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
