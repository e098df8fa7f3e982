/**
 * The backing of files: every commit is one line of the journal, and every record is a lowdb database of one file, to which a checkpoint
 * brings its newest state. What a crash leaves is completed at open: the journal is applied again over the files.
 */
import { DependencyError, messageOf } from '../../errors.ts';
import type { Clock } from '../../clock.ts';
import type { Log } from '../../log.ts';
import type { Backing, Change, KeyEntry, Loaded } from '../backing.ts';
import type { StoreOptions } from '../core.ts';
import { openArchive } from './archive.ts';
import type { Archive } from './archive.ts';
import { createArchivePass } from './archive-pass.ts';
import { createAuditLog } from './audit-log.ts';
import type { AuditLog } from './audit-log.ts';
import { copyStore } from './backup.ts';
import { createBlobFiles } from './blobs.ts';
import { createCheckpointer } from './checkpoint.ts';
import type { Checkpointer } from './checkpoint.ts';
import { createDirty } from './dirty.ts';
import type { Dirty } from './dirty.ts';
import { createDisk, isFull } from './disk.ts';
import type { Disk } from './disk.ts';
import { openEventLog, withReplayed } from './events.ts';
import type { EventLog } from './events.ts';
import type { Files } from './files.ts';
import { isTombstone, runOf } from './forms.ts';
import { readFormat, writeFormat } from './format.ts';
import { openHistory } from './history.ts';
import type { History } from './history.ts';
import { createJournal } from './journal.ts';
import type { Journal } from './journal.ts';
import { createKeyLog } from './key-log.ts';
import type { KeyLog } from './key-log.ts';
import { layoutOf } from './layout.ts';
import type { Layout } from './layout.ts';
import { inParallel, loadDocs, readDeliveries, readRecord, sweepTemps } from './load.ts';
import type { LoadDeps } from './load.ts';
import type { Lock } from './lock.ts';
import { checkLocal } from './network-disk.ts';
import type { NetworkDisk } from './network-disk.ts';
import type { Placer } from './placer.ts';
import { createQuarantine } from './quarantine.ts';
import { createSpace } from './space.ts';
import type { Space } from './space.ts';

export interface LowdbDeps {
  files: Files;
  /** Places many files at once; without it each is placed by the calls of `files`. */
  placer?: Placer;
  clock: Clock;
  log: Log;
  /** The version of the program, for FORMAT.json. */
  version: string;
  options: StoreOptions;
  /** What to do with a folder that is not on a disk of this machine. */
  networkDisk: NetworkDisk;
  /** Takes the lock of the folder. */
  lock: () => Promise<Lock>;
}

const DAMAGED = 'The journal was damaged; what could be read of it is in force, and a copy lies in the quarantine.';
const CHECKPOINT_BYTES = 8 * 1024 * 1024;

/** Opens the folder `root`, which exists; rejects with STORE_NETWORK_DISK, STORE_LOCKED, STORE_TOO_NEW, STORE_FULL (a new folder only) or STORE_FAILED. */
export async function openLowdb(root: string, deps: LowdbDeps): Promise<{ backing: Backing; loaded: Loaded }> {
  const layout = layoutOf(root);
  await checkLocal(root, deps);
  await readFormat(deps.files, layout);
  const lock = await deps.lock();
  try {
    return await openHeld(layout, deps, lock);
  } catch (error) {
    lock.release();
    throw error;
  }
}

async function openHeld(layout: Layout, deps: LowdbDeps, lock: Lock): ReturnType<typeof openLowdb> {
  const { files, clock, log, options } = deps;
  const { placer } = deps;
  const disk = createDisk({ files, log, root: layout.root, ...(placer === undefined ? {} : { placer }) });
  const space = await claimFolder({ disk, layout, log }, deps);
  const quarantine = createQuarantine({ disk, layout, clock, log });
  await quarantine.look();
  const dirty = createDirty(options.keyWindowMs);
  const { keyWindowMs } = options;
  const archive = await openArchive({ disk, layout, quarantine });
  const own = { disk, dirty, layout, archive, quarantine, clock, log, keyWindowMs };
  const load: LoadDeps = { ...own, whenUnreadable: 'leave out' };
  await sweepTemps(load);
  const audit = createAuditLog({ disk, layout, log });
  const history = await openHistory(load, { audit });
  const docs = await loadDocs(load);
  const { eventLog, past } = await openEventLog({
    disk,
    clock,
    folder: layout.events,
    keep: options.eventsKept,
    keepMs: options.eventsKeepMs,
  });
  const events = withReplayed(past, dirty.events());
  const logs = { audit, events: eventLog, keys: createKeyLog({ disk, layout }) };
  const storeId = (await readFormat(files, layout))?.storeId ?? '';
  const parts = {
    load: { ...load, whenUnreadable: 'throw' as const },
    archive,
    lock,
    space,
    options,
    logs,
    clock,
    storeId,
    placer,
  };
  const { unfinished, deliveries } = history.found;
  const backing = createBacking(parts, history);
  const loaded: Loaded = {
    unfinished,
    deliveries,
    docs,
    quarantined: quarantine.taken(),
    rebuilt: history.rebuilt,
    ...(events === undefined ? {} : { events }),
  };
  return { backing, loaded };
}

/** Marks the folder as of this format before anything else is written, and lays the reserve down. */
async function claimFolder(parts: { disk: Disk; layout: Layout; log: Log }, deps: LowdbDeps): Promise<Space> {
  const { disk, layout } = parts;
  let found = await readFormat(disk.files, layout);
  const { version, options } = deps;
  if (found === undefined) await writeFormat(disk, layout, { version });
  const owed = async (): Promise<void> => {
    if (found?.older !== true) return;
    await writeFormat(disk, layout, { version, storeId: found.storeId });
    found = { ...found, older: false };
  };
  const space = createSpace(parts, { reserveBytes: options.reserveBytes, owed });
  await space.prepare();
  return space;
}

interface Parts {
  load: LoadDeps;
  archive: Archive;
  lock: Lock;
  space: Space;
  options: LowdbDeps['options'];
  logs: { audit: AuditLog; events: EventLog; keys: KeyLog };
  clock: Clock;
  storeId: string;
  placer: Placer | undefined;
}

function createBacking(parts: Parts, history: History): Backing {
  const { keeper } = history;
  const { load, archive, lock, space, options, logs, clock, placer } = parts;
  const { disk, layout, log, quarantine, dirty } = load;
  const journal: Journal = createJournal(
    {
      disk,
      layout,
      log,
      apply({ changes, bytes }) {
        dirty.apply(changes, bytes);
        keeper.apply(changes);
        checkpointer.due();
      },
      roomBytes: options.journalRoomBytes,
      room: () => checkpointer.room(),
    },
    history.replayed,
  );
  const checkpointer: Checkpointer = createCheckpointer(
    { disk, layout, clock, log, dirty, journal, logs, space, index: keeper, archive },
    {
      delayMs: options.checkpointMs,
      soonBytes: Math.min(CHECKPOINT_BYTES, options.maxDirtyBytes / 2),
      waitBytes: options.maxDirtyBytes / 2,
    },
  );
  if (!dirty.isEmpty() || keeper.isDirty()) checkpointer.due();
  const pass = createArchivePass(
    { load, archive, index: keeper.index, held: (work) => checkpointer.held(work), space, clock },
    // A key never outlives what answers for it.
    { afterMs: Math.max(options.archiveAfterMs, options.keyWindowMs) },
  );

  async function commit(changes: readonly Change[]): Promise<void> {
    disk.check();
    // Without an await where there is room: the lines stand in the order in which their events were numbered.
    if (space.reason() !== undefined) await space.admit(changes);
    checkLoad(dirty, journal, options.maxDirtyBytes);
    try {
      await journal.append(changes);
    } catch (error) {
      if (!isFull(error) || disk.stopped() !== undefined || !(await space.ranOut())) throw error;
      // The reserve made room: what frees space may go on, the rest waits for the operator.
      await space.admit(changes);
      await journal.append(changes);
    }
  }
  async function tidy(): Promise<void> {
    if (disk.stopped() !== undefined) return;
    await space.heal().catch((error: unknown) => log.warn('the folder cannot be written yet', { error }));
    // What was changed goes first: packing can wait until the disk takes that again.
    if (await checkpointer.run('calmly')) await pass.run();
    await placer?.rest();
  }
  async function close(): Promise<void> {
    await pass.close();
    checkpointer.stop();
    await checkpointer.run();
    await placer?.close();
    try {
      await journal.close();
      if (dirty.isEmpty() && disk.stopped() === undefined) await journal.release(journal.applied(), 'all');
    } catch (error) {
      log.warn('the journal could not be closed; the next start reads it', { error });
    }
    lock.release();
  }

  async function readKeys(): Promise<KeyEntry[]> {
    const newest = dirty.keys();
    const { lines, over } = await logs.keys.read(clock.now());
    const forgotten = over.filter((one) => one.removed).map(({ runId }): Change => ({ kind: 'forget', runId }));
    if (forgotten.length > 0) dirty.apply(forgotten, 0);
    const entries = new Map([...lines, ...newest].map((line) => [line.key, line]));
    const found: KeyEntry[] = [];
    await inParallel([...entries.values()], async ({ removed, ...entry }) => {
      const record = removed ? await readRecord(load, entry.runId) : undefined;
      found.push({ ...entry, ...(record !== undefined && isTombstone(record) ? { removed: record.run } : {}) });
    });
    return found;
  }

  return {
    mark: () => ({ storeId: parts.storeId, commits: journal.applied() }),
    index: keeper.index,
    readKeys,
    commit,
    async readRun(runId) {
      const record = await readRecord(load, runId);
      return record === undefined || isTombstone(record) ? undefined : runOf(record);
    },
    readDeliveries: (runId) => readDeliveries(load, runId),
    readAudit: () => logs.audit.all(dirty.audits()),
    blobs: createBlobFiles({ disk, root: layout.blobs }),
    tidy,
    held: (work) => checkpointer.held(work),
    backup: (dir, signal) =>
      checkpointer.held(() => copyStore({ files: disk.files, layout, clock: load.clock }, dir, signal)),
    health() {
      const quarantined = quarantine.count();
      const failure = disk.stopped();
      if (failure !== undefined) return { state: 'failed', reason: failure, quarantined };
      const full = space.reason();
      if (full !== undefined) return { state: 'read_only', reason: full, quarantined };
      const reason = history.replayed.damaged ? DAMAGED : archive.damage();
      return { state: 'ready', quarantined, ...(reason === undefined ? {} : { reason }) };
    },
    close,
  };
}

function checkLoad(dirty: Dirty, journal: Journal, limit: number): void {
  const held = dirty.bytes() + journal.waiting();
  if (held < limit) return;
  throw new DependencyError(`The store holds ${held} bytes of changes that the disk has not taken yet.`, {
    code: 'OVERLOADED',
    retryable: true,
    hint: 'Try again in a moment; a faster disk takes more.',
  });
}

/** The folder of the store, made with its parents when it is missing; mode 0700. */
export async function makeRoot(root: string, make: (path: string) => Promise<unknown>): Promise<void> {
  try {
    await make(root);
  } catch (error) {
    throw new DependencyError(`The data folder ${root} could not be made: ${messageOf(error)}`, {
      code: 'STORE_FAILED',
      hint: 'Set BELLHOP_DATA_DIR to a folder that this user may write.',
      cause: error,
    });
  }
}
