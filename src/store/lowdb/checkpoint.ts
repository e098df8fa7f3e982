/**
 * Brings what the journal holds into the files: records, deliveries and documents by temp file and rename without an fsync each, the audit
 * entries appended, then one sync of the file system, and only then the segments go whose lines are all covered. One checkpoint at a time.
 * A crash at any moment leaves files that may be torn and the journal that writes all of them again.
 */
import { dirname } from 'node:path';
import { systemClock } from '../../clock.ts';
import type { Clock, Timer } from '../../clock.ts';
import { DependencyError } from '../../errors.ts';
import type { Log } from '../../log.ts';
import type { Archive } from './archive.ts';
import type { AuditLog } from './audit-log.ts';
import type { EventLog } from './events.ts';
import type { Dirty, DirtySet } from './dirty.ts';
import { isFull } from './disk.ts';
import type { Disk } from './disk.ts';
import { deliveriesForm, docForm, recordForm } from './forms.ts';
import type { IndexKeeper, IndexSet } from './index-keeper.ts';
import type { Journal } from './journal.ts';
import type { KeyLog } from './key-log.ts';
import type { Layout } from './layout.ts';
import { inParallel } from './load.ts';
import { fileDb, writeFileDb } from './record-file.ts';
import type { FileSchema } from './record-file.ts';
import type { Space } from './space.ts';

export interface Checkpointer {
  /** Says that there is something to bring to the files. */
  due(): void;
  /** Brings everything that is dirty now to the files, calmly when nobody sits in front of it; false when that failed. Never throws. */
  run(how?: 'calmly'): Promise<boolean>;
  /** Does the work after a checkpoint, while no file is written and no segment removed; the journal goes on. */
  held<T>(work: () => Promise<T>): Promise<T>;
  /** Waits until the memory held by what is not yet in the files has gone down. */
  room(): Promise<void>;
  stop(): void;
}

export interface CheckpointDeps {
  disk: Disk;
  layout: Layout;
  clock: Clock;
  log: Log;
  dirty: Dirty;
  journal: Journal;
  logs: { audit: AuditLog; events: EventLog; keys: KeyLog };
  space: Space;
  index: IndexKeeper;
  archive: Pick<Archive, 'bury'>;
}

export interface CheckpointTerms {
  /** From the first change to the checkpoint, in milliseconds. */
  delayMs: number;
  /** A checkpoint begins at once when the journal behind what is held has this many bytes. */
  soonBytes: number;
  /** Writing waits for the checkpoint from here on. */
  waitBytes: number;
}

interface Touched {
  path: string;
  gone: boolean;
}

/** Up to so many files an fsync each is cheaper than a sync of the whole file system, which others write to as well; more go together. */
const FEW = 8;
const RETRY_MS = 30_000;
/** A checkpoint that nobody waits for writes some files at a time: half a second of breaths, and the pauses of the placer beside them. */
const BREATHS = 100;
const BREATH_MS = 5;
// Of the four threads of the pool: the journal must not wait in line behind the files.
const LANES = 2;
const LANES_TOGETHER = 32;

/** Makes the checkpointer of a folder. */
export function createCheckpointer(deps: CheckpointDeps, terms: CheckpointTerms): Checkpointer {
  const { disk, layout, clock, log, dirty, journal, space, index } = deps;
  const lazy: Disk = { ...disk, write: (path, text) => disk.place(path, text) };
  const together: Disk = {
    ...disk,
    write: (path, text) => disk.placeTogether(path, text, isCalm() ? 'calmly' : 'at once'),
  };
  let timer: Timer | undefined;
  let running: Promise<boolean> | undefined;
  let stopped = false;
  /** Somebody waits for the checkpoint under way. */
  let hurried = false;
  /** False once the sync of the whole file system has failed: then every file is synced on its own. */
  let canSyncAll = true;

  const isCalm = (): boolean => !hurried && dirty.bytes() < terms.soonBytes;
  const isClean = (): boolean => dirty.isEmpty() && !index.isDirty();

  function due(): void {
    if (stopped || running !== undefined) return;
    if (dirty.bytes() >= terms.soonBytes) void run();
    else timer ??= clock.after(terms.delayMs, () => void run('calmly'));
  }
  function run(how?: 'calmly'): Promise<boolean> {
    if (how !== 'calmly') hurried = true;
    if (running !== undefined) return running.then(() => (isClean() ? true : run(how)));
    timer?.cancel();
    timer = undefined;
    running = attempt().finally(() => {
      running = undefined;
      hurried = false;
    });
    return running.then((succeeded) => {
      if (succeeded && !dirty.isEmpty()) due();
      if (!succeeded && !stopped && disk.stopped() === undefined) timer ??= clock.after(RETRY_MS, () => void run());
      return succeeded;
    });
  }
  async function held<T>(work: () => Promise<T>): Promise<T> {
    await run();
    // Somebody else may have begun one in between.
    for (let other = running; other !== undefined; other = running) await other;
    const mine = work();
    running = mine.then(
      () => true,
      () => true,
    );
    running = running.finally(() => (running = undefined));
    return mine;
  }
  async function attempt(): Promise<boolean> {
    for (let tries = 0; tries < 2; tries++) {
      if (isClean()) return true;
      const couldSyncAll = canSyncAll;
      const covered = journal.applied();
      const set = dirty.take();
      const entries = index.take();
      try {
        disk.check();
        await bring(set, entries);
        await index.confirm(entries, covered);
        dirty.done();
        await journal.release(covered, set.removals ? 'all' : 'old');
        return true;
      } catch (error) {
        dirty.failed();
        index.failed(entries);
        deps.logs.audit.doubt();
        log.warn('a checkpoint failed; the journal keeps what it would have written', { error });
        const again = isFull(error) ? await space.ranOut() : couldSyncAll && !canSyncAll;
        if (!again) return false;
      }
    }
    return false;
  }

  async function bring(set: DirtySet, entries: IndexSet): Promise<void> {
    const touched: Touched[] = [];
    await deps.archive.bury(set.records);
    const { records, deliveries, docs } = set;
    const many = records.size + deliveries.size + docs.size > FEW;
    const to = { touched, disk: many ? together : lazy };
    const each = <T>(items: Iterable<T>, work: (item: T) => Promise<void>): Promise<void> =>
      inParallel([...items], work, many ? LANES_TOGETHER : LANES);
    const breath = breather(records.size + deliveries.size);
    await each(records, async ([id, record]) => {
      await breath();
      await put(to, layout.record(id), { form: recordForm, value: record });
    });
    await each(deliveries, async ([id, file]) => {
      await breath();
      await put(to, layout.deliveriesOf(id), { form: deliveriesForm, value: file });
    });
    await each(docs.values(), ({ kind, key, doc }) => put(to, layout.doc(kind, key), { form: docForm, value: doc }));
    for (const path of await deps.logs.audit.append(set.audits)) touched.push({ path, gone: false });
    for (const path of await deps.logs.keys.append(set.keys)) touched.push({ path, gone: false });
    for (const path of await index.write(entries)) touched.push({ path, gone: false });
    await deps.logs.events.append(set.events);
    await makeDurable(touched);
  }
  /** Spreads the writing of many files, so that what else the process does never waits long. */
  function breather(files: number): () => Promise<void> {
    const share = Math.max(FEW, Math.ceil(files / BREATHS));
    let written = 0;
    let pause = Promise.resolve();
    return () => {
      if (!isCalm()) return Promise.resolve();
      if (written++ % share === 0) pause = pause.then(() => systemClock.sleep(BREATH_MS));
      return pause;
    };
  }
  async function put<T>(
    to: { touched: Touched[]; disk: Disk },
    path: string,
    { form, value }: { form: FileSchema<T>; value: T | null },
  ): Promise<void> {
    if (value !== null) await writeFileDb(fileDb(to.disk, path, form), value);
    // Also one that is gone already: an earlier try may have removed it, and nobody has confirmed that.
    else await disk.drop(path);
    to.touched.push({ path, gone: value === null });
  }
  async function makeDurable(touched: readonly Touched[]): Promise<void> {
    if (touched.length > FEW && canSyncAll) {
      if (await disk.files.syncAll(layout.root).catch(() => false)) return;
      // A second sync of the same pages may report success without having written them: the files are written again.
      canSyncAll = false;
      throw new DependencyError('The file system could not be synced as a whole; each file is synced from now on.', {
        code: 'STORE_FAILED',
        retryable: true,
      });
    }
    const files = touched.filter((one) => !one.gone).map((one) => one.path);
    const folders = new Set(touched.filter((one) => one.gone).map((one) => dirname(one.path)));
    await inParallel(files, (path) => disk.settle(path));
    await inParallel([...folders], (path) => disk.settleFolder(path));
  }

  return {
    due,
    run,
    held,
    async room() {
      while (dirty.bytes() >= terms.waitBytes && disk.stopped() === undefined) if (!(await run())) return;
    },
    stop() {
      stopped = true;
      timer?.cancel();
    },
  };
}
