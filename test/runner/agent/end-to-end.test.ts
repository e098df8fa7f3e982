import { afterEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { systemClock } from '../../../src/clock.ts';
import { DependencyError, RunError } from '../../../src/errors.ts';
import { createIds } from '../../../src/ids.ts';
import { silentLog } from '../../../src/log.ts';
import { createCaps } from '../../../src/runner/caps.ts';
import { createGuards } from '../../../src/runner/guards.ts';
import { createMemory } from '../../../src/runner/memory.ts';
import { readTranscript } from '../../../src/runner/kinds/agent/conversation/transcript.ts';
import { createMemoryStore } from '../../../src/store/memory.ts';
import type { Run } from '../../../src/store/records.ts';
import type { Store } from '../../../src/store/store.ts';
import {
  ANSWER,
  API_KEY,
  analyse,
  buildAgentHouse,
  ledger,
  listening,
  registryOf,
  shelfJob,
  shelfTool,
  spentInAll,
  type AgentHouse,
  type AgentHouseParts,
  type Shelf,
} from '../../support/agent-house.ts';
import { callTools, say, startClaudeWire, type ClaudeWire, type WireScript } from '../../support/claude-wire.ts';
import { ANA, buildHouse, eventually } from '../../support/runner-house.ts';

// claude-sonnet-5-5 costs 2 micro-dollars a token of input and 10 one of output; an answer of the wire has 1,000 and 200.
const ANSWERED = 4000;
/** Of an answer that ended before its words: the 1,000 that `message_start` told, and one token. */
const STARTED = 2010;
/** After four events: half of the answer as well, a token for two bytes. */
const HALF = 2000 + 10 * Math.ceil(Math.ceil(JSON.stringify(ANSWER).length / 2) / 2);
const REFUSED = { status: 529, headers: { 'x-should-retry': 'false' } };

const open: AsyncDisposable[] = [];
afterEach(async () => {
  for (const one of open.splice(0).toReversed()) await one[Symbol.asyncDispose]();
});

const newShelf = (more: Partial<Shelf> = {}): Shelf => ({ sold: 41, calls: 0, ...more });

async function begin(parts: Partial<AgentHouseParts> = {}, wire?: ClaudeWire): Promise<AgentHouse> {
  const house = buildAgentHouse({ jobs: [shelfJob(newShelf())], ...parts, ...(wire && { url: wire.url }) });
  open.push(house.runner);
  await house.runner.start();
  return house;
}
async function wired(script: WireScript): Promise<ClaudeWire> {
  const wire = await startClaudeWire(script);
  open.push(wire);
  return wire;
}
const done = async (house: AgentHouse, input = {}): Promise<Run> =>
  house.until((await house.ask('shelf-report', input)).id);
const textOf = (run: Run): string => JSON.stringify(run.report);
const newStore = (): Store => createMemoryStore({ clock: systemClock, ids: createIds(systemClock), log: silentLog });

describe('a run of an agent', () => {
  test('completes with a report, its account, and every micro-dollar counted once', async () => {
    const wire = await wired([say(ANSWER)]);
    const house = await begin({}, wire);
    const run = await done(house);
    expect(run).toMatchObject({ state: 'completed', report: { status: 'ok', cost: { microUsd: ANSWERED } } });
    expect(run.report?.summary).toBe('The blue mug is about to run out. Sold: 41.');
    expect(run.agent).toMatchObject({
      mode: 'model',
      why: 'done',
      cutShort: false,
      model: 'claude-sonnet-5-5',
      sdk: '1.12.0',
      turns: 1,
      tokens: { input: 1000, output: 200 },
      microUsd: ANSWERED,
      runMicroUsd: ANSWERED,
      tools: [{ name: 'shelf_summary', by: 'code', state: 'ok' }],
      requestIds: ['req_1'],
    });
    expect(run.agent?.facts.map(({ id, key, value }) => [id, key, value])).toEqual([
      ['F1', 'shelf.sold', 41],
      ['F2', 'product.p1.stock', 2],
    ]);
    expect(run.result).toMatchObject({ mode: 'model', why: 'done', advice: [{ action: 'restock', targetId: 'p1' }] });
    expect(await ledger(house.store)).toEqual(spentInAll(ANSWERED));
    expect((await house.store.getDoc('agent-run', run.id))?.value).toMatchObject({
      pendingMicroUsd: 0,
      spentMicroUsd: ANSWERED,
    });
    expect((await createMemory(house).recall('shelf-report', 1)).map(({ entry }) => entry.runId)).toEqual([run.id]);
  });

  test('shows on its card what it reads and each turn it asks for', async () => {
    const turns = [callTools([{ name: 'shelf_summary', input: { days: 3 } }]), say(ANSWER)];
    const house = await begin({}, await wired(turns));
    const run = await done(house);
    expect(run.progress?.steps.map(({ title, state }) => [title, state])).toEqual([
      ['shelf_summary {"days":7}', 'completed'],
      ['Ask claude-sonnet-5-5 (turn 1)', 'completed'],
      ['shelf_summary {"days":3}', 'completed'],
      ['Ask claude-sonnet-5-5 (turn 2)', 'completed'],
    ]);
    expect(run.agent).toMatchObject({ turns: 2, microUsd: 2 * ANSWERED });
    expect(await ledger(house.store)).toEqual(spentInAll(2 * ANSWERED));
  });

  test('shows on its card that a turn was asked for again', async () => {
    const house = await begin({}, await wired([say(ANSWER, { cutAfter: 3 }), say(ANSWER)]));
    const run = await done(house);
    expect(run.progress?.steps.map(({ title }) => title)).toEqual([
      'shelf_summary {"days":7}',
      'Ask claude-sonnet-5-5 (turn 1)',
      'Ask claude-sonnet-5-5 (turn 1, again)',
    ]);
    expect(run.agent).toMatchObject({ turns: 1, microUsd: STARTED + ANSWERED });
  });

  test('keeps what was said, without the key, for as long as it is told', async () => {
    const house = await begin({}, await wired([say(ANSWER)]));
    const run = await done(house);
    const bytes = await house.store.blobs.get(run.agent?.transcript?.sha256 ?? '');
    const entries = await readTranscript(bytes ?? new Uint8Array());
    expect(entries.map(({ kind }) => kind)).toEqual(['request', 'request', 'answer']);
    expect(JSON.stringify(entries)).not.toContain(API_KEY);
    expect(run.blobs).toMatchObject([{ sha256: run.agent?.transcript?.sha256, until: run.agent?.transcript?.until }]);

    const silent = await begin({ settings: { transcriptMs: 0 } }, await wired([say(ANSWER)]));
    const other = await done(silent);
    expect(other.agent?.transcript).toBeUndefined();
    expect(other.blobs).toBeUndefined();
  });

  test('without a key reports figures, says so, and sends and spends nothing', async () => {
    const house = await begin();
    const run = await done(house);
    expect(run).toMatchObject({ state: 'completed', report: { status: 'ok' } });
    expect(run.agent).toMatchObject({ mode: 'figures', why: 'figures', turns: 0, microUsd: 0, runMicroUsd: 0 });
    expect(textOf(run)).toContain('Figures only: no ANTHROPIC');
    expect(textOf(run)).toContain('The stock of the blue mug is 2');
    expect(await ledger(house.store)).toEqual({});
    expect(run.agent?.transcript).toBeUndefined();
  });

  test('of a quiet week asks no model', async () => {
    const wire = await wired([]);
    const job = shelfJob(newShelf(), { analyse: (evidence) => ({ ...analyse(evidence), quiet: true }) });
    const house = await begin({ jobs: [job] }, wire);
    const run = await done(house);
    expect(run).toMatchObject({ state: 'completed', agent: { mode: 'figures', why: 'quiet', microUsd: 0 } });
    expect([wire.requests.length, wire.counts.length]).toEqual([0, 0]);
    expect(Object.values(await ledger(house.store)).map(({ used, held }) => used + held)).toEqual([0, 0, 0]);
  });

  test('gives tools the variables that the job names, one moment and one zone', async () => {
    const seen: unknown[] = [];
    const tool = shelfTool(newShelf());
    const spy = {
      ...tool,
      run: (input: { days: number }, ctx: Parameters<typeof tool.run>[1]) => {
        seen.push([ctx.env, ctx.timeZone, ctx.now, Object.isFrozen(ctx.env)]);
        return tool.run(input, ctx);
      },
    };
    const calls = [1, 2].map((days) => ({ tool: 'shelf_summary', input: { days } }));
    const house = await begin({
      jobs: [shelfJob(newShelf(), { tools: [spy], env: ['SHELF_TOKEN', 'NONE'], baseline: () => calls })],
    });
    const run = await done(house);
    const now = (seen as unknown[][])[0]?.[2];
    expect(seen).toEqual([1, 2].map(() => [{ SHELF_TOKEN: 'shelf-token-1', NONE: undefined }, 'UTC', now, true]));
    expect(run.agent?.tools).toHaveLength(2);
  });
});

describe('money that was spent is counted', () => {
  test('when the run is cancelled in the middle of an answer', async () => {
    const wire = await wired([say(ANSWER, { hangAfter: 4 })]);
    const { openClaude, heard } = listening(3);
    const house = await begin({ settings: { openClaude } }, wire);
    const { id } = await house.ask('shelf-report');
    await heard;
    await house.runner.cancel(id, ANA);
    await eventually(() => house.runner.active() === 0);
    expect(await ledger(house.store)).toEqual(spentInAll(HALF));
    expect(await house.store.get(id)).toMatchObject({ state: 'cancelled' });
    expect((await house.store.getDoc('agent-run', id))?.value).toMatchObject({ pendingMicroUsd: 0 });
  });

  test('when the attempt runs out of time, with the account in the run', async () => {
    const wire = await wired([say(ANSWER, { hangAfter: 3 })]);
    const house = await begin({ jobs: [shelfJob(newShelf(), { timeout: 300, retries: 0 })] }, wire);
    const run = await done(house);
    expect(run).toMatchObject({ state: 'failed', error: { code: 'TIMED_OUT' } });
    expect(run.agent).toMatchObject({
      mode: 'model',
      why: 'deadline',
      turns: 1,
      microUsd: STARTED,
      runMicroUsd: STARTED,
    });
    expect(run.agent?.facts).toHaveLength(2);
    expect(run.agent?.transcript).toBeDefined();
    expect(run.report).toMatchObject({ status: 'failed', cost: { microUsd: STARTED } });
    expect(textOf(run)).toContain('It ended with `deadline` after 1 turn and 1 tool call.');
    expect(await ledger(house.store)).toEqual(spentInAll(STARTED));
  });

  test('when the worker is shut down, and the next one goes on with what is left', async () => {
    const store = newStore();
    const first = await wired([say(ANSWER, { hangAfter: 4 })]);
    const { openClaude, heard } = listening(3);
    const house = await begin({ store, settings: { openClaude } }, first);
    const { id } = await house.ask('shelf-report');
    await heard;
    await house.runner.stop({ graceMs: 0 });
    expect(await ledger(store)).toMatchObject({ 'usd.day': { used: HALF, held: 250_000 - HALF } });
    const next = await begin({ store }, await wired([say(ANSWER)]));
    const run = await next.until(id);
    expect(run).toMatchObject({ state: 'completed', attemptsUsed: 1 });
    expect(run.agent).toMatchObject({ microUsd: ANSWERED, runMicroUsd: HALF + ANSWERED });
    expect(await ledger(store)).toEqual(spentInAll(HALF + ANSWERED));
  });

  test('when the process dies, at its bound, and the second attempt goes on with what is left', async () => {
    const store = newStore();
    const line = severable(store);
    const wire = await wired([say(ANSWER, { hangAfter: 3 })]);
    // Never stopped: it is dead.
    const house = buildAgentHouse({ jobs: [shelfJob(newShelf())], store: line.store, leaseMs: 300, url: wire.url });
    await house.runner.start();
    const { id } = await house.ask('shelf-report');
    await wire.sent(1);
    line.sever();
    const [asked] = wire.requests;
    const note = await store.getDoc('agent-run', id);
    const { pendingMicroUsd: bound } = z.object({ pendingMicroUsd: z.number() }).parse(note?.value);
    expect(bound).toBeGreaterThan(asked?.body.max_tokens * 10);
    const second = await wired([say(ANSWER)]);
    const next = await begin({ store, leaseMs: 300 }, second);
    const run = await next.until(id);
    expect(run).toMatchObject({ state: 'completed', attemptsUsed: 2 });
    expect(run.agent).toMatchObject({ microUsd: ANSWERED, runMicroUsd: bound + ANSWERED });
    expect(await ledger(store)).toEqual(spentInAll(bound + ANSWERED));
    // It may answer at less length: a part of the run's money is gone.
    expect(second.requests[0]?.body.max_tokens).toBeLessThanOrEqual((250_000 - bound) / 10);
  });

  test('when the settle comes too late, for the run was cancelled a moment ago', async () => {
    const bare = newStore();
    let late: string | undefined;
    const store = replaced(bare, {
      async settle(settlements) {
        const [first] = settlements;
        if (late === undefined && first !== undefined) {
          late = first.lease.runId;
          await bare.cancel(late, ANA);
        }
        return bare.settle(settlements);
      },
    });
    const house = await begin({ store }, await wired([say(ANSWER)]));
    const { id } = await house.ask('shelf-report');
    await eventually(() => late !== undefined && house.runner.active() === 0);
    expect(late).toBe(id);
    expect(await bare.get(id)).toMatchObject({ state: 'cancelled' });
    expect(await ledger(bare)).toEqual(spentInAll(ANSWERED));
  });

  test('when the store refuses what the run left as too large: the run fails, and has its account', async () => {
    const bare = newStore();
    let refused = 0;
    const store = replaced(bare, {
      settle: (settlements) =>
        refused++ === 0 ? Promise.resolve([{ outcome: 'too_large', bytes: 9, limit: 8 }]) : bare.settle(settlements),
    });
    const house = await begin({ store }, await wired([say(ANSWER)]));
    const run = await done(house);
    expect(run).toMatchObject({ state: 'failed', error: { code: 'TOO_LARGE' } });
    expect(run.agent).toMatchObject({ microUsd: ANSWERED, facts: [] });
    // Its transcript is not kept, and is not promised.
    expect(run.agent).not.toHaveProperty('transcript');
    expect(await ledger(bare)).toEqual(spentInAll(ANSWERED));
  });

  test('in each attempt of a run, and the retry of a person is a run of its own', async () => {
    const wire = await wired([REFUSED, say('', { stop: 'refusal' }), say(ANSWER)]);
    const house = await begin({}, wire);
    const run = await done(house);
    expect(run).toMatchObject({ state: 'failed', attemptsUsed: 2, error: { code: 'AGENT_ANSWER' } });
    expect(run.attempts[0]?.error?.code).toBe('MODEL_UNAVAILABLE');
    expect(run.agent).toMatchObject({ why: 'refusal', microUsd: ANSWERED, runMicroUsd: ANSWERED });
    const retried = await house.runner.retry(run.id, ANA);
    if (retried.outcome !== 'accepted') throw new Error(retried.outcome);
    const next = await house.until(retried.run.id);
    expect(next).toMatchObject({ state: 'completed', retryOf: run.id });
    expect(next.agent).toMatchObject({ microUsd: ANSWERED, runMicroUsd: ANSWERED });
    expect(await ledger(house.store)).toEqual(spentInAll(2 * ANSWERED));
  });
});

describe('caps on money', () => {
  test('let no two runs begin where there is money for one', async () => {
    const { promise: gate, resolve: go } = Promise.withResolvers<void>();
    const wire = await wired([say(ANSWER, { gate }), say(ANSWER, { gate })]);
    const job = shelfJob(newShelf(), { concurrency: 2 });
    const house = await begin({ jobs: [job], dayMicroUsd: 300_000 }, wire);
    const ids = [(await house.ask('shelf-report')).id, (await house.ask('shelf-report')).id];
    await wire.arrived(1);
    const refused = await eventually(async () => {
      const runs = await Promise.all(ids.map((id) => house.store.get(id)));
      return runs.find((run) => run?.state === 'failed');
    });
    expect(refused).toMatchObject({ attemptsUsed: 1, error: { code: 'BUDGET_REACHED' } });
    expect(refused?.agent).toMatchObject({ mode: 'figures', why: 'budget_usd', microUsd: 0, tools: [] });
    go();
    await Promise.all(ids.map((id) => house.until(id)));
    expect(wire.requests).toHaveLength(1);
    expect(await ledger(house.store)).toEqual(spentInAll(ANSWERED));
  });

  test('are looked at before a run is made: a person is told why', async () => {
    const store = newStore();
    const full = 'The day cap of $1.00 does not allow a run of shelf-report.';
    const caps = createCaps({ store, clock: systemClock, zone: 'UTC' });
    const budget = { full: () => Promise.resolve(full) };
    const mode = 'development' as const;
    const guards = createGuards({ store, caps, budget, env: {}, mode, scrub: (text) => text });
    const house = buildHouse({ store, guards, registry: registryOf([shelfJob(newShelf())]) });
    const asked = { job: 'shelf-report', input: {}, as: 'json', actor: ANA, trigger: 'slack' } as const;
    expect(await house.runner.submit(asked)).toMatchObject({
      outcome: 'refused',
      code: 'BUDGET_REACHED',
      reason: full,
      hint: expect.stringContaining('/jobs allow shelf-report'),
    });
    expect((await store.list({})).items).toEqual([]);
    const figures = registryOf([shelfJob(newShelf(), { whenModelFails: 'figures' })]);
    const other = buildHouse({ store, guards, registry: figures });
    expect(await other.runner.submit(asked)).toMatchObject({ outcome: 'accepted' });
  });

  test('leave a job the figures where it says so', async () => {
    const wire = await wired([]);
    const house = await begin({ jobs: [shelfJob(newShelf(), { whenModelFails: 'figures' })], dayMicroUsd: 1000 }, wire);
    const run = await done(house);
    expect(run).toMatchObject({ state: 'completed', report: { status: 'partial' } });
    expect(run.agent).toMatchObject({ mode: 'figures', why: 'budget_usd', microUsd: 0 });
    expect(run.report?.warnings[0]).toContain('a cap on money did not allow it');
    expect(wire.requests).toHaveLength(0);
  });

  test('a model without a price is not asked, unless the job allows that; then nobody says what it cost', async () => {
    const wire = await wired([say(ANSWER)]);
    const known = await begin({ jobs: [shelfJob(newShelf(), { model: 'claude-next-9' })] }, wire);
    const refused = await done(known);
    expect(refused).toMatchObject({ state: 'failed', attemptsUsed: 1, error: { code: 'PRICE_UNKNOWN' } });
    expect(refused.agent?.why).toBe('price_unknown');
    const typo = await done(await begin({ jobs: [shelfJob(newShelf(), { model: 'claude-sonet-5-5' })] }, wire));
    expect(typo.error?.hint).toMatch(
      /^did you mean claude-sonnet-5-5\b.*\? Else name its price in BELLHOP_PRICES_FILE/,
    );
    expect(wire.counts).toHaveLength(0);
    const job = shelfJob(newShelf(), { model: 'claude-next-9', price: 'unknown' });
    const run = await done(await begin({ jobs: [job] }, wire));
    expect(run).toMatchObject({
      state: 'completed',
      agent: { microUsd: null, runMicroUsd: null, tokens: { input: 1000 } },
    });
    expect(run.report?.cost?.microUsd).toBeUndefined();
  });
});

describe('a model that fails', () => {
  test.each([
    ['a spent limit', { status: 429, errorCode: 'enforced_spend_limit_reached' }, 'MODEL_SPEND_LIMIT', 'spend_limit'],
    ['a wrong key', { status: 401 }, 'MODEL_REJECTED', 'api_error'],
    ['a refusal', say('', { stop: 'refusal' }), 'AGENT_ANSWER', 'refusal'],
    ['an answer without end', () => say('no report'), 'AGENT_ANSWER', 'bad_output'],
    ['an answer cut off', say('{"head', { stop: 'max_tokens' }), 'AGENT_ANSWER', 'truncated'],
  ] as const)('%s fails the run at once and says why', async (_, step, code, why) => {
    const wire = await wired(typeof step === 'function' ? step : [step]);
    const run = await done(await begin({}, wire));
    expect(run).toMatchObject({ state: 'failed', attemptsUsed: 1, error: { code }, agent: { mode: 'model', why } });
    expect(textOf(run)).toContain(`It ended with \`${why}\``);
    expect(textOf(run)).toContain('What to do: ');
  });

  test('for good leaves the figures where the job says so, partial and with the reason', async () => {
    const wire = await wired([{ status: 401 }]);
    const run = await done(await begin({ jobs: [shelfJob(newShelf(), { whenModelFails: 'figures' })] }, wire));
    expect(run).toMatchObject({ state: 'completed', report: { status: 'partial' } });
    expect(run.agent).toMatchObject({ mode: 'figures', why: 'api_error', model: 'claude-sonnet-5-5' });
    expect(run.report?.warnings[0]).toBe(
      'Figures only, without the words of the model: the Claude API could not be used (`bellhop doctor` says why).',
    );
    expect(textOf(run)).toContain('The stock of the blue mug is 2');
  });

  test('for now is asked again first, and only the last attempt leaves the figures', async () => {
    const figures = [shelfJob(newShelf(), { whenModelFails: 'figures' })];
    const better = await done(await begin({ jobs: figures }, await wired([REFUSED, say(ANSWER)])));
    expect(better).toMatchObject({
      state: 'completed',
      attemptsUsed: 2,
      report: { status: 'ok' },
      agent: { why: 'done' },
    });
    const worse = await done(await begin({ jobs: figures }, await wired([REFUSED, REFUSED])));
    expect(worse).toMatchObject({ state: 'completed', attemptsUsed: 2, report: { status: 'partial' } });
    const failed = await done(await begin({}, await wired([REFUSED, REFUSED])));
    expect(failed).toMatchObject({ state: 'failed', attemptsUsed: 2, error: { code: 'MODEL_UNAVAILABLE' } });
    expect(failed.error?.hint).toContain('Run it again later');
  });

  test('to answer in time leaves the figures within the timeout', async () => {
    const job = shelfJob(newShelf(), { whenModelFails: 'figures', timeout: 2000, retries: 3 });
    const house = await begin({ jobs: [job] }, await wired([say(ANSWER, { hangAfter: 3 })]));
    const run = await done(house);
    expect(run).toMatchObject({ state: 'completed', attemptsUsed: 1, report: { status: 'partial' } });
    expect(run.agent).toMatchObject({ mode: 'figures', why: 'deadline', microUsd: STARTED });
    expect(run.report?.warnings[0]).toContain('it did not answer in time');
    expect(await ledger(house.store)).toEqual(spentInAll(STARTED));
  });
});

describe('tools that fail', () => {
  const broken = new RunError('the shelf is locked', { code: 'SHOPIFY_REJECTED', permanent: true });

  test('all of them: the run fails before a model is paid for it, for good where they failed for good', async () => {
    const wire = await wired([]);
    const house = await begin({ jobs: [shelfJob(newShelf({ fails: () => broken }))] }, wire);
    const run = await done(house);
    expect(run).toMatchObject({ state: 'failed', attemptsUsed: 1, error: { code: 'AGENT_TOOLS' } });
    expect(run.agent).toMatchObject({ mode: 'figures', why: 'all_tools_failed', microUsd: 0 });
    expect(run.error?.message).toContain('the shelf is locked');
    expect(wire.requests).toHaveLength(0);
    expect(Object.values(await ledger(house.store)).map(({ used, held }) => used + held)).toEqual([0, 0, 0]);
  });

  test('for now: the run is tried again', async () => {
    const shelf = newShelf({ fails: (call) => (call === 1 ? new Error('the shelf moves') : undefined) });
    const run = await done(await begin({ jobs: [shelfJob(shelf)] }));
    expect(run).toMatchObject({ state: 'completed', attemptsUsed: 2 });
    expect(run.attempts[0]?.error).toMatchObject({ code: 'AGENT_TOOLS' });
  });

  test('some of them: the report is partial and names them, unless the job requires one', async () => {
    const second = shelfTool(newShelf({ fails: () => broken }), 'cellar_summary');
    const more = {
      tools: [shelfTool(newShelf()), second],
      baseline: () => ['shelf_summary', 'cellar_summary'].map((tool) => ({ tool, input: {} })),
    };
    const run = await done(await begin({ jobs: [shelfJob(newShelf(), more)] }));
    expect(run).toMatchObject({ state: 'completed', report: { status: 'partial' } });
    expect(run.report?.warnings[0]).toContain('Cellar summary failed: the shelf is locked');
    const strict = await done(await begin({ jobs: [shelfJob(newShelf(), { ...more, requires: ['cellar_summary'] })] }));
    expect(strict).toMatchObject({ state: 'failed', error: { code: 'AGENT_TOOLS' } });
  });

  test('to end with the signal: the run ends, and its place is taken until they do', async () => {
    const { promise: held, resolve: letGo } = Promise.withResolvers<void>();
    const shelf = newShelf({ gate: () => held });
    const house = await begin({ jobs: [shelfJob(shelf, { timeout: 100, retries: 0 })] });
    const run = await done(house);
    expect(run).toMatchObject({ state: 'failed', error: { code: 'TIMED_OUT' }, agent: { why: 'deadline' } });
    expect(house.runner.active()).toBe(1);
    letGo();
    await eventually(() => house.runner.active() === 0);
  });
});

describe('what is no report', () => {
  test('fails the run: of the job code, of the answer', async () => {
    const thrown = shelfJob(newShelf(), {
      retries: 0,
      analyse() {
        throw new Error('analysis is broken');
      },
    });
    const run = await done(await begin({ jobs: [thrown] }));
    expect(run).toMatchObject({ state: 'failed', error: { code: 'JOB_FAILED', message: 'analysis is broken' } });
    expect(run.agent).toMatchObject({ mode: 'figures', why: 'error' });
    // Who wrote the job is shown where it threw.
    expect(run.attempts[0]?.stderr?.head).toContain('end-to-end.test.ts');
    expect(run.agent?.facts).toHaveLength(2);
  });

  test('an input that no longer fits fails it before anything is called', async () => {
    const shelf = newShelf();
    const house = await begin({ jobs: [shelfJob(shelf)] });
    const job = shelfJob(shelf);
    await house.runner.stop();
    const waiting = await house.store.submit([
      { job: job.name, kind: 'agent', queue: job.name, trigger: 'cli', actor: ANA, input: 7, policy: POLICY },
    ]);
    expect(waiting[0]?.outcome).toBe('accepted');
    const next = await begin({ jobs: [job], store: house.store });
    const run = await next.until((waiting[0] as { run: Run }).run.id);
    expect(run).toMatchObject({ state: 'failed', error: { code: 'INPUT_INVALID' } });
    expect(shelf.calls).toBe(0);
  });
});

const POLICY = { maxAttempts: 2, timeoutMs: 60_000, backoff: { baseMs: 1, maxMs: 1 } };

describe('what people say while a report is made', () => {
  test('is not there: what code sees done is noted with the settle of the report', async () => {
    const shelf = newShelf();
    const followUp = () => ({ status: 'done' as const, note: 'The stock is back at {{product.p1.stock}}.' });
    const house = await begin({ jobs: [shelfJob(shelf, { followUp })] });
    const first = await done(house);
    await done(house);
    const kept = (await createMemory(house).recall('shelf-report', 1)).find(({ entry }) => entry.runId === first.id);
    expect(kept?.entry.advice).toMatchObject([{ action: 'restock', status: 'done', note: 'The stock is back at 2.' }]);
  });

  test('wins over what the report was about to write', async () => {
    const bare = newStore();
    const memory = createMemory({ store: bare, clock: systemClock });
    let first: Run | undefined;
    let answered = false;
    const store = replaced(bare, {
      async settle(settlements) {
        if (first !== undefined && !answered) {
          answered = true;
          const key = (await memory.recall('shelf-report', 1))[0]?.entry.advice[0]?.key ?? '';
          await memory.advise({ runId: first.id, key, as: 'never', actor: ANA });
        }
        return bare.settle(settlements);
      },
    });
    const followUp = () => ({ status: 'done' as const, note: 'It is back.' });
    const house = await begin({ store, jobs: [shelfJob(newShelf(), { followUp })] });
    first = await done(house);
    const second = await done(house);
    expect(second.state).toBe('completed');
    const kept = (await memory.recall('shelf-report', 1)).find(({ entry }) => entry.runId === first?.id);
    expect(kept?.entry.advice[0]).toMatchObject({ status: 'dismissed', by: { id: ANA.id } });
  });

  test('a transcript that was collected before the run named it is put again', async () => {
    const bare = newStore();
    let missing = true;
    const store = replaced(bare, {
      settle(settlements) {
        const sha256 = settlements[0]?.blobs?.[0]?.sha256;
        if (!missing || sha256 === undefined) return bare.settle(settlements);
        missing = false;
        return Promise.resolve([{ outcome: 'blob_missing', sha256 }]);
      },
    });
    const puts: number[] = [];
    const counted: Store = {
      ...store,
      blobs: { ...store.blobs, put: (source) => (puts.push(1), bare.blobs.put(source)) },
    };
    const house = await begin({ store: counted }, await wired([say(ANSWER)]));
    const run = await done(house);
    expect(run).toMatchObject({ state: 'completed', agent: { transcript: {} } });
    expect(puts).toHaveLength(2);
  });
});

/** The store with some verbs of its own. */
function replaced(store: Store, verbs: Partial<Store>): Store {
  return { ...store, ...verbs };
}

/** A store whose line to one process can be cut, as by the death of that process. */
function severable(store: Store): { store: Store; sever: () => void } {
  let cut = false;
  const guarded = new Proxy(store, {
    get(target, name, receiver): unknown {
      const member: unknown = Reflect.get(target, name, receiver);
      if (typeof member !== 'function') return member;
      return (...args: unknown[]): unknown => {
        const isWaitedFor = !['nextDue', 'countDue', 'health', 'watch'].includes(String(name));
        if (cut && isWaitedFor) return Promise.reject(new DependencyError('the line is cut', { code: 'STORE_FAILED' }));
        return Reflect.apply(member, target, args);
      };
    },
  });
  return { store: guarded, sever: () => void (cut = true) };
}
