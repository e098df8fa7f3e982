/**
 * The last-status documents of schedules: `{kind, ok, status, ms, at, host}` and nothing else, neither personal nor secret. `latest` stands
 * apart from the history, which has one document a host and day and goes after 35 days; the latest of a schedule that does not run any
 * more goes after 400.
 */
import { z } from 'zod';
import { iso } from '../clock.ts';
import { isFinal } from '../store/records.ts';
import type { Run, StoreEvent } from '../store/records.ts';
import type { Store } from '../store/store.ts';
import type { Follower } from './followers.ts';
import type { ScheduleBook } from './schedule-book.ts';
import { newestRuns, scheduleOf } from './verdict.ts';

/** The kinds of the newest and of the dated documents. */
const STATUS = 'status';
const HISTORY = 'status-history';
const DAY_MS = 86_400_000;
const KEEP_MS = 35 * DAY_MS;
const KEEP_LATEST_MS = 400 * DAY_MS;
const TRIES = 5;

const StatusValue = z.object({
  /** The schedule. */
  kind: z.string().max(80),
  ok: z.boolean(),
  status: z.enum(['completed', 'failed', 'cancelled']),
  ms: z.number().int().nonnegative(),
  at: z.iso.datetime(),
  host: z.string().max(40),
});
type StatusValue = z.infer<typeof StatusValue>;

/** Makes the follower; `host` names this machine. */
export function createStatus(deps: { store: Store; book: Pick<ScheduleBook, 'all'>; host: string }): Follower {
  const { store, book } = deps;
  const host = deps.host.replaceAll(/[^A-Za-z0-9-]/g, '-').slice(0, 30) || 'host';

  async function put({ kind, key }: { kind: string; key: string }, value: StatusValue, keepMs: number): Promise<void> {
    const expiresAt = iso(Date.parse(value.at) + keepMs);
    for (let tries = 0; tries < TRIES; tries++) {
      const doc = await store.getDoc(kind, key);
      const present = StatusValue.safeParse(doc?.value);
      if (present.success && present.data.at >= value.at) return;
      const outcome = await store.putDoc({ kind, key, rev: doc?.rev ?? 0, value, expiresAt });
      if (outcome.outcome === 'stored') return;
    }
  }

  return {
    name: 'status',
    wants: ({ type, state }: StoreEvent) => type === 'resync' || (type === 'run' && isEnd(state)),
    async noticed(event: StoreEvent) {
      if (event.type === 'resync') for (const runId of newestRuns(await book.all())) await note(runId);
      else if (event.runId !== undefined) await note(event.runId);
    },
  };

  async function note(runId: string): Promise<void> {
    const run = await store.get(runId);
    const value = run === undefined ? undefined : valueOf(run, host);
    if (value === undefined) return;
    await put({ kind: STATUS, key: `${value.kind}.latest` }, value, KEEP_LATEST_MS);
    const day = `${value.kind}.${value.at.slice(0, 10)}.${host}`;
    await put({ kind: HISTORY, key: day }, value, KEEP_MS);
  }
}

function isEnd(state: StoreEvent['state']): boolean {
  return state === 'completed' || state === 'failed' || state === 'cancelled';
}

function valueOf(run: Run, host: string): StatusValue | undefined {
  const kind = scheduleOf(run);
  const { state, finishedAt } = run;
  if (kind === undefined || finishedAt === undefined || !isFinal(state)) return undefined;
  if (state !== 'completed' && state !== 'failed' && state !== 'cancelled') return undefined;
  const ms = Math.max(0, Date.parse(finishedAt) - Date.parse(run.startedAt ?? finishedAt));
  return { kind, ok: state === 'completed', status: state, ms, at: finishedAt, host };
}
