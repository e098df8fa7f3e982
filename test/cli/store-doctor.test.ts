import { mkdtemp, readdir, rm, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { verdictLines } from '../../src/cli/store-verdict.ts';
import type { Verdict } from '../../src/store/verdict.ts';
import { openShell, type Shell } from '../support/cli.ts';
import { pictureOf } from '../support/store-folder.ts';
import { accept, claimOne, lowdbHarness } from '../support/store-harness.ts';

const JOBS = {
  'fine.ts': `import { defineJob } from 'bellhop';
    export default defineJob({ name: 'fine', description: 'is fine', run: () => 'all is well' });`,
};
async function withRun<T>(act: (own: Shell) => Promise<T>): Promise<T> {
  await using own = await openShell(JOBS);
  expect((await own.type(['run', 'fine'])).code).toBe(0);
  return await act(own);
}
async function onlyRecord(own: Shell): Promise<string> {
  const names = await readdir(join(own.dataDir, 'records'), { recursive: true });
  return join(own.dataDir, 'records', names.find((name) => name.endsWith('.json')) ?? '');
}
const lastLine = (text: string): string => text.trimEnd().split('\n').at(-1) ?? '';

test('a sound folder exits 0 with Sound as the last line, and is not changed by a byte', () =>
  withRun(async (own) => {
    const before = await pictureOf(own.dataDir);
    const looked = await own.type(['store', 'doctor']);
    expect(looked).toMatchObject({ code: 0, stderr: '' });
    expect(lastLine(looked.stdout)).toBe('Sound.');
    expect(looked.stdout).toMatch(/^runs +1: 1 completed$/m);
    expect(await pictureOf(own.dataDir)).toEqual(before);
  }));

test('a damaged one exits 1 and says what, where, and the way out; --fix does it, and --json is one document', () =>
  withRun(async (own) => {
    await truncate(await onlyRecord(own), 10);
    const looked = await own.type(['store', 'doctor', own.dataDir]);
    expect(looked.code).toBe(1);
    expect(looked.stdout).toMatch(
      /^ERROR {4}1 record of a run cannot be read\n {9}records\/.*: is not a record: .*\n {9}-> --fix /m,
    );
    expect(lastLine(looked.stdout)).toMatch(/^Not sound: 1 error.*--fix mends all of it\.$/);
    const fixed = await own.type(['store', 'doctor', '--fix', '--json']);
    expect(fixed.stderr).toMatch(/^fix {2}Moved records\/.* to quarantine\//m);
    expect(JSON.parse(fixed.stdout)).toMatchObject({
      sound: false,
      findings: [{ kind: 'quarantined', severity: 'warning' }],
      mended: { before: { findings: [{ kind: 'record-unreadable' }] } },
    });
    await rm(join(own.dataDir, 'quarantine'), { recursive: true });
    expect((await own.type(['store', 'doctor'])).code).toBe(0);
    expect((await own.type(['runs'])).code).toBe(0);
  }));

test('a folder that a server holds is refused with exit 69, naming the holder and the way out', () =>
  withRun(async (own) => {
    const server = own.begin(['start']);
    await server.says('bellhop ready');
    for (const args of [
      ['store', 'doctor'],
      ['store', 'doctor', '--fix'],
    ]) {
      const { code, stderr } = await own.type(args);
      expect([code, stderr]).toEqual([
        69,
        expect.stringMatching(/is held by process \d+ on .*bellhop store doctor DIR/s),
      ]);
    }
    server.signal('SIGKILL');
    await server.ended;
    expect(await own.type(['store', 'doctor'])).toMatchObject({ code: 0 });
  }));

test('what is asked wrongly exits 64 and says what could be asked', () =>
  withRun(async (own) => {
    const empty = await mkdtemp(join(tmpdir(), 'bellhop-empty-'));
    for (const args of [['store'], ['store', 'heal'], ['store', 'doctor', 'a', 'b'], ['store', 'doctor', '--once']]) {
      const { code, stderr } = await own.type(args);
      expect([code, stderr], args.join(' ')).toEqual([64, expect.stringMatching(/store/)]);
    }
    const { code, stderr } = await own.type(['store', 'doctor', empty]);
    expect([code, stderr]).toEqual([64, expect.stringContaining('is no data folder')]);
    await rm(empty, { recursive: true });
  }));

test('the size of the records does not matter: what is larger than the memory is looked at', async () => {
  const h = await lowdbHarness();
  const text = 'a long result '.repeat(20_000);
  for (let n = 0; n < 300; n++) {
    await accept(h.store);
    await h.store.settle([{ lease: (await claimOne(h.store)).lease, end: 'completed', result: { text } }]);
  }
  await h.store.close();
  await using own = await openShell(JOBS);
  const tight = { NODE_OPTIONS: '--max-old-space-size=56' };
  const { code, stdout } = await own.type(['store', 'doctor', h.dir], tight);
  expect(stdout).toMatch(/300 completed/);
  // The harness lays down a smaller reserve than the product.
  expect(code).toBe(1);
  await h.dispose();
}, 60_000);

test('long lists are cut and say how much is missing; one and many are said rightly', () => {
  const examples = Array.from({ length: 20 }, (_, n) => ({ path: `records/${n}.json`, detail: 'is empty' }));
  const verdict: Verdict = {
    dir: '/backups/today',
    sound: false,
    lock: 'none',
    findings: [
      {
        severity: 'error',
        kind: 'record-unreadable',
        what: '1,234 records of runs cannot be read',
        path: 'records/0.json',
        count: 1234,
        examples,
        wayOut: 'Restore.',
        mends: true,
      },
      {
        severity: 'warning',
        kind: 'stray',
        what: '1 name',
        path: 'x',
        count: 1,
        examples: [{ path: 'x' }],
        wayOut: 'Move it.',
        mends: false,
      },
    ],
    counts: {
      runs: { waiting: 0, scheduled: 0, queued: 1, running: 0, retrying: 0, completed: 2000, failed: 0, cancelled: 0 },
      tombstones: 0,
      deliveryFiles: 1,
      docs: 0,
      blobs: 0,
      unnamedBlobs: 0,
      events: 0,
      auditEntries: 1,
      quarantined: 0,
      journalLines: 1,
      bytes: 1_234_567,
    },
    ms: 4120,
  };
  expect(verdictLines(verdict, { before: undefined }).join('\n')).toMatchInlineSnapshot(`
    "/backups/today, looked at in 4.1 s
    No lock could be held: what is said here holds only if nobody opened the folder meanwhile.

    ERROR    1,234 records of runs cannot be read
             records/0.json: is empty
             records/1.json: is empty
             records/2.json: is empty
             records/3.json: is empty
             records/4.json: is empty
             and 1,229 more
             -> Restore.

    WARNING  1 name
             x
             -> Move it.

    runs        2,001: 1 queued, 2,000 completed
    deliveries  1 file of progress
    documents   0
    blobs       0
    events      0
    audit       1 entry
    journal     1 line not yet in the files
    read        1.2 MB

    Not sound: 1 error, 1 warning. Back the folder up, then --fix mends 1 of 2 findings."
  `);
});
