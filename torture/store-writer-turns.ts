/** What a writer does in a turn: it submits, it executes, and by lot it does some of everything else that the store can do. */
import { iso } from '../src/clock.ts';
import type { NewRun } from '../src/store/store.ts';
import { execute } from './store-writer-execute.ts';
import { ana, look, nextValue } from './store-writing.ts';
import type { Writer, Writing } from './store-writing.ts';

const SCHEDULES = ['tick-0', 'tick-1'];
const CAP = 300;

/** How often each act falls to a turn. */
const ACTS: readonly [share: number, act: (to: Writing, writer: Writer, name: string) => Promise<void>][] = [
  [0.08, cancelOne],
  [0.15, async (to, { finished }) => end(to, { id: finished.shift(), end: 'remove' })],
  [0.15, putDoc],
  [0.05, removeDoc],
  [0.1, advance],
  [0.06, pauseAndResume],
  [0.08, act],
];

/** One submit, one claim, and the other verbs by lot. */
export async function turn(to: Writing, writer: Writer, n: number): Promise<void> {
  const { queue } = writer;
  const name = `${to.life}-${queue}-${n}`;
  if (Math.random() < 0.1)
    await submit(
      to,
      ['a', 'b', 'c'].map((part) => ({ key: `${name}${part}`, queue, batch: name })),
    );
  else await submit(to, [{ key: name, queue }]);
  await execute(to, writer, name);
  for (const [share, does] of ACTS) if (Math.random() < share) await does(to, writer, name);
}

export async function submit(
  to: Writing,
  wanted: { key: string; queue: string; batch?: string | undefined }[],
): Promise<string[]> {
  const at = to.clock.now();
  for (const one of wanted) to.note({ note: 'wish-submit', at, ...one });
  const outcomes = await to.store.submit(wanted.map((one) => newRun(one)));
  const ids = outcomes.flatMap((outcome, n) => {
    const key = wanted[n]?.key;
    if (key === undefined || !('run' in outcome)) return [];
    to.note({ note: 'submitted', key, id: outcome.run.id });
    return [outcome.run.id];
  });
  return ids;
}

/** A run whose input says from which counter it takes, and how much. */
function newRun({ key, queue }: { key: string; queue: string }): NewRun {
  const [life = '0'] = key.split('-');
  return {
    job: 'weekly-report',
    kind: 'function',
    queue,
    trigger: 'api',
    actor: ana,
    input: {
      counter: `usd.${life}`,
      amount: 1 + Math.floor(Math.random() * 9),
      cap: CAP,
      padding: 'x'.repeat(Math.floor(Math.random() * 2_000)),
    },
    policy: { maxAttempts: 20, timeoutMs: 60_000, backoff: { baseMs: 1, maxMs: 1 } },
    idempotencyKey: key,
  };
}

async function cancelOne(to: Writing, { queue }: Writer, name: string): Promise<void> {
  const [id] = await submit(to, [{ key: `${name}x`, queue }]);
  await end(to, { id, end: 'cancel' });
}

async function end(to: Writing, wish: { id: string | undefined; end: 'cancel' | 'remove' }): Promise<void> {
  const { id, end: how } = wish;
  if (id === undefined) return;
  to.note({ note: 'wish-end', id, end: how, at: to.clock.now() });
  const { outcome } = how === 'cancel' ? await to.store.cancel(id, ana) : await to.store.remove(id, ana);
  if (outcome !== 'cancelled' && outcome !== 'removed') return;
  to.note({ note: 'ended', id, end: how });
  const state = (await to.store.get(id))?.state;
  look(to, 'reads', {
    holds: how === 'cancel' ? state === 'cancelled' : state === undefined,
    what: `${id} is ${state} after ${how}`,
  });
}

async function putDoc(to: Writing, { queue: key }: Writer): Promise<void> {
  const register = `doc status/${key}`;
  const rev = (await to.store.getDoc('status', key))?.rev ?? 0;
  const value = nextValue(to, register);
  to.note({ note: 'wish-set', register, value });
  const { outcome } = await to.store.putDoc({ kind: 'status', key, rev, value });
  if (outcome === 'stored') to.note({ note: 'set', register, value });
  look(to, 'documents', { holds: outcome === 'stored', what: `${register}: ${outcome} of rev ${rev}` });
}

async function removeDoc(to: Writing, { queue: key }: Writer): Promise<void> {
  const register = `doc status/${key}`;
  nextValue(to, register);
  to.note({ note: 'wish-set', register, value: null });
  await to.store.removeDoc('status', key);
  to.note({ note: 'set', register, value: null });
}

/** Two schedules for all: of those who decide at once, one advances. */
async function advance(to: Writing, { queue }: Writer): Promise<void> {
  const schedule = SCHEDULES[Math.floor(Math.random() * SCHEDULES.length)] ?? '';
  const before = await to.store.getDoc('schedule', schedule);
  // Every advance is one revision of the document.
  const slot = before?.rev ?? 0;
  const at = (of: number): string => iso(Date.UTC(2026, 0, 1) + of * 60_000);
  const key = `${schedule}:${slot}`;
  to.note({ note: 'wish-advance', schedule, slot, key, queue, at: to.clock.now() });
  const outcome = await to.store.advance({
    schedule,
    expectedWatermark: before === undefined ? null : at(slot - 1),
    watermark: at(slot),
    runs: [{ ...newRun({ key, queue }), trigger: 'schedule', input: null }],
    skips: [],
  });
  if (outcome.outcome === 'advanced') to.note({ note: 'advanced', schedule, slot });
  const holds = outcome.outcome === 'advanced' || (outcome.outcome === 'stale' && outcome.watermark !== at(slot - 1));
  look(to, 'schedules', { holds, what: `${key}: ${JSON.stringify(outcome)}` });
}

async function pauseAndResume(to: Writing, { side }: Writer, name: string): Promise<void> {
  const { store } = to;
  const register = `paused ${side}`;
  const set = async (value: boolean): Promise<void> => {
    nextValue(to, register);
    to.note({ note: 'wish-set', register, value });
    await (value ? store.pause(side, ana) : store.resume(side, ana));
    to.note({ note: 'set', register, value });
  };
  const claimed = async (): Promise<number> => {
    const queues = [{ name: side, limit: 1, weight: 1 }];
    const request = { queues, kinds: ['function'] as const, limit: 1, workerId: name, leaseMs: 60_000 };
    const all = await store.claim(request);
    for (const { run, lease } of all) to.note({ note: 'claimed', id: run.id, fence: lease.fence });
    await store.release(all.map(({ lease }) => lease));
    return all.length;
  };
  await submit(to, [{ key: `${name}s`, queue: side }]);
  await set(true);
  const whilePaused = await claimed();
  look(to, 'paused', { holds: whilePaused === 0, what: `${side} was claimed from while it was paused` });
  if (Math.random() < 0.5) return;
  await set(false);
  look(to, 'paused', { holds: (await claimed()) === 1, what: `${side} was resumed and gives nothing` });
}

async function act(to: Writing, _writer: Writer, mark: string): Promise<void> {
  to.note({ note: 'wish-act', mark });
  await to.store.appendAudit({ actor: ana, act: 'refused', note: mark });
  to.note({ note: 'acted', mark });
}
