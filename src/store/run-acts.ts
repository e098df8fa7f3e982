/** What people do to a run: they approve it, cancel it, delete it. Each act is noted in its own commit, under the lock of its run. */
import { iso } from '../clock.ts';
import type { Change } from './backing.ts';
import type { Blobs } from './blobs.ts';
import type { Core, Fact } from './core.ts';
import { checked, frozen } from './json.ts';
import { keyOf } from './keys.ts';
import { Actor, isFinal } from './records.ts';
import type { Run } from './records.ts';
import type { Ledger } from './reserve.ts';
import { every } from './run-verbs.ts';
import type { Store } from './store.ts';
import { approveRun, cancelRun } from './transitions.ts';

/** How long a run waits for somebody to approve it. */
const APPROVAL_MS = 7 * 24 * 3_600_000;
const NOBODY: Actor = { kind: 'system', id: 'approvals' };

type RunActs = Pick<Store, 'approve' | 'cancel' | 'remove'> & {
  /** Cancels runs that waited too long for somebody to approve them; at most `limit` a call. */
  expireWaits(limit: number): Promise<number>;
};

/** Makes the verbs of what people do to runs. */
export function createRunActs(core: Core, parts: { ledger: Ledger; blobs: Blobs }): RunActs {
  const { ledger, blobs } = parts;

  function commit(run: Run, changes: readonly Change[]): Promise<void> {
    return core.commit({ changes, facts: core.factsOf(run), show: () => core.showRun(run) });
  }
  async function remove(runId: string, by: Actor): ReturnType<Store['remove']> {
    const actor = checked(Actor, by, 'The actor');
    const run = await core.getRun(runId);
    if (run === undefined) return { outcome: 'not_found' };
    const ended = isFinal(run.state) ? run : frozen(cancelRun(run, actor, core.clock.now()));
    const key = run.idempotencyKey === undefined ? undefined : keyOf(run.queue, run.idempotencyKey);
    if (key !== undefined) await core.keysReady;
    const entry = key === undefined ? undefined : core.keys.get(key);
    const until = entry?.runId === runId ? entry.until : 0;
    const keyUntil = until > core.clock.now() ? until : 0;
    const removed = frozen(skeletonOf(ended));
    const note = isFinal(run.state) ? {} : { note: `the run was ${run.state} and was cancelled first` };
    const audit = core.auditEntry({ actor, act: 'delete', runId, job: run.job, ...note });
    const cancelled: Fact = { type: 'run', runId, job: run.job, state: 'cancelled' };
    const removal: Change = { kind: 'removal', tombstone: { run: removed, keyUntil }, audit };
    await ledger.giveBack(runId, (counters) =>
      core.commit({
        changes: [removal, ...counters],
        facts: [...(isFinal(run.state) ? [] : [cancelled]), { type: 'removed', runId, job: run.job }],
        show: () => {
          core.forgetRun(runId);
          if (entry?.runId !== runId) return;
          if (keyUntil === 0) core.keys.delete(entry.key);
          else core.keys.set(entry.key, { ...entry, removed });
        },
      }),
    );
    await blobs.letGo(run);
    return { outcome: 'removed', run: ended };
  }

  async function approve(runId: string, by: Actor): ReturnType<Store['approve']> {
    const actor = checked(Actor, by, 'The actor');
    const run = await core.getRun(runId);
    if (run === undefined) return { outcome: 'not_found' };
    if (run.state !== 'waiting') return { outcome: 'not_waiting', run };
    const next = frozen(approveRun(run, actor, core.clock.now()));
    const audit = core.auditEntry({ actor, act: 'approve', runId, job: run.job });
    await commit(next, [{ kind: 'run', run: next, audit }]);
    return { outcome: 'approved', run: next };
  }

  async function cancel(runId: string, by: Actor, note?: string): ReturnType<Store['cancel']> {
    const actor = checked(Actor, by, 'The actor');
    const run = await core.getRun(runId);
    if (run === undefined) return { outcome: 'not_found' };
    if (isFinal(run.state)) return { outcome: 'already_final', run };
    const next = frozen(cancelRun(run, actor, core.clock.now()));
    const why = note === undefined ? {} : { note };
    const audit = core.auditEntry({ actor, act: 'cancel', runId, job: run.job, ...why });
    await ledger.giveBack(runId, (counters) => commit(next, [{ kind: 'run', run: next, audit }, ...counters]));
    return { outcome: 'cancelled', run: next };
  }

  /** Waiting runs that nobody has approved for so long. */
  function* unapproved(): Iterable<Run> {
    const before = iso(core.clock.now() - APPROVAL_MS);
    for (const run of core.hot.values()) if (run.state === 'waiting' && run.createdAt <= before) yield run;
  }
  async function expireWait(runId: string): Promise<void> {
    if (core.hot.get(runId)?.state === 'waiting') await cancel(runId, NOBODY, 'nobody approved it for 7 days');
  }

  const locked = <T>(runId: string, work: () => Promise<T>): Promise<T> => core.locks.run(runId, work);
  return {
    approve: (runId, actor) => locked(runId, () => approve(runId, actor)),
    cancel: (runId, actor) => locked(runId, () => cancel(runId, actor)),
    remove: (runId, actor) => locked(runId, () => remove(runId, actor)),
    async expireWaits(limit) {
      const ids = [...unapproved()].slice(0, limit).map(({ id }) => id);
      await every(ids.map((id) => locked(id, () => expireWait(id))));
      return ids.length;
    },
  };
}

/** What a deleted run leaves behind while its idempotency key holds: that it was there, and nothing of what was in it. */
function skeletonOf(run: Run): Run {
  const {
    agent: _agent,
    blobs: _blobs,
    result: _result,
    response: _response,
    report: _report,
    error: _error,
    progress: _progress,
    origin: _origin,
    destinations: _destinations,
    withheld: _withheld,
    ...rest
  } = run;
  return { ...rest, input: null, attempts: [], deliveries: [] };
}
