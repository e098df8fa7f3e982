import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { createIds } from '../../src/ids.ts';
import { silentLog } from '../../src/log.ts';
import { openStore } from '../../src/store/open.ts';

let dir = '';
const children: ChildProcess[] = [];
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'bellhop-lock-'));
});
afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  await rm(dir, { recursive: true, force: true });
});

const open = () =>
  openStore(
    { backend: 'lowdb', dir },
    { clock: systemClock, ids: createIds(systemClock), log: silentLog, version: '0.0.0-test' },
  );

/** Starts a holder and answers its first line. */
async function holder(): Promise<{ child: ChildProcess; line: string }> {
  const main = new URL('../support/store-holder.main.ts', import.meta.url).pathname;
  const child = spawn(process.execPath, [main, dir], { stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(child);
  for await (const line of createInterface({ input: child.stdout })) return { child, line };
  throw new Error('the holder said nothing');
}

it('a second process is refused and told who holds the folder; after a kill -9 the next one gets in with everything there', async () => {
  const { child, line } = await holder();
  const runId = line.replace('holding ', '');
  await expect(open()).rejects.toMatchObject({
    code: 'STORE_LOCKED',
    message: expect.stringContaining(`process ${child.pid} on `),
  });
  expect((await stat(join(dir, 'LOCK'))).mode & 0o777).toBe(0o600);
  child.kill('SIGKILL');
  await once(child, 'exit');
  const { store, report } = await open();
  expect(report).toMatchObject({ runs: 1, rebuilt: true, quarantined: [] });
  expect(await store.get(runId)).toMatchObject({ id: runId, state: 'queued' });
  await store.close();
});

it('the process that holds the folder refuses itself too, and keeps the lock', async () => {
  const { store } = await open();
  await expect(open()).rejects.toMatchObject({ code: 'STORE_LOCKED' });
  await expect(open()).rejects.toMatchObject({ code: 'STORE_LOCKED' });
  expect((await holder()).line).toBe('STORE_LOCKED');
  await store.close();
  const again = await open();
  await again.store.close();
});

it('a data folder that cannot be made is an error that names it, not a start that never ends', async () => {
  const clock = systemClock;
  const deps = { clock, ids: createIds(clock), log: silentLog, version: 'test' };
  await expect(openStore({ backend: 'lowdb', dir: '/proc/bellhop-cannot-be-made/data' }, deps)).rejects.toMatchObject({
    code: 'STORE_FAILED',
    message: expect.stringContaining('/proc/bellhop-cannot-be-made/data') as string,
  });
});
