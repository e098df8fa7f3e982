import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { createIds } from '../../src/ids.ts';
import { silentLog } from '../../src/log.ts';
import { layoutOf } from '../../src/store/lowdb/layout.ts';
import { openStore } from '../../src/store/open.ts';
import { openShell, type Shell } from '../support/cli.ts';
import { accept, newRun } from '../support/store-harness.ts';

const FINE = `import { defineJob } from 'bellhop';
export default defineJob({ name: 'fine', description: 'does fine', retries: 0, run: () => 'all is well' });`;

let own: Shell;
const to = (): string => join(own.folder, 'copy');
const copy = (...more: string[]) => own.type(['store', 'copy', '--from', own.dataDir, '--to', to(), ...more]);
beforeEach(async () => {
  own = await openShell({ 'fine.ts': FINE });
});
afterEach(() => own[Symbol.asyncDispose]());

describe('bellhop store copy', () => {
  test('copies a store, compares the two, and the copy is one that works', async () => {
    expect((await own.type(['run', 'fine'])).code).toBe(0);
    const { code, stdout, stderr } = await copy();
    expect(stdout).toMatch(/^kind +source +target +same\nruns +1 \w{12} +1 \w{12} +yes\n/);
    expect(stdout).not.toContain('NO');
    expect([code, stderr]).toEqual([0, expect.stringContaining('is a store of its own now') as string]);
    const shown = await own.type(['runs', 'show', 'last'], { BELLHOP_DATA_DIR: to() });
    expect([shown.code, shown.stdout]).toEqual([0, expect.stringContaining('all is well') as string]);
  });

  test('--verify compares a finished copy, names what differs and exits with 1', async () => {
    await own.type(['run', 'fine']);
    await copy();
    expect((await copy('--verify')).code).toBe(0);
    const { stdout } = await own.type(['runs', 'show', 'last', '--json']);
    const { run } = JSON.parse(stdout) as { run: { id: string } };
    const path = layoutOf(to()).record(run.id);
    await writeFile(path, (await readFile(path, 'utf8')).replace('all is well', 'all is lost'));
    const after = await copy('--verify');
    expect([after.code, after.stderr]).toEqual([1, expect.stringContaining(`runs: ${run.id} differs`) as string]);
    expect(after.stdout).toMatch(/runs .* NO\n/);
  });

  test('an interrupted copy says how to go on, no server opens it, and going on finishes it', async () => {
    const deps = { clock: systemClock, ids: createIds(systemClock), log: silentLog, version: '0.0.0-test' };
    const { store } = await openStore({ backend: 'lowdb', dir: own.dataDir }, deps);
    // Enough that the signal comes while it is at work.
    for (let n = 0; n < 10; n++) {
      await store.submit(Array.from({ length: 400 }, () => newRun({ input: 'x'.repeat(2000) })));
    }
    await accept(store);
    await store.close();
    const begun = own.begin(['store', 'copy', '--from', own.dataDir, '--to', to()]);
    await begun.marks(join(to(), 'journal'));
    begun.signal('SIGINT');
    const { code, stderr } = await begun.ended;
    const goOn = `bellhop store copy --from ${own.dataDir} --to ${to()} goes on`;
    expect([code, stderr]).toEqual([130, expect.stringContaining(goOn) as string]);
    const runs = await own.type(['runs'], { BELLHOP_DATA_DIR: to() });
    expect([runs.code, runs.stderr]).toEqual([69, expect.stringContaining('not finished') as string]);
    expect(await copy('--verify')).toMatchObject({ code: 69 });
    expect(await copy()).toMatchObject({ code: 0, stderr: expect.stringContaining('going on after') as string });
    expect((await own.type(['runs'], { BELLHOP_DATA_DIR: to() })).code).toBe(0);
  });

  test('a held source, a store that is none, a target that is no target and a wrong question each say so', async () => {
    const held = own.begin(['start']);
    await held.says('ready');
    expect(await copy()).toMatchObject({ code: 69, stderr: expect.stringContaining('is held by process') as string });
    held.signal('SIGTERM');
    await held.ended;
    const asks: [string[], number, RegExp][] = [
      [['store', 'copy', '--from', own.dataDir, '--to', own.dataDir], 64, /not two separate folders/],
      [['store', 'copy', '--from', own.dataDir, '--to', own.folder], 64, /not two separate folders/],
      [['store', 'copy', '--from', join(own.folder, 'nothing'), '--to', to()], 64, /There is no store in/],
      [['store', 'copy', '--from', own.dataDir, '--to', 'postgres://h/db'], 64, /This build has no Postgres store/],
      [['store', 'copy', '--from', own.dataDir], 64, /to where/],
      [['store', 'copy', 'x', '--from', 'a', '--to', 'b'], 64, /“x” is one word too many/],
      [['store'], 64, /What about the store\?/],
      [['store', 'compare'], 64, /no verb “compare”/],
      [['runs', '--verify'], 64, /takes no --verify/],
    ];
    for (const [words, code, text] of asks) {
      const ended = await own.type(words);
      expect([ended.code, ended.stderr], words.join(' ')).toEqual([code, expect.stringMatching(text) as string]);
    }
  });
});
