import { iso } from '../clock.ts';
import type { KeyEntry } from './backing.ts';
import type { Core } from './core.ts';
import { checked, jsonBytes } from './json.ts';
import { isFinal, Run } from './records.ts';
import type { Store, NewRun, SubmitOutcome } from './store.ts';

/** A key belongs to a queue: two jobs may use the same word (G12). */
export function keyOf(queue: string, key: string): string {
  return JSON.stringify([queue, key]);
}

/**
 * Whether a key still answers a repeated submit: for its window, and while the first run is unfinished however long that takes.
 */
export function keyHolds(core: Pick<Core, 'index'>, entry: KeyEntry, now: number): boolean {
  if (entry.until > now) return true;
  const summary = core.index.get(entry.runId);
  return summary !== undefined && !isFinal(summary.state);
}

/** Makes the verb `submit`. Everything is checked before anything is written (G20); each run is its own commit. */
export function createSubmit(core: Core): Store['submit'] {
  /** Accepted runs whose commit is under way: they count against the limit, but nobody sees them yet. */
  let underWay = 0;

  async function submitOne(wanted: { id: string; input: NewRun }): Promise<SubmitOutcome> {
    const { input } = wanted;
    const bytes = jsonBytes(input.input, `The input of ${input.job}`);
    if (bytes > core.options.maxInputBytes) return { outcome: 'too_large', bytes, limit: core.options.maxInputBytes };
    if (input.idempotencyKey === undefined) return accept(wanted);
    const key = keyOf(input.queue, input.idempotencyKey);
    // Submits with one key wait for each other, so that a hundred at once make one run.
    return core.locks.run(`key ${key}`, async () => {
      const first = await firstWith(key);
      return first === undefined ? accept(wanted) : { outcome: 'deduplicated', run: first };
    });
  }

  async function firstWith(key: string): Promise<Run | undefined> {
    const entry = core.keys.get(key);
    if (entry === undefined || !keyHolds(core, entry, core.clock.now())) return undefined;
    const run = await core.getRun(entry.runId);
    // Removed, perhaps just now: the entry then holds what is left of the run.
    return run ?? core.keys.get(key)?.removed;
  }

  async function accept({ id, input }: { id: string; input: NewRun }): Promise<SubmitOutcome> {
    const { maxRunBytes, maxUnfinished } = core.options;
    const run = checked(Run, newRun(core, id, input), `The run of ${input.job}`);
    const bytes = jsonBytes(run, id);
    if (bytes > maxRunBytes) return { outcome: 'too_large', bytes, limit: maxRunBytes };
    if (core.index.unfinished() + underWay >= maxUnfinished) return { outcome: 'queue_full', limit: maxUnfinished };
    const audit = core.auditEntry({
      actor: run.actor,
      act: run.retryOf === undefined ? 'run' : 'retry',
      runId: id,
      job: run.job,
    });
    underWay++;
    try {
      await core.backing.commit([{ kind: 'run', run, audit }]);
      remember(core, run);
      core.publishRun(run);
      return { outcome: 'accepted', run };
    } finally {
      underWay--;
    }
  }

  return async (runs) => {
    // Ids are made first, in the order of the batch: that is the order of acceptance, whatever waits for a key.
    const wanted = runs.map((input) => ({ id: core.ids.next('run'), input }));
    const results = await Promise.allSettled(wanted.map((one) => submitOne(one)));
    return results.map((result) => {
      if (result.status === 'rejected') throw result.reason;
      return result.value;
    });
  };
}

function newRun(core: Core, id: string, input: NewRun): Run {
  const now = core.clock.now();
  const runAt = input.runAt === undefined ? now : Date.parse(input.runAt);
  return {
    v: 1,
    id,
    rev: 1,
    job: input.job,
    kind: input.kind,
    queue: input.queue,
    state: runAt > now ? 'scheduled' : 'queued',
    trigger: input.trigger,
    actor: input.actor,
    ...(input.retryOf === undefined ? {} : { retryOf: input.retryOf }),
    priority: input.priority ?? 0,
    policy: input.policy,
    input: input.input,
    ...(input.origin === undefined ? {} : { origin: input.origin }),
    ...(input.idempotencyKey === undefined ? {} : { idempotencyKey: input.idempotencyKey }),
    createdAt: iso(now),
    updatedAt: iso(now),
    runAt: iso(runAt),
    fence: 0,
    attemptsUsed: 0,
    attempts: [],
    deliveries: input.deliveries ?? [],
  };
}

function remember(core: Core, run: Run): void {
  if (run.idempotencyKey === undefined) return;
  const key = keyOf(run.queue, run.idempotencyKey);
  core.keys.set(key, { key, runId: run.id, until: Date.parse(run.createdAt) + core.options.keyWindowMs });
}
