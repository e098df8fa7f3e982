/** What people do to a run: they approve it, cancel it, delete it. Each act is noted in its own commit, under the lock of its run. */
import { iso } from '../clock.ts';
import type { Change, KeyEntry } from './backing.ts';
import type { Blobs } from './blobs.ts';
import type { Core, Fact } from './core.ts';
import type { DocTable } from './doc-table.ts';
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
export function createRunActs(core: Core, parts: { docs: DocTable; ledger: Ledger; blobs: Blobs }): RunActs {
  const { docs, ledger, blobs } = parts;

  function commit(run: Run, changes: readonly Change[]): Promise<void> {
    return core.commit({ changes, facts: core.factsOf(run), show: () => core.showRun(run) });
  }
  /** The key that the run still has, and until when it has to be remembered; 0: no longer. */
  async function keyHeldBy(run: Run): Promise<{ entry: KeyEntry | undefined; keyUntil: number }> {
    if (run.idempotencyKey === undefined) return { entry: undefined, keyUntil: 0 };
    await core.keysReady;
    const entry = core.keys.get(keyOf(run.queue, run.idempotencyKey));
    if (entry?.runId !== run.id) return { entry: undefined, keyUntil: 0 };
    return { entry, keyUntil: entry.until > core.clock.now() ? entry.until : 0 };
  }
  async function remove(runId: string, by: Actor): ReturnType<Store['remove']> {
    const actor = checked(Actor, by, 'The actor');
    const run = await core.getRun(runId);
    if (run === undefined) return { outcome: 'not_found' };
    const ended = isFinal(run.state) ? run : frozen(cancelRun(run, actor, core.clock.now()));
    const { entry, keyUntil } = await keyHeldBy(run);
    const removed = frozen(skeletonOf(ended));
    const note = isFinal(run.state) ? {} : { note: `the run was ${run.state} and was cancelled first` };
    const audit = core.auditEntry({ actor, act: 'delete', runId, job: run.job, ...note });
    const cancelled: Fact = { type: 'run', runId, job: run.job, state: 'cancelled' };
    const removal: Change = { kind: 'removal', tombstone: { run: removed, keyUntil }, audit };
    const work = (counters: readonly Change[]): Promise<void> => {
      const gone = docs.ofRun(runId);
      const removals = gone.map(({ kind, key }): Change => ({ kind: 'doc-removal', docKind: kind, key }));
      return core.commit({
        changes: [removal, ...removals, ...counters],
        facts: [...(isFinal(run.state) ? [] : [cancelled]), { type: 'removed', runId, job: run.job }],
        show: () => {
          core.forgetRun(runId);
          for (const name of gone) docs.drop(name);
          if (entry === undefined) return;
          if (keyUntil === 0) core.keys.delete(entry.key);
          else core.keys.set(entry.key, { ...entry, removed });
        },
      });
    };
    // Some of them may go while this waits for their locks; none can come, for that needs the lock of the run.
    await ledger.giveBack(runId, work, docs.ofRun(runId));
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
