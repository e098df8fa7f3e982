/** The store and its peers behind one face: a run is submitted, claimed and settled, each durable before it is answered. */
import { mkdir } from 'node:fs/promises';
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { Clock } from '../src/clock.ts';
import { iso, systemClock } from '../src/clock.ts';
import { codeOf } from '../src/errors.ts';
import { createIds } from '../src/ids.ts';
import { silentLog } from '../src/log.ts';
import { openStore } from '../src/store/open.ts';
import type { Lease } from '../src/store/records.ts';
import type { NewRun, Settlement } from '../src/store/store.ts';

export type EngineName = 'store' | 'sqlite' | 'raw';

/** A run on its way; what the engine needs to go on with it. */
export interface Handle {
  id: string;
  lease?: Lease;
}

export interface Engine {
  submit(queue: string): Promise<Handle>;
  claim(queue: string, handle: Handle): Promise<Handle>;
  settle(handle: Handle, state: 'completed' | 'failed'): Promise<void>;
  get(id: string): Promise<boolean>;
  /** How many of the newest 50 failed runs there are. */
  newestFailed(): Promise<number>;
  /** Adds finished runs spread over the 30 days before now; answers some of their ids. */
  fill(count: number): Promise<string[]>;
  close(): Promise<void>;
}

const DAY_MS = 24 * 3_600_000;
const FILLED_DAYS = 30;
const SAMPLE = 5_000;
const FAILED_SHARE = 50;
const MARKDOWN = 'Orders rose against the week before, and returns fell where the new packing was used. '.repeat(36);
const REPORT = {
  title: 'Weekly report',
  summary: 'Orders rose, returns fell.',
  sections: [{ kind: 'markdown', priority: 'summary', markdown: MARKDOWN }],
} as const;

/** Opens an engine in the folder. */
export async function openEngine(name: EngineName, dir: string): Promise<Engine> {
  await mkdir(dir, { recursive: true });
  if (name === 'sqlite') return sqliteEngine(dir);
  return name === 'raw' ? rawEngine(dir) : storeEngine(dir);
}

/** A clock whose calendar can be set back, so that a history of days is made in minutes. */
function calendar(): Clock & { at: (ms: number | undefined) => void } {
  let fixed: number | undefined;
  return {
    ...systemClock,
    now: () => fixed ?? systemClock.now(),
    at(ms) {
      fixed = ms;
    },
  };
}

async function storeEngine(dir: string): Promise<Engine> {
  const clock = calendar();
  const ids = createIds(clock);
  const deps = { clock, ids, log: silentLog, version: '0.0.0-bench' };
  const { store } = await openStore({ backend: 'lowdb', dir }, deps);

  const newRun = (queue: string): NewRun => ({
    job: queue,
    kind: 'function',
    queue,
    trigger: 'api',
    actor: { kind: 'token', id: 'bench' },
    input: { week: 47 },
    policy: { maxAttempts: 3, timeoutMs: 60_000, backoff: { baseMs: 1_000, maxMs: 60_000 } },
  });
  const settlement = (lease: Lease, state: 'completed' | 'failed'): Settlement => ({
    lease,
    end: state,
    report: { schema: 'bellhop.report/1', ...REPORT, sections: [...REPORT.sections], ...REST },
  });
  const claimSome = async (queue: string, limit: number): Promise<Lease[]> => {
    const queues = [{ name: queue, limit }];
    const claimed = await patiently(() =>
      store.claim({ queues, kinds: ['function'], limit, workerId: 'bench', leaseMs: 3_600_000 }),
    );
    return claimed.map(({ lease }) => lease);
  };
  async function fillBatch(batch: { size: number; job: string; first: number }): Promise<string[]> {
    await patiently(() => store.submit(Array.from({ length: batch.size }, () => newRun(batch.job))));
    const leases = await claimSome(batch.job, batch.size);
    await patiently(() =>
      store.settle(
        leases.map((lease, n) => settlement(lease, (batch.first + n) % FAILED_SHARE === 0 ? 'failed' : 'completed')),
      ),
    );
    return leases.map(({ runId }) => runId);
  }
  return {
    async submit(queue) {
      const [outcome] = await patiently(() => store.submit([newRun(queue)]));
      if (outcome?.outcome !== 'accepted') throw new Error(`not accepted: ${outcome?.outcome}`);
      return { id: outcome.run.id };
    },
    async claim(queue) {
      const [lease] = await claimSome(queue, 1);
      if (lease === undefined) throw new Error('nothing to claim');
      return { id: lease.runId, lease };
    },
    async settle({ lease }, state) {
      if (lease === undefined) throw new Error('not claimed');
      // No deliveries: nobody sends them here, and what is open is held in memory, as it must be.
      const [outcome] = await patiently(() => store.settle([settlement(lease, state)]));
      if (outcome?.outcome !== 'settled') throw new Error(`not settled: ${outcome?.outcome}`);
    },
    get: async (id) => (await store.get(id)) !== undefined,
    newestFailed: async () => (await store.list({ states: ['failed'], limit: 50 })).items.length,
    async fill(count) {
      const sample: string[] = [];
      const begin = systemClock.now() - FILLED_DAYS * DAY_MS;
      for (let first = 0; first < count; first += 100) {
        clock.at(begin + Math.floor((first / count) * FILLED_DAYS * DAY_MS));
        const size = Math.min(100, count - first);
        const made = await fillBatch({ size, job: `job-${(first / 100) % 20}`, first });
        sample.push(...made.filter((_, n) => (first + n) % Math.ceil(count / SAMPLE) === 0));
      }
      clock.at(undefined);
      return sample;
    },
    close: () => store.close(),
  };
}

const REST = { status: 'ok' as const, warnings: [], sources: [], locale: 'en-US', timeZone: 'UTC' };

/** A store that has too much to write says so, and its callers wait: the wait is part of what they see. */
async function patiently<T>(call: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await call();
    } catch (error) {
      if (codeOf(error) !== 'OVERLOADED') throw error;
      await systemClock.sleep(2);
    }
  }
}

/** The peer: what a team would write on node:sqlite, one transaction a change, and nothing validated. */
function sqliteEngine(dir: string): Engine {
  const db = new DatabaseSync(join(dir, 'runs.db'));
  db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL');
  db.exec(
    'CREATE TABLE IF NOT EXISTS runs (id TEXT PRIMARY KEY, job TEXT, queue TEXT, state TEXT, rev INTEGER, doc TEXT);' +
      'CREATE INDEX IF NOT EXISTS by_state ON runs (state, id)',
  );
  const insert = db.prepare('INSERT INTO runs VALUES (?, ?, ?, ?, 1, ?)');
  const move = db.prepare('UPDATE runs SET state = ?, rev = rev + 1, doc = ? WHERE id = ? AND rev = ?');
  const read = db.prepare('SELECT doc FROM runs WHERE id = ?');
  const failed = db.prepare("SELECT doc FROM runs WHERE state = 'failed' ORDER BY id DESC LIMIT 50");
  const ids = createIds(systemClock);
  const now = (): string => iso(systemClock.now());
  const queued = (id: string, queue: string): Record<string, unknown> => ({
    v: 1,
    id,
    rev: 1,
    job: queue,
    kind: 'function',
    queue,
    state: 'queued',
    trigger: 'api',
    actor: { kind: 'token', id: 'bench' },
    priority: 0,
    policy: { maxAttempts: 3, timeoutMs: 60_000, backoff: { baseMs: 1_000, maxMs: 60_000 } },
    input: { week: 47 },
    createdAt: now(),
    updatedAt: now(),
    runAt: now(),
    fence: 0,
    attemptsUsed: 0,
    attempts: [],
    deliveries: [],
  });
  const lease = { fence: 1, workerId: 'bench', expiresAt: now() };
  const attempt = { number: 1, fence: 1, workerId: 'bench', startedAt: now() };
  const docs = new Map<string, Record<string, unknown>>();
  // Every change waits for its turn of the loop, as 64 callers of one synchronous database do.
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  const change = (id: string, rev: number, fields: Record<string, unknown>): void => {
    const doc = { ...docs.get(id), ...fields, rev: rev + 1, updatedAt: now() };
    docs.set(id, doc);
    if (move.run(String(fields['state']), JSON.stringify(doc), id, rev).changes !== 1) throw new Error('stale');
  };
  return {
    async submit(queue) {
      await turn();
      const id = ids.next('run');
      const doc = queued(id, queue);
      docs.set(id, doc);
      insert.run(id, queue, queue, 'queued', JSON.stringify(doc));
      return { id };
    },
    async claim(_queue, handle) {
      await turn();
      change(handle.id, 1, { state: 'running', fence: 1, attemptsUsed: 1, attempts: [attempt], lease });
      return handle;
    },
    async settle({ id }, state) {
      await turn();
      change(id, 2, { state, report: { ...REPORT, ...REST }, finishedAt: now() });
      docs.delete(id);
    },
    async get(id) {
      const row = read.get(id);
      return row !== undefined && typeof JSON.parse(String(row['doc'])) === 'object';
    },
    async newestFailed() {
      return failed.all().map((row) => JSON.parse(String(row['doc']))).length;
    },
    async fill(count) {
      const sample: string[] = [];
      const full = { report: { ...REPORT, ...REST }, attempts: [attempt], finishedAt: now() };
      for (let first = 0; first < count; first += 1_000) {
        db.exec('BEGIN');
        for (let n = first; n < Math.min(count, first + 1_000); n++) {
          const id = ids.next('run');
          const state = n % FAILED_SHARE === 0 ? 'failed' : 'completed';
          const job = `job-${Math.floor(n / 100) % 20}`;
          insert.run(id, job, job, state, JSON.stringify({ ...queued(id, job), ...full, state }));
          if (n % Math.ceil(count / SAMPLE) === 0) sample.push(id);
        }
        db.exec('COMMIT');
      }
      return sample;
    },
    async close() {
      db.close();
    },
  };
}

/** The limit of the disk: one asynchronous O_DSYNC write of the same bytes after another, inside a file that has its length, and nothing else. */
async function rawEngine(dir: string): Promise<Engine> {
  const file = await open(join(dir, 'raw.log'), constants.O_WRONLY | constants.O_CREAT | constants.O_DSYNC, 0o600);
  const room = 8 * 1024 * 1024;
  await file.write(Buffer.alloc(room, ' '), 0, room, 0);
  const bytes = Buffer.from(`${JSON.stringify({ ...REPORT, ...REST })}\n`);
  let at = 0;
  const write = async (): Promise<Handle> => {
    if (at + bytes.length > room) at = 0;
    at += (await file.write(bytes, 0, bytes.length, at)).bytesWritten;
    return { id: 'raw' };
  };
  return {
    submit: write,
    claim: write,
    async settle() {
      await write();
    },
    get: async () => true,
    newestFailed: async () => 0,
    fill: async () => [],
    close: () => file.close(),
  };
}
