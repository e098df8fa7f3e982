import { iso } from '../clock.ts';
import { UsageError } from '../errors.ts';
import type { Change } from './backing.ts';
import type { Core } from './core.ts';
import { checkedText, encoded, jsonBytes } from './json.ts';
import { keyHolds, keyOf } from './keys.ts';
import { Run } from './records.ts';
import type { NewRun, SubmitOutcome } from './store.ts';

/** What else is committed with a batch, and shown with it. The batch is then accepted whole or not at all. */
export interface Also {
  changes: readonly Change[];
  show: () => void;
}

type Refused = Exclude<SubmitOutcome, { outcome: 'accepted' }>;
/** What becomes of an input unless the store is full: an answer, or a run under its key. */
type Planned = { answer: Refused } | { run: Run; key: string | undefined };

/**
 * Makes the verb `submit`. Everything is checked before anything is written (G20), and what a batch accepts is one commit (G2): a crash
 * leaves all of it or nothing.
 */
export function createSubmit(core: Core): (runs: readonly NewRun[], also?: Also) => Promise<SubmitOutcome[]> {
  /** Accepted runs whose commit is under way: they count against the limit, but nobody sees them yet. */
  let underWay = 0;

  async function plan({ id, input }: { id: string; input: NewRun }): Promise<Planned> {
    const { maxInputBytes, maxRunBytes } = core.options;
    const inputBytes = jsonBytes(input.input, `The input of ${input.job}`);
    if (inputBytes > maxInputBytes)
      return { answer: { outcome: 'too_large', bytes: inputBytes, limit: maxInputBytes } };
    const key = keyOfRun(input);
    const first = key === undefined ? undefined : await firstWith(key);
    if (first !== undefined) return { answer: { outcome: 'deduplicated', run: first } };
    const text = encoded(newRun(core, id, input), `The run of ${input.job}`);
    const run = checkedText(Run, text);
    if (input.id !== undefined && (await core.getRun(id)) !== undefined) throw twice(id);
    if (text.bytes > maxRunBytes) {
      return { answer: { outcome: 'too_large', bytes: text.bytes, limit: maxRunBytes } };
    }
    return { run, key };
  }

  async function firstWith(key: string): Promise<Run | undefined> {
    await core.keysReady;
    const entry = core.keys.get(key);
    if (entry === undefined || !keyHolds(core, entry, core.clock.now())) return undefined;
    const run = await core.getRun(entry.runId);
    // Removed, perhaps just now: the entry then holds what is left of the run.
    return run ?? core.keys.get(key)?.removed;
  }

  /** One synchronous step, so that two batches never share the last free place. */
  function admit(planned: readonly Planned[]): SubmitOutcome[] {
    const limit = core.options.maxUnfinished;
    const byKey = new Map<string, SubmitOutcome>();
    let room = limit - core.hot.size - underWay;
    return planned.map((one) => {
      if ('answer' in one) return one.answer;
      const twin = one.key === undefined ? undefined : byKey.get(one.key);
      if (twin?.outcome === 'accepted') return { outcome: 'deduplicated', run: twin.run };
      const outcome: SubmitOutcome =
        room-- > 0 ? { outcome: 'accepted', run: one.run } : { outcome: 'queue_full', limit };
      if (one.key !== undefined) byKey.set(one.key, outcome);
      return outcome;
    });
  }

  async function commit(accepted: readonly Run[], also: Also | undefined): Promise<void> {
    underWay += accepted.length;
    try {
      await core.commit({
        changes: [...accepted.map((run) => changeOf(core, run)), ...(also?.changes ?? [])],
        facts: accepted.flatMap((run) => core.factsOf(run)),
        show() {
          for (const run of accepted) {
            remember(core, run);
            core.showRun(run);
          }
          also?.show();
        },
      });
    } finally {
      underWay -= accepted.length;
    }
  }

  return async (runs, also) => {
    // Ids are made first, in the order of the batch: that is the order of acceptance, whatever waits for a key.
    const wanted = runs.map((input) => ({ id: input.id ?? core.ids.next('run'), input }));
    const given = runs.flatMap(({ id }) => id ?? []);
    const again = given.find((id, at) => given.indexOf(id) !== at);
    if (again !== undefined) throw twice(again);
    const keys = runs.map(keyOfRun).filter((key) => key !== undefined);
    // Submits with one key wait for each other, so that a hundred at once make one run.
    return core.locks.runAll([...keys.map((key) => `key ${key}`), ...given.map((id) => `id ${id}`)], async () => {
      const planned: Planned[] = [];
      for (const one of wanted) planned.push(await plan(one));
      const outcomes = admit(planned);
      if (also !== undefined && outcomes.some(isRefused)) return outcomes;
      const accepted = outcomes.flatMap((one) => (one.outcome === 'accepted' ? [one.run] : []));
      if (accepted.length > 0 || also !== undefined) await commit(accepted, also);
      return outcomes;
    });
  };
}

/** Whether the run was neither accepted nor there already. */
export function isRefused(
  outcome: SubmitOutcome,
): outcome is Extract<SubmitOutcome, { outcome: 'queue_full' | 'too_large' }> {
  return outcome.outcome === 'queue_full' || outcome.outcome === 'too_large';
}

function twice(id: string): UsageError {
  return new UsageError(`There is a run ${id} already.`, {
    code: 'INPUT_INVALID',
    hint: 'An id is minted for one run; an idempotency key is what may come twice.',
  });
}

function changeOf(core: Core, run: Run): Change {
  const act = run.retryOf === undefined ? 'run' : 'retry';
  return { kind: 'run', run, audit: core.auditEntry({ actor: run.actor, act, runId: run.id, job: run.job }) };
}

function keyOfRun(input: { queue: string; idempotencyKey?: string | undefined }): string | undefined {
  return input.idempotencyKey === undefined ? undefined : keyOf(input.queue, input.idempotencyKey);
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
    state: firstState(input, runAt > now),
    trigger: input.trigger,
    actor: input.actor,
    ...(input.retryOf === undefined ? {} : { retryOf: input.retryOf }),
    priority: input.priority ?? 0,
    policy: input.policy,
    input: input.input,
    ...(input.origin === undefined ? {} : { origin: input.origin }),
    ...(input.destinations === undefined ? {} : { destinations: [...input.destinations] }),
    ...(input.schedule === undefined ? {} : { schedule: input.schedule }),
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

function firstState(input: NewRun, isLater: boolean): Run['state'] {
  if (input.waits === 'approval') return 'waiting';
  return isLater ? 'scheduled' : 'queued';
}

function remember(core: Core, run: Run): void {
  const key = keyOfRun(run);
  if (key === undefined) return;
  core.keys.set(key, { key, runId: run.id, until: Date.parse(run.createdAt) + core.options.keyWindowMs });
}
