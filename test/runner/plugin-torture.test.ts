/** Plugins that mean harm or go astray: exact states, and nothing left running. By the process group alone, the level that every machine has. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Run } from '../../src/store/records.ts';
import { manifestOf, pluginEstate, type PluginHouse } from '../support/plugin-house.ts';
import { ANA, eventually, isAlive } from '../support/runner-house.ts';

const houses = pluginEstate();
const timed = (timeout: string): string => manifestOf({ commands: `go: { type: write, timeout: ${timeout} }` });

async function run(house: PluginHouse, input: unknown = {}): Promise<Run> {
  return house.until((await house.ask('tool-go', input)).id);
}
async function pids(path: string, count: number): Promise<number[]> {
  return eventually(async () => {
    const found = (await readFile(path, 'utf8').catch(() => '')).trim().split('\n').map(Number).filter(Boolean);
    return found.length >= count ? found : undefined;
  });
}
async function allGone(all: readonly number[]): Promise<void> {
  for (const pid of all) await eventually(async () => !(await isAlive(pid)) || undefined);
}

describe('a plugin', () => {
  test('that hangs is killed with its children, also with one that ignores SIGTERM', async () => {
    const script =
      '#!/bin/sh\nout=$(cat | sed \'s/.*"file":"\\([^"]*\\)".*/\\1/\')\necho $$ >>"$out"\nsh -c \'trap "" TERM; echo $$ >>"$1"; while :; do sleep 1; done\' x "$out" &\nsleep 300\n';
    const house = await houses.open({ plugins: { tool: { script, manifest: timed('1s') } } });
    const file = join(house.dir, 'pids');
    const asked = await house.ask('tool-go', { file });
    const found = await pids(file, 2);
    expect(await house.until(asked.id)).toMatchObject({ state: 'failed', error: { code: 'TIMED_OUT' } });
    await allGone(found);
  });

  test('that is cancelled while it works is killed, and its late answer changes nothing', async () => {
    const code =
      "require('fs').writeFileSync(request.event.file, process.pid + '\\n'); process.on('SIGTERM', () => { answer({ status: 'ok', result: 'late' }); process.exit(0); }); setInterval(() => undefined, 1000);";
    const house = await houses.open({ plugins: { tool: { code } } });
    const file = join(house.dir, 'pids');
    const asked = await house.ask('tool-go', { file });
    const found = await pids(file, 1);
    await house.runner.cancel(asked.id, ANA);
    await allGone(found);
    await eventually(() => house.runner.active() === 0 || undefined);
    const ended = await house.store.get(asked.id);
    expect(ended?.state).toBe('cancelled');
    expect(ended?.response).toBeUndefined();
  });

  test('that writes without end is killed at one megabyte', async () => {
    const script = '#!/bin/sh\nexec yes \'{"status":"ok"}\'\n';
    const house = await houses.open({ plugins: { tool: { script } } });
    const ended = await run(house);
    expect(ended).toMatchObject({ state: 'failed', attemptsUsed: 1, error: { code: 'OUTPUT_LIMIT' } });
    expect(ended.response).toBeUndefined();
    expect(JSON.stringify(ended).length).toBeLessThan(50_000);
  });

  test('whose response is two megabytes has none', async () => {
    const code = "answer({ status: 'ok', result: 'x'.repeat(2 * 1024 * 1024) });";
    const house = await houses.open({ plugins: { tool: { code } } });
    expect(await run(house)).toMatchObject({ state: 'failed', error: { code: 'OUTPUT_LIMIT' } });
  });

  test('that would write a gigabyte to stderr is killed at fifty megabytes, and its record stays small', async () => {
    const script = '#!/bin/sh\nhead -c 1000000000 /dev/zero | tr "\\0" x >&2\necho \'{"status":"ok"}\'\n';
    const house = await houses.open({ plugins: { tool: { script } } });
    const ended = await run(house);
    expect(ended).toMatchObject({ state: 'failed', error: { code: 'OUTPUT_LIMIT' } });
    const kept = ended.attempts[0]?.stderr;
    // A chunk more than the limit at most is counted, not the gigabyte.
    expect(kept?.droppedBytes).toBeGreaterThan(49_000_000);
    expect(kept?.droppedBytes).toBeLessThan(60_000_000);
    expect(JSON.stringify(ended).length).toBeLessThan(100_000);
  });

  test('whose response is just below the bound is kept whole', async () => {
    const code = "answer({ status: 'ok', result: 'x'.repeat(1024 * 1024 - 100) });";
    const house = await houses.open({ plugins: { tool: { code } } });
    const ended = await run(house);
    expect(ended.state).toBe('completed');
    expect(JSON.stringify(ended.result).length).toBe(1024 * 1024 - 98);
  });

  test('that begets two hundred children leaves none', async () => {
    const code = `
      const { spawn } = require('node:child_process');
      const children = [];
      for (let n = 0; n < 200; n++) {
        const child = spawn('sleep', ['300'], { stdio: 'ignore' });
        child.on('error', () => undefined);
        if (child.pid) children.push(child.pid);
      }
      answer({ status: 'ok', result: { children } });
      process.stdout.once('drain', () => process.exit(0));
      setImmediate(() => process.exit(0));`;
    const house = await houses.open({ plugins: { tool: { code } } });
    const ended = await run(house);
    const { children } = Object(ended.result);
    expect(ended.state).toBe('completed');
    expect(children.length).toBeGreaterThan(0);
    await allGone(children);
  });

  test('that leaves a grandchild in a session of its own: the run ends all the same, only the group is gone', async () => {
    const script =
      '#!/bin/sh\nsetsid sh -c \'echo $$ >"$1"; exec sleep 30\' x "$TMPDIR/../setsid-$$.pid" >/dev/null 2>&1 </dev/null &\nwhile ! [ -s "$TMPDIR/../setsid-$$.pid" ]; do :; done\nprintf \'{"status":"ok","result":{"pid":%s}}\' "$(cat "$TMPDIR/../setsid-$$.pid")"\nrm "$TMPDIR/../setsid-$$.pid"\n';
    const house = await houses.open({ plugins: { tool: { script } } });
    const ended = await run(house);
    expect(ended.state).toBe('completed');
    const { pid } = Object(ended.result);
    // The level of the process group reaches no other session; namespaces do (docs/plugins.md). Ended here by its own id.
    expect(await isAlive(pid)).toBe(true);
    process.kill(pid, 'SIGKILL');
    await allGone([pid]);
  });

  test('that keeps stdout open in the background does not keep the run', async () => {
    const script = '#!/bin/sh\nsleep 300 &\nprintf \'{"status":"ok","result":{"pid":%s}}\' $!\n';
    const house = await houses.open({ plugins: { tool: { script } } });
    const ended = await run(house);
    expect(ended.state).toBe('completed');
    await allGone([Object(ended.result).pid]);
  });
});
