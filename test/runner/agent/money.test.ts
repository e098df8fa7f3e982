/** Money at the edges of an attempt: a store that is slow, full or gone, an attempt that is stopped or refused, a model that does not say. */
import { afterEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../../src/clock.ts';
import { DependencyError } from '../../../src/errors.ts';
import { createIds } from '../../../src/ids.ts';
import { silentLog } from '../../../src/log.ts';
import { createMemoryStore } from '../../../src/store/memory.ts';
import type { Store } from '../../../src/store/store.ts';
import {
  ANSWER,
  buildAgentHouse,
  ledger,
  shelfJob,
  spentInAll,
  type AgentHouse,
  type AgentHouseParts,
} from '../../support/agent-house.ts';
import { callTools, say, startClaudeWire, type ClaudeWire, type WireScript } from '../../support/claude-wire.ts';
import { ANA, eventually } from '../../support/runner-house.ts';

// claude-sonnet-5-5 costs 2 micro-dollars a token of input and 10 one of output; an answer of the wire has 1,000 and 200.
const ANSWERED = 4000;
const FULL = new DependencyError('the disk is full', { code: 'STORE_FULL' });
const CALL = callTools([{ name: 'shelf_summary', input: { days: 3 } }]);

const open: AsyncDisposable[] = [];
afterEach(async () => {
  for (const one of open.splice(0).toReversed()) await one[Symbol.asyncDispose]();
});

async function begin(parts: Partial<AgentHouseParts>, wire: ClaudeWire): Promise<AgentHouse> {
  const house = buildAgentHouse({ jobs: [shelfJob({ sold: 41, calls: 0 })], url: wire.url, ...parts });
  open.push(house.runner);
  await house.runner.start();
  return house;
}
async function wired(script: WireScript): Promise<ClaudeWire> {
  const wire = await startClaudeWire(script);
  open.push(wire);
  return wire;
}
const newStore = (): Store => createMemoryStore({ clock: systemClock, ids: createIds(systemClock), log: silentLog });
/** A store whose nth charge is carried out by `how`. */
function charging(bare: Store, how: (n: number, commit: () => Promise<void>) => Promise<void>): Store {
  let n = 0;
  return { ...bare, charge: (charge) => how(++n, () => bare.charge(charge)) };
}

describe('an attempt that is stopped while the turn before it is being counted', () => {
  test.each([
    ['is counted then', 'cancelled'],
    ['could not be counted then', 'cancelled'],
    ['is counted then', 'shut down'],
    ['could not be counted then', 'shut down'],
  ] as const)('has it counted once, where it %s: %s', async (how, end) => {
    const bare = newStore();
    const [asked, go] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const store = charging(bare, async (n, commit) => {
      if (n !== 2) return commit();
      asked.resolve();
      await go.promise;
      if (how === 'is counted then') return commit();
      throw FULL;
    });
    const wire = await wired([CALL, say(ANSWER)]);
    const house = await begin({ store }, wire);
    const { id } = await house.ask('shelf-report');
    await asked.promise;
    const stopped = end === 'cancelled' ? house.runner.cancel(id, ANA) : house.runner.stop({ graceMs: 0 });
    // What was asked is refused or done at once: the store answers one after the other.
    if (end === 'cancelled') await stopped;
    go.resolve();
    await stopped;
    const note = await eventually(async () => {
      const doc = await bare.getDoc('agent-run', id);
      return doc?.value !== undefined && JSON.stringify(doc.value).includes('"pendingMicroUsd":0') ? doc : undefined;
    });
    expect(note.value).toMatchObject({ pendingMicroUsd: 0, spentMicroUsd: ANSWERED });
    const held = end === 'cancelled' ? 0 : 250_000 - ANSWERED;
    expect(await ledger(bare)).toMatchObject({ 'usd.day': { used: ANSWERED, held }, 'usd.month': { used: ANSWERED } });
    expect(wire.requests).toHaveLength(1);
  });
});

describe('a store that takes no money', () => {
  test.each([1, 2])('lets no request out that charge %i was for, and says that it was the disk', async (full) => {
    const bare = newStore();
    const store = charging(bare, (n, commit) => (n === full ? Promise.reject(FULL) : commit()));
    const wire = await wired([CALL, say(ANSWER)]);
    const house = await begin({ store, jobs: [shelfJob({ sold: 41, calls: 0 }, { retries: 0 })] }, wire);
    const run = await house.until((await house.ask('shelf-report')).id);
    expect(wire.requests).toHaveLength(full - 1);
    expect(run).toMatchObject({ state: 'failed', error: { code: 'STORE_FULL', message: 'the disk is full' } });
    expect(run.agent).toMatchObject({ why: 'error', microUsd: (full - 1) * ANSWERED });
    expect(await ledger(bare)).toEqual(spentInAll((full - 1) * ANSWERED));
  });
});

describe('what a report leaves behind', () => {
  test('has its secrets masked in the memory too', async () => {
    const secret = 'swordfish-swordfish';
    const wire = await wired([say({ ...ANSWER, headline: `The key ${secret} leaks.` })]);
    const house = await begin({ secrets: [secret] }, wire);
    const run = await house.until((await house.ask('shelf-report')).id);
    expect(run.state).toBe('completed');
    const { items } = await house.store.listDocs('memory', { limit: 10 });
    expect(items).toHaveLength(1);
    expect(JSON.stringify(items)).toContain('leaks');
    expect(JSON.stringify(items)).not.toContain(secret);
  });

  test('is told of once it is counted: the last turn of a run may reach a cap', async () => {
    const store = newStore();
    const wire = await wired([say(ANSWER)]);
    const counted: number[] = [];
    const house: AgentHouse = await begin(
      {
        store,
        settings: {
          budget: {
            open: (run, job) => house.budget.open(run, job),
            tell: async () => void counted.push((await ledger(store))['usd.day']?.used ?? 0),
          },
        },
      },
      wire,
    );
    await house.until((await house.ask('shelf-report')).id);
    await eventually(() => counted.length > 0);
    expect(counted).toEqual([ANSWERED]);
  });
});

describe('the account of an attempt', () => {
  test('that is tried again names no transcript, for it is not kept', async () => {
    const refused = { status: 529, headers: { 'x-should-retry': 'false' } };
    const wire = await wired([refused, { silent: true }]);
    const house = await begin({}, wire);
    const { id } = await house.ask('shelf-report');
    await wire.arrived(2);
    const run = await house.store.get(id);
    expect(run).toMatchObject({ state: 'running', attemptsUsed: 2, agent: { why: 'api_error' } });
    expect(run?.agent).not.toHaveProperty('transcript');
    await house.runner.cancel(id, ANA);
  });

  test('of a model without a price names no cost in the report of its failure', async () => {
    const job = shelfJob({ sold: 41, calls: 0 }, { model: 'claude-next-9', price: 'unknown' });
    const house = await begin({ jobs: [job] }, await wired([say('', { stop: 'refusal' })]));
    const run = await house.until((await house.ask('shelf-report')).id);
    expect(run).toMatchObject({ state: 'failed', agent: { why: 'refusal', microUsd: null } });
    expect(run.report?.cost).toMatchObject({ model: 'claude-next-9' });
    expect(run.report?.cost).not.toHaveProperty('microUsd');
  });

  test('is kept once where its documents are changed by others again and again', async () => {
    const bare = newStore();
    let settles = 0;
    const conflict = { outcome: 'conflict', kind: 'memory', key: 'shelf-report.x', rev: 2 } as const;
    const settle: Store['settle'] = (all) => (++settles < 4 ? Promise.resolve([conflict]) : bare.settle(all));
    const house = await begin({ store: { ...bare, settle } }, await wired([say(ANSWER)]));
    const run = await house.until((await house.ask('shelf-report')).id);
    expect([run.state, run.agent?.microUsd, settles]).toEqual(['completed', ANSWERED, 4]);
    expect(await ledger(bare)).toEqual(spentInAll(ANSWERED));
  });
});

describe('an attempt that no money is left for', () => {
  test('says what the run has cost', async () => {
    // What tells no usage is counted at its bound, twice: nothing of the run's money is left.
    const told = { start: undefined, end: {} };
    const wire = await wired(() => say(ANSWER, { told }));
    const house = await begin({}, wire);
    const run = await house.until((await house.ask('shelf-report')).id);
    expect(run).toMatchObject({ state: 'failed', attemptsUsed: 2, error: { code: 'BUDGET_REACHED' } });
    const [counted] = Object.values(await ledger(house.store));
    expect(counted?.used).toBeGreaterThan(240_000);
    expect(run.agent).toMatchObject({ why: 'budget_usd', microUsd: 0, runMicroUsd: counted?.used });
    expect(run.report?.cost?.microUsd).toBe(counted?.used);
  });

  test.each([
    ['reserve', 'figures'],
    ['charge', 'figures'],
    ['charge', 'fail'],
  ] as const)('because the disk is full (%s, %s) is said to be that, and no cap', async (verb, whenModelFails) => {
    const store: Store = { ...newStore(), [verb]: () => Promise.reject(FULL) };
    const wire = await wired([]);
    const job = shelfJob({ sold: 41, calls: 0 }, { whenModelFails, retries: 0 });
    const house = await begin({ store, jobs: [job] }, wire);
    const run = await house.until((await house.ask('shelf-report')).id);
    expect(wire.requests).toHaveLength(0);
    expect(run.agent).toMatchObject({ mode: run.state === 'completed' ? 'figures' : expect.any(String), why: 'error' });
    const text = JSON.stringify([run.report, run.error]);
    // An id may hold any letters.
    expect(text).not.toMatch(/\b(?:caps?|budget)\b|Claude API/i);
    expect(text).toMatch(/the disk is full|an error beside it/);
  });
});
