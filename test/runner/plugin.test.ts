/** The protocol, over real executables. */
import { chmod, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { createIds } from '../../src/ids.ts';
import { silentLog } from '../../src/log.ts';
import { createMemoryStore } from '../../src/store/memory.ts';
import type { Run } from '../../src/store/records.ts';
import type { Store } from '../../src/store/store.ts';
import { systemClock } from '../../src/clock.ts';
import { manifestOf, pluginEstate, type PluginHouse, type PluginParts } from '../support/plugin-house.ts';
import { ANA, SECRET, eventually } from '../support/runner-house.ts';

const houses = pluginEstate();

/** A house with the one plugin `tool`, whose program is given. */
function open(code: string, rest: Partial<PluginParts> & { manifest?: string } = {}): Promise<PluginHouse> {
  const { manifest, ...parts } = rest;
  return houses.open({ plugins: { tool: { code, ...(manifest !== undefined && { manifest }) } }, ...parts });
}
async function run(house: PluginHouse, input: unknown = {}, job = 'tool-go'): Promise<Run> {
  return house.until((await house.ask(job, input)).id);
}
const go = async (code: string): Promise<Run> => run(await open(code));
const RETRIED = manifestOf({ commands: 'go: { type: write, retries: 1 }' });
const script = (text: string): PluginParts => ({ plugins: { tool: { script: `#!/bin/sh\n${text}\n` } } });
const sh = async (text: string): Promise<Run> => run(await houses.open(script(text)));

test('the files in the report of a plugin become blobs, and stand in neither its result nor its response', async () => {
  const report = "{ title: 'Weekly', summary: 'Done.', attachments: [{ name: 'a.csv', text: 'id,total' }] }";
  const ended = await go(`answer({ status: 'ok', result: ${report} });`);
  expect(ended).toMatchObject({
    state: 'completed',
    report: { title: 'Weekly', attachments: [{ name: 'a.csv', bytes: 8 }] },
    blobs: [{ name: 'a.csv' }],
    response: { status: 'ok', result: { title: 'Weekly' } },
  });
  expect(JSON.stringify(ended)).not.toContain('id,total');
});

describe('what a plugin is told', () => {
  test('one request: protocol, run, command, config, state, context, event and deadline', async () => {
    const manifest = manifestOf({ more: 'config_keys: { required: [api_key], optional: [region, other] }' });
    const env = { BELLHOP_PLUGIN_TOOL_API_KEY: 'config-value-1', BELLHOP_PLUGIN_TOOL_REGION: 'eu' };
    const house = await open("answer({ status: 'ok', result: request });", { manifest, env });
    const ended = await run(house, { path: '/x' });
    expect(ended.result).toEqual({
      protocol: 2,
      job_id: ended.id,
      command: 'go',
      config: { api_key: 'config-value-1', region: 'eu' },
      state: {},
      context: { attempt: 1, actor: { kind: 'slack', id: 'U0ANA', name: 'ana' }, trigger: 'slack', job: 'tool-go' },
      event: { path: '/x' },
      deadline_at: expect.any(String),
    });
    const { deadline_at: deadline } = Object(ended.result);
    const took = Date.parse(deadline) - Date.parse(ended.startedAt ?? '');
    expect(took).toBeGreaterThanOrEqual(ended.policy.timeoutMs);
  });

  test('of the environment PATH, LANG, TZ and TMPDIR only: tokens and config stay outside', async () => {
    const env = {
      LANG: 'C.UTF-8',
      TZ: 'UTC',
      SLACK_BOT_TOKEN: 'xoxb-canary-canary',
      BELLHOP_PLUGIN_TOOL_KEY: 'canary-key',
    };
    const manifest = manifestOf({ more: 'config_keys: { optional: [key] }' });
    const house = await open("answer({ status: 'ok', result: Object.keys(process.env).sort() });", { manifest, env });
    expect((await run(house)).result).toEqual(['LANG', 'PATH', 'TMPDIR', 'TZ']);
  });

  test('an empty folder of its own, which is gone afterwards', async () => {
    const ended = await go(
      "answer({ status: 'ok', result: { cwd: process.cwd(), files: require('fs').readdirSync('.') } });",
    );
    const { cwd, files } = Object(ended.result);
    expect(files).toEqual([]);
    await expect(readFile(cwd)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  test('who does not read it is not disturbed by that, however long it is', async () => {
    const house = await houses.open(script('echo \'{"status":"ok","result":"unread"}\''));
    expect(await run(house, { text: 'x'.repeat(200_000) })).toMatchObject({ state: 'completed', result: 'unread' });
  });

  test('what its config holds stands in no record, no report and no log', async () => {
    const lines: string[] = [];
    const canary = 'config-canary-42';
    const log = { ...silentLog, info: (...all: unknown[]) => lines.push(JSON.stringify(all)) } as never;
    const manifest = manifestOf({ more: 'config_keys: { required: [key] }' });
    const house = await houses.open({
      plugins: {
        tool: {
          manifest,
          code: "console.error(request.config.key.length); answer({ status: 'error', error: 'no', logs: ['x'] });",
        },
      },
      env: { BELLHOP_PLUGIN_TOOL_KEY: canary },
      log,
    });
    const ended = await run(house);
    expect(ended.attempts[0]?.stderr?.head).toBe('16\nx\n');
    expect(
      JSON.stringify([ended, await house.store.listDocs('plugin-state', {}), house.runner.jobs(), lines]),
    ).not.toContain(canary);
    expect(lines.length).toBeGreaterThan(0);
  });

  test('a known secret that a plugin answers, keeps and logs is masked everywhere', async () => {
    const code = `const s = '${SECRET}'; console.error(s); answer({ status: 'ok', result: { s }, logs: [s], events: [{ s }], state_updates: { s } });`;
    const house = await open(code);
    const ended = await run(house);
    expect(ended).toMatchObject({
      state: 'completed',
      result: { s: '[secret]' },
      response: { events: [{ s: '[secret]' }] },
    });
    expect(JSON.stringify([ended, await house.store.getDoc('plugin-state', 'tool')])).not.toContain(SECRET);
  });
});

test('a known secret that is the name of a member is masked as well, and no member is lost by that', async () => {
  const code = `const s = '${SECRET}'; const o = { [s]: 1, ['x' + s]: 2, [Buffer.from(s).toString('base64').replace(/=+$/, '')]: 3 };
    answer({ status: 'ok', result: o, events: [o], state_updates: o, [s]: [o] });`;
  const house = await open(code);
  const ended = await run(house);
  expect(ended).toMatchObject({ state: 'completed', result: { '[secret]': 1, 'x[secret]': 2, '[secret] 2': 3 } });
  const kept = [ended, await house.store.getDoc('plugin-state', 'tool')];
  expect(JSON.stringify(kept)).not.toContain(SECRET);
});

test('a known secret that a long output is cut through leaves no half', async () => {
  const half = SECRET.slice(0, Math.ceil(SECRET.length / 2));
  const lines = `'x '.repeat(2042) + '${SECRET} '`;
  const tail = `'${SECRET}' + ' y'.repeat(8186)`;
  const code = `process.stderr.write(${lines} + 'z '.repeat(20_000) + ${tail}); answer({ status: 'error', error: 'no' });`;
  const ended = await run(await open(code));
  const { head = '', tail: last = '', droppedBytes = 0 } = ended.attempts[0]?.stderr ?? {};
  expect(droppedBytes).toBeGreaterThan(10_000);
  expect([head.length > 3_500, last.length > 15_000]).toEqual([true, true]);
  expect(JSON.stringify(ended)).not.toContain(half);
  expect(JSON.stringify(ended)).not.toContain(SECRET.slice(-half.length));
});

test('a known secret at the beginning of the last output of a report leaves no half', async () => {
  const code = `process.stderr.write('${SECRET}'.padEnd(4_005, '.')); answer({ status: 'error', error: 'no' });`;
  const ended = await run(await open(code));
  expect(ended.report?.sections).toHaveLength(2);
  expect(JSON.stringify(ended.report)).not.toContain(SECRET.slice(-8));
});

describe('what a plugin answers', () => {
  test('the whole response is kept, with members that nobody knows, and the result is the result', async () => {
    const ended = await go(
      "answer({ status: 'ok', result: { rows: 3 }, events: [{ type: 'x', n: 1 }], logs: [{ level: 'info', message: 'half way' }, 'done'], extra: [1] });",
    );
    expect(ended).toMatchObject({
      state: 'completed',
      result: { rows: 3 },
      response: { status: 'ok', result: { rows: 3 }, events: [{ type: 'x', n: 1 }], extra: [1] },
    });
    expect(ended.attempts[0]?.stderr?.head).toBe('info: half way\ndone\n');
    expect(ended.report?.sections[0]).toMatchObject({ title: 'Result' });
  });

  test('a report, markdown and nothing are read as those of a command', async () => {
    const report = await go("answer({ status: 'ok', result: { title: 'Weekly', summary: 'Fine.' } });");
    expect(report.report).toMatchObject({ title: 'Weekly', summary: 'Fine.' });
    const text = await go("answer({ status: 'ok', result: '# Sales\\n\\nUp.' });");
    expect(text).toMatchObject({ result: '# Sales\n\nUp.', report: { title: 'Sales', summary: 'Up.' } });
    const both = await go("answer({ status: 'ok', result: { report: '# Sales\\n\\nUp.', result: { up: 1 } } });");
    expect(both).toMatchObject({ result: { up: 1 }, report: { title: 'Sales' } });
    const nothing = await go("answer({ status: 'ok' });");
    expect(nothing).toMatchObject({ state: 'completed', report: { summary: 'tool-go finished.' } });
    expect(nothing.result).toBeUndefined();
  });

  test('what looks like a report but is none fails, and the response is kept', async () => {
    const ended = await go("answer({ status: 'ok', result: { title: 'T', summary: '' } });");
    expect(ended).toMatchObject({ state: 'failed', error: { code: 'RESULT_INVALID' }, response: { status: 'ok' } });
  });

  const WRONG: [string, string, string][] = [
    ['nothing', 'true', 'it is empty'],
    ['text', "echo 'hello there'", 'it begins with "hello there'],
    ['a list', "echo '[]'", 'it begins with "[]'],
    ['half a JSON', 'printf \'{"status":"ok","result":{"a\'', 'it stops in the middle'],
    ['two JSONs', 'echo \'{"status":"ok"}\'; echo \'{"status":"ok"}\'', 'more than one JSON object'],
    ['text behind the JSON', 'echo \'{"status":"ok"} bye\'', 'more text behind'],
    ['invalid JSON', "echo '{status: ok}'", 'it is not JSON'],
    ['no status', "echo '{}'", 'status: must be "ok" or "error"'],
    ['a wrong status', 'echo \'{"status":"fine"}\'', 'status: must be "ok" or "error"'],
    ['a wrong retry', 'echo \'{"status":"ok","retry":"no"}\'', 'retry: '],
    ['wrong events', 'echo \'{"status":"ok","events":{}}\'', 'events: must be a list'],
    ['wrong logs', 'echo \'{"status":"ok","logs":[1]}\'', 'logs.0: must be a text'],
    ['a wrong state', 'echo \'{"status":"ok","state_updates":[]}\'', 'state_updates: must be an object'],
    ['a wrong error', 'echo \'{"status":"error","error":{"code":"x"}}\'', 'error: must be a text'],
    ['bytes', 'printf \'{"status":"\\377"}\'', 'it is not UTF-8'],
    ['a depth', `printf '{"status":"ok","result":%s' "$(printf '[%.0s' $(seq 200))"`, 'nested more than 60'],
  ];
  test.each(WRONG)('%s fails for good, named', async (_what, text, said) => {
    const house = await houses.open({ plugins: { tool: { manifest: RETRIED, script: `#!/bin/sh\n${text}\n` } } });
    const ended = await run(house);
    expect(ended).toMatchObject({ state: 'failed', attemptsUsed: 1, error: { code: 'PLUGIN_RESPONSE' } });
    expect(ended.error?.message).toContain(said);
    expect(ended.response).toBeUndefined();
  });

  test('a thousand events are kept, one more is refused', async () => {
    const of = (n: number): string =>
      `answer({ status: 'ok', events: Array.from({ length: ${n} }, (_, i) => ({ i })) });`;
    expect((await go(of(1000))).state).toBe('completed');
    expect((await go(of(1001))).error).toMatchObject({
      code: 'PLUGIN_RESPONSE',
      message: expect.stringContaining('events'),
    });
  });
});

describe('how a plugin ends', () => {
  const QUICK = manifestOf({ commands: 'go: { type: read, retries: 1 }' });
  const ended = async (code: string): Promise<Run> => {
    const house = await open(code, { manifest: QUICK });
    const asked = await house.ask('tool-go');
    // The wait before the second attempt is seconds: to be tried again is what matters here.
    return house.until(asked.id, ({ state }) => ['completed', 'failed', 'retrying'].includes(state));
  };
  const ENDS: [string, string, object][] = [
    ['ok, 0', "answer({ status: 'ok' });", { state: 'completed' }],
    [
      'error, 0',
      "answer({ status: 'error', error: 'the disk is away' });",
      { state: 'retrying', error: { code: 'PLUGIN_ERROR', message: 'the disk is away' } },
    ],
    [
      'error without a word',
      "answer({ status: 'error' });",
      { state: 'retrying', error: { message: 'it gave no reason' } },
    ],
    ['error with retry: true', "answer({ status: 'error', error: 'x', retry: true });", { state: 'retrying' }],
    [
      'error with retry: false',
      "answer({ status: 'error', error: { code: 'gone', message: 'no such disk', hint: 'buy one' }, retry: false });",
      {
        state: 'failed',
        error: { code: 'PLUGIN_ERROR', message: 'gone: no such disk', hint: 'buy one' },
        response: { retry: false },
      },
    ],
    [
      'error, 78',
      "answer({ status: 'error', error: 'x' }); process.exitCode = 78;",
      { state: 'failed', error: { code: 'PLUGIN_ERROR' }, response: { status: 'error' } },
    ],
    [
      'error, 1',
      "answer({ status: 'error', error: 'x' }); process.exitCode = 1;",
      { state: 'retrying', error: { code: 'PLUGIN_ERROR', message: 'x' } },
    ],
    [
      'ok, 1',
      "answer({ status: 'ok', result: 1 }); process.exitCode = 1;",
      { state: 'retrying', error: { code: 'PLUGIN_EXIT' } },
    ],
    [
      'ok with retry: false, 1',
      "answer({ status: 'ok', result: { a: 1 }, retry: false }); process.exitCode = 1;",
      { state: 'failed', error: { code: 'PLUGIN_EXIT' }, response: { result: { a: 1 } } },
    ],
    [
      'nothing, 1',
      "console.error('what a pity'); process.exitCode = 1;",
      { state: 'retrying', error: { code: 'PLUGIN_EXIT', message: 'plugin tool exited with code 1: what a pity' } },
    ],
    [
      'nothing, 78',
      'process.exitCode = 78;',
      { state: 'failed', error: { code: 'PLUGIN_EXIT', message: 'plugin tool exited with code 78' } },
    ],
    [
      'a signal',
      "process.kill(process.pid, 'SIGKILL');",
      { state: 'retrying', error: { code: 'PLUGIN_EXIT', message: 'plugin tool was ended by SIGKILL' } },
    ],
  ];
  test.each(ENDS)('%s', async (_how, code, expected) => {
    const one = await ended(code);
    expect(one).toMatchObject(expected);
    expect(one.attemptsUsed).toBe(1);
    if (one.state === 'failed') expect(one.result).toBeUndefined();
  });

  test('a failed run says in its report what the plugin logged', async () => {
    const one = await go("answer({ status: 'error', error: 'x', logs: ['looked twice'] });");
    expect(JSON.stringify(one.report?.sections)).toContain('looked twice');
  });

  test('a write command is tried once, a read command three times, unless its manifest says otherwise', async () => {
    const manifest = manifestOf({
      commands: 'go: { type: write }, look: { type: read }, both: { type: write, retries: 4 }',
    });
    const house = await open("answer({ status: 'ok' });", { manifest });
    const attempts = async (job: string): Promise<number> => (await run(house, {}, job)).policy.maxAttempts;
    expect([await attempts('tool-go'), await attempts('tool-look'), await attempts('tool-both')]).toEqual([1, 3, 5]);
  });
});

describe('what a plugin keeps', () => {
  const STATE = 'answer(request.event);';
  const keep = async (house: PluginHouse, updates: unknown): Promise<Run> =>
    run(house, { status: 'ok', state_updates: updates });
  const state = async (house: PluginHouse): Promise<unknown> =>
    (await house.store.getDoc('plugin-state', 'tool'))?.value;

  test('is merged on its top level, null removes a member, and the next call is handed it', async () => {
    const house = await open('answer({ ...request.event, result: request.state });');
    await keep(house, { a: { b: 1, c: 2 }, gone: 1, stays: true });
    const second = await keep(house, { a: { b: 3 }, gone: null });
    expect(second.result).toEqual({ a: { b: 1, c: 2 }, gone: 1, stays: true });
    expect(await state(house)).toEqual({ a: { b: 3 }, stays: true });
  });

  test('nothing new writes nothing, and other commands of the plugin see the same', async () => {
    const manifest = manifestOf({ commands: 'go: { type: write }, look: { type: read }' });
    const house = await open(
      "answer({ status: 'ok', result: request.state, state_updates: request.command === 'go' ? { n: 1 } : {} });",
      { manifest },
    );
    await run(house);
    expect((await run(house, {}, 'tool-look')).result).toEqual({ n: 1 });
    expect(await house.store.getDoc('plugin-state', 'tool')).toMatchObject({ rev: 1 });
  });

  test('of an attempt that failed with a response is kept too', async () => {
    const house = await open(STATE);
    await run(house, { status: 'error', error: 'x', state_updates: { seen: 1 } });
    expect(await state(house)).toEqual({ seen: 1 });
  });

  test('has at most 64 KB: more fails the run for good and changes nothing', async () => {
    const house = await open(STATE);
    await keep(house, { a: 'x'.repeat(40_000) });
    const second = await keep(house, { b: 'x'.repeat(40_000) });
    expect(second).toMatchObject({ state: 'failed', error: { code: 'PLUGIN_RESPONSE' }, response: { status: 'ok' } });
    expect(Object.keys(Object(await state(house)))).toEqual(['a']);
    expect((await keep(house, { a: null, b: 'x'.repeat(40_000) })).state).toBe('completed');
  });

  test('members with names that mean something to JavaScript change nothing else', async () => {
    const house = await open(
      'process.stdout.write(\'{"status":"ok","state_updates":{"__proto__":{"polluted":1},"constructor":2}}\')',
    );
    expect((await run(house)).state).toBe('completed');
    expect(JSON.stringify(await state(house))).toBe('{"constructor":2}');
    expect(Object(await run(house)).polluted).toBeUndefined();
  });

  test('that was changed while the plugin ran is merged with what is there now', async () => {
    const base = createMemoryStore({ clock: systemClock, ids: createIds(systemClock), log: silentLog });
    let meddled = 0;
    const store: Store = {
      ...base,
      async settle(all) {
        const doc = await base.getDoc('plugin-state', 'tool');
        if (meddled++ < 3)
          await base.putDoc({
            kind: 'plugin-state',
            key: 'tool',
            rev: doc?.rev ?? 0,
            value: { ...Object(doc?.value), [`m${meddled}`]: 1 },
          });
        return base.settle(all);
      },
    };
    const house = await open(STATE, { store });
    expect((await keep(house, { mine: 1 })).state).toBe('completed');
    expect(await state(house)).toEqual({ m1: 1, m2: 1, m3: 1, mine: 1 });
  });

  test('that changes for ever fails the run instead of leaving it without an end', async () => {
    const base = createMemoryStore({ clock: systemClock, ids: createIds(systemClock), log: silentLog });
    const store: Store = {
      ...base,
      async settle(all) {
        const doc = await base.getDoc('plugin-state', 'tool');
        if (all.some(({ docs = [] }) => docs.length > 0))
          await base.putDoc({ kind: 'plugin-state', key: 'tool', rev: doc?.rev ?? 0, value: {} });
        return base.settle(all);
      },
    };
    expect(await keep(await open(STATE, { store }), { mine: 1 })).toMatchObject({
      state: 'failed',
      error: { code: 'STORE_FAILED' },
    });
  });
});

describe('a plugin that is not safe to be called twice at once', () => {
  // Two calls at once would both read the same n.
  const COUNT = "setTimeout(() => answer({ status: 'ok', state_updates: { n: (request.state.n ?? 0) + 1 } }), 20);";
  const commands = 'go: { type: write }, also: { type: write }';

  test('has one call at a time, of all its commands together, each handed the state of the one before', async () => {
    const house = await open(COUNT, { manifest: manifestOf({ commands, more: 'concurrency_safe: false' }) });
    const asked = await Promise.all(
      ['tool-go', 'tool-also', 'tool-go', 'tool-also', 'tool-go'].map((job) => house.ask(job)),
    );
    for (const { id } of asked) expect((await house.until(id)).state).toBe('completed');
    expect(await house.store.getDoc('plugin-state', 'tool')).toMatchObject({ value: { n: 5 } });
  });

  test('is not called again before what the last call left is stored, however slow the disk is', async () => {
    const base = createMemoryStore({ clock: systemClock, ids: createIds(systemClock), log: silentLog });
    const store: Store = {
      ...base,
      async settle(all) {
        await systemClock.sleep(150);
        return base.settle(all);
      },
    };
    const house = await open(COUNT, { manifest: manifestOf({ commands, more: 'concurrency_safe: false' }), store });
    const asked = await Promise.all(['tool-go', 'tool-also'].map((job) => house.ask(job)));
    for (const { id } of asked) expect((await house.until(id)).state).toBe('completed');
    expect(await store.getDoc('plugin-state', 'tool')).toMatchObject({ value: { n: 2 } });
  });

  test('does not count the wait for its turn against the timeout, and a wait can be cancelled', async () => {
    const gate =
      "const fs = require('fs'); const wait = () => fs.existsSync(request.event.gate) ? answer({ status: 'ok' }) : setTimeout(wait, 5); wait();";
    const manifest = manifestOf({
      commands: 'go: { type: write }, also: { type: write, timeout: 1ms }, third: { type: write }',
      more: 'concurrency_safe: false',
    });
    const house = await open(gate, { manifest });
    const file = join(house.dir, 'gate');
    const first = await house.ask('tool-go', { gate: file });
    await house.until(first.id, ({ state }) => state === 'running');
    const second = await house.ask('tool-also', { gate: file });
    const third = await house.ask('tool-third', { gate: file });
    for (const { id } of [second, third]) await house.until(id, ({ state }) => state === 'running');
    await house.runner.cancel(third.id, ANA);
    await eventually(() => house.runner.active() === 2 || undefined);
    expect((await house.store.get(second.id))?.state).toBe('running');
    await writeFile(file, '');
    expect((await house.until(first.id)).state).toBe('completed');
    expect((await house.until(second.id)).error?.code).toBe('TIMED_OUT');
    expect((await house.until(third.id)).state).toBe('cancelled');
    expect((await run(house, { gate: file })).state).toBe('completed');
  });
});

describe('an executable', () => {
  test('that is gone, may not be executed or leads elsewhere by now ends the run for good, named', async () => {
    const house = await open("answer({ status: 'ok' });", { manifest: RETRIED });
    const main = join(house.dir, 'tool/main');
    const says = async (): Promise<string | undefined> => {
      const ended = await run(house);
      expect(ended).toMatchObject({ state: 'failed', attemptsUsed: 1, error: { code: 'COMMAND_NOT_FOUND' } });
      return ended.error?.message;
    };
    await chmod(main, 0o644);
    expect(await says()).toContain('may not be executed');
    await rm(main);
    expect(await says()).toContain('does not exist');
    await symlink('/bin/true', main);
    expect(await says()).toContain('a link leads out of the folder');
  });

  test('with a first line that names no program is named so', async () => {
    const house = await houses.open({ plugins: { tool: { script: '#!/no/such/program\n' } } });
    expect((await run(house)).error).toMatchObject({ code: 'COMMAND_NOT_FOUND' });
  });

  test('that wrote a response and then hangs is timed out, its response is kept and its state is not', async () => {
    const house = await open("answer({ status: 'ok', state_updates: { a: 1 } }); setInterval(() => undefined, 1000);", {
      manifest: manifestOf({ commands: 'go: { type: write, timeout: 500ms }' }),
    });
    expect(await run(house)).toMatchObject({
      state: 'failed',
      error: { code: 'TIMED_OUT' },
      response: { status: 'ok' },
    });
    expect(await house.store.getDoc('plugin-state', 'tool')).toBeUndefined();
  });
});

test('stderr stands beside the response', async () => {
  const ended = await sh('echo noise >&2; echo \'{"status":"ok","result":{"a":1}}\'');
  expect(ended).toMatchObject({ state: 'completed', result: { a: 1 } });
  expect(ended.attempts[0]?.stderr?.head).toBe('noise\n');
});
