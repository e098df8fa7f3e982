/**
 * Eight writers on a store until they are killed: `node store-writer.main.ts DIR LIFE HERITAGE.json [BACKUP-DIR]`; prints `ready` when
 * the store is open, and `backed up` when copies were made. Every wish and every answer is one line on file descriptor 3, written before the
 * next step, so that it outlives the process.
 */
import { readFileSync, writeSync } from 'node:fs';
import { codeOf } from '../src/errors.ts';
import { openStore } from '../src/store/open.ts';
import { factOf } from './store-facts.ts';
import { Heritage } from './store-heritage.ts';
import { chartsOf, clockOfLife, depsOf, TERMS, WALK_STEP_MS, WRITERS_MAY_USE_MS } from './store-terms.ts';
import { submit, turn } from './store-writer-turns.ts';
import type { Writer, Writing } from './store-writing.ts';

const WRITERS = 8;
/** Of sysexits.h. */
const EX_TEMPFAIL = 75;
const CHARTS = 24;
const SWEEP_EVERY_MS = 15;
const BACKUP_AFTER_MS = 120;
const BACKUPS = 3;
const BUSY_TURNS = 150;
const RESTING_MS = 200;

const [dir, life = '0', heritagePath, backupDir] = process.argv.slice(2);
if (dir === undefined || heritagePath === undefined) throw new Error('which folder, and what did the last life leave?');
const heritage = Heritage.parse(JSON.parse(readFileSync(heritagePath, 'utf8')));
const clock = clockOfLife(Number(life), 'writers');
const deps = depsOf(clock);
const { store } = await openStore({ backend: 'lowdb', dir }, deps, TERMS);
const writing: Writing = {
  store,
  clock,
  ids: deps.ids,
  note: (entry) => void writeSync(3, `${JSON.stringify(entry)}\n`),
  life,
  steps: new Map(Object.entries(heritage.steps)),
  charts: chartsOf(Number(life), CHARTS),
};
const parent = process.ppid;
const firstEvent = Promise.withResolvers<void>();
void watch();
if (heritage.since !== null) process.stdout.write('ready\n');
for (const together of heritage.unanswered) await submit(writing, together);
for (const one of heritage.answered) await submit(writing, [one]);
void sweep();
if (backupDir !== undefined) void backUp(backupDir);
const writers = Array.from({ length: WRITERS }, (_, n) => write({ queue: `w${n}`, side: `w${n}-side`, finished: [] }));
if (heritage.since === null) {
  // A watcher that was killed before its first event would have no place to go on from.
  await firstEvent.promise;
  process.stdout.write('ready\n');
}
await Promise.all(writers);

async function write(writer: Writer): Promise<void> {
  for (let n = 0; ; n++) {
    // A life that waits for its copies goes on, and does not fill the disk meanwhile.
    if (n > BUSY_TURNS) await clock.sleep(RESTING_MS);
    try {
      await turn(writing, writer, n);
    } catch (error) {
      // No answer is an answer that the ledger understands; too much work at once is no harm.
      if (!['OVERLOADED', 'STORE_FULL'].includes(codeOf(error) ?? '')) throw error;
      await clock.sleep(5);
    }
  }
}

/** What a server does every few seconds, and the time that passes in between. It ends with the process that began it. */
async function sweep(): Promise<void> {
  for (let passed = 0; ; passed += WALK_STEP_MS) {
    await clock.sleep(SWEEP_EVERY_MS);
    if (process.ppid !== parent) process.exit(EX_TEMPFAIL);
    if (passed < WRITERS_MAY_USE_MS) clock.step(WALK_STEP_MS);
    await store.sweep();
  }
}

async function watch(): Promise<void> {
  for await (const event of store.watch(heritage.since ?? 0, new AbortController().signal)) {
    writing.note({ note: 'event', seq: event.seq, fact: factOf(event) });
    if (event.type !== 'resync') firstEvent.resolve();
  }
}

/** One copy after the other. */
async function backUp(to: string): Promise<void> {
  for (let n = 1; n <= BACKUPS; n++) {
    await clock.sleep(BACKUP_AFTER_MS);
    const copy = `${to}-${n}`;
    writing.note({ note: 'wish-backup', dir: copy });
    await store.backup(copy);
    writing.note({ note: 'backup', dir: copy });
  }
  process.stdout.write('backed up\n');
}
