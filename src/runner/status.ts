/**
 * The last-status documents of schedules: `{kind, ok, status, ms, at, host}` and nothing else, neither personal nor secret. `latest` stands
 * apart from the history, which has one document a host and day and goes after 35 days.
 */
import { z } from 'zod';
import { iso } from '../clock.ts';
import { isFinal } from '../store/records.ts';
import type { Run, StoreEvent } from '../store/records.ts';
import type { Store } from '../store/store.ts';
import type { Follower } from './followers.ts';
import { scheduleOf } from './verdict.ts';

/** The kinds of the newest and of the dated documents. */
const STATUS = 'status';
const HISTORY = 'status-history';
const KEEP_MS = 35 * 86_400_000;
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
export function createStatus(deps: { store: Store; host: string }): Follower {
  const { store } = deps;
  const host = deps.host.replaceAll(/[^A-Za-z0-9-]/g, '-').slice(0, 30) || 'host';

  async function put(
    { kind, key }: { kind: string; key: string },
    value: StatusValue,
    expiresAt?: string,
  ): Promise<void> {
    for (let tries = 0; tries < TRIES; tries++) {
      const doc = await store.getDoc(kind, key);
      const present = StatusValue.safeParse(doc?.value);
      if (present.success && present.data.at >= value.at) return;
      const expiry = expiresAt === undefined ? {} : { expiresAt };
      const outcome = await store.putDoc({ kind, key, rev: doc?.rev ?? 0, value, ...expiry });
      if (outcome.outcome === 'stored') return;
    }
  }

  return {
    name: 'status',
    async noticed(event: StoreEvent) {
      if (event.type !== 'run' || event.runId === undefined || !isEnd(event.state)) return;
      const run = await store.get(event.runId);
      const value = run === undefined ? undefined : valueOf(run, host);
      if (value === undefined) return;
      await put({ kind: STATUS, key: `${value.kind}.latest` }, value);
      const day = `${value.kind}.${value.at.slice(0, 10)}.${host}`;
      await put({ kind: HISTORY, key: day }, value, iso(Date.parse(value.at) + KEEP_MS));
    },
  };
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
