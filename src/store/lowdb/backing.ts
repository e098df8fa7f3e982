/**
 * The backing of files: every record is a lowdb database of one file, and the rename of that file is the commit. One change is atomic;
 * several are not (a journal in front will make them so), hence each verb of the store is one change.
 *
 * What a crash leaves, and who completes it at the next open: an audit entry inside its record (moved to the audit file), a removed run's
 * tombstone (its deliveries go, then the tombstone itself), a temp file (swept), a stale index (rebuilt).
 */
import { DependencyError, messageOf } from '../../errors.ts';
import type { Clock } from '../../clock.ts';
import type { Log } from '../../log.ts';
import type { Backing, Change, IndexImage, Loaded } from '../backing.ts';
import type { AuditEntry, Run } from '../records.ts';
import { createAuditLog } from './audit-log.ts';
import { createDisk } from './disk.ts';
import type { Files } from './files.ts';
import { deliveriesForm, docForm, isTombstone, recordForm, runOf } from './forms.ts';
import { readFormat, writeFormat } from './format.ts';
import { readIndex, unmark, writeIndex } from './index-file.ts';
import { layoutOf } from './layout.ts';
import { loadByIndex, loadByRecords, loadDocs, readDeliveries, readRecord, sweepRoot } from './load.ts';
import type { Found, LoadDeps } from './load.ts';
import type { Lock } from './lock.ts';
import { createQuarantine } from './quarantine.ts';
import { fileDb, writeFileDb } from './record-file.ts';

export interface LowdbDeps {
  files: Files;
  clock: Clock;
  log: Log;
  /** The version of the program, for FORMAT.json. */
  version: string;
  keyWindowMs: number;
  /** Takes the lock of the folder. */
  lock: () => Promise<Lock>;
}

/** Opens the folder `root`, which exists; rejects with STORE_LOCKED, STORE_TOO_NEW, STORE_FULL (a new folder only) or STORE_FAILED. */
export async function openLowdb(root: string, deps: LowdbDeps): Promise<{ backing: Backing; loaded: Loaded }> {
  const { files, clock, log } = deps;
  const layout = layoutOf(root);
  const storeId = await readFormat(files, layout);
  const lock = await deps.lock();
  try {
    const disk = createDisk({ files, log, root });
    if (storeId === undefined) await writeFormat(disk, layout, deps.version);
    const quarantine = createQuarantine({ disk, layout, clock, log });
    await quarantine.look();
    const image = await readIndex(files, layout);
    await unmark(disk, layout);
    const load: LoadDeps = {
      disk,
      layout,
      quarantine,
      clock,
      log,
      whenUnreadable: 'leave out',
      keyWindowMs: deps.keyWindowMs,
    };
    await sweepRoot(load);
    const found = image === undefined ? await loadByRecords(load) : await loadByIndex(load, image);
    const docs = await loadDocs(load);
    const backing = createBacking({ load: { ...load, whenUnreadable: 'throw' }, lock });
    await backing.complete(found);
    const { audits: _audits, tombstones: _tombstones, ...parts } = found;
    return { backing, loaded: { ...parts, docs, quarantined: quarantine.taken(), rebuilt: image === undefined } };
  } catch (error) {
    lock.release();
    throw error;
  }
}

function createBacking(parts: { load: LoadDeps; lock: Lock }): Backing & { complete(found: Found): Promise<void> } {
  const { load, lock } = parts;
  const { disk, layout, log, quarantine } = load;
  const auditLog = createAuditLog({ disk, layout, log });
  /** Entries that are durable inside their record and not yet in the audit file. */
  const pending = new Map<string, readonly AuditEntry[]>();
  /** Removed runs of which something is still on disk. */
  const leftovers = new Map<string, { keyUntil: number }>();
  const background = new Set<Promise<void>>();

  async function writeRun(run: Run, audit: AuditEntry | undefined): Promise<void> {
    const entries = [...(pending.get(run.id) ?? []), ...(audit === undefined ? [] : [audit])];
    const db = fileDb(disk, layout.record(run.id), recordForm);
    await writeFileDb(db, { ...run, ...(entries.length === 0 ? {} : { pendingAudit: entries }) });
    if (audit === undefined) return;
    pending.set(run.id, entries);
    inBackground(moveAudit(run.id));
  }

  /** Brings the entries of a run to the audit file; what fails stays in the record, and is tried again by `tidy` and at open. */
  async function moveAudit(runId: string): Promise<void> {
    for (const entry of pending.get(runId) ?? []) {
      await auditLog.append(entry);
      const left = (pending.get(runId) ?? []).filter((other) => other.id !== entry.id);
      if (left.length === 0) pending.delete(runId);
      else pending.set(runId, left);
    }
  }

  async function removeRun(change: Extract<Change, { kind: 'removal' }>): Promise<void> {
    const { run, keyUntil } = change.tombstone;
    const entries = [...(pending.get(run.id) ?? []), change.audit];
    const tombstone = { v: 1, id: run.id, removed: true, keyUntil, run, pendingAudit: entries } as const;
    await writeFileDb(fileDb(disk, layout.record(run.id), recordForm), tombstone);
    // From here on the run is removed, whatever fails: the rest is clean-up.
    pending.set(run.id, entries);
    leftovers.set(run.id, { keyUntil });
    await quietly('a removed run left files behind for now', () => finishRemoval(run.id));
  }
  /** In this order: the tombstone is what remembers the rest. */
  async function finishRemoval(runId: string): Promise<void> {
    const left = leftovers.get(runId);
    if (left === undefined) return;
    await moveAudit(runId);
    await disk.remove(layout.deliveriesOf(runId));
    if (left.keyUntil === 0) await disk.remove(layout.record(runId));
    leftovers.delete(runId);
  }

  function apply(change: Change): Promise<void> {
    switch (change.kind) {
      case 'run':
        return writeRun(change.run, change.audit);
      case 'deliveries': {
        const { runId } = change;
        const db = fileDb(disk, layout.deliveriesOf(runId), deliveriesForm);
        return writeFileDb(db, { v: 1, runId, deliveries: [...change.deliveries] });
      }
      case 'removal':
        return removeRun(change);
      case 'forget':
        leftovers.set(change.runId, { keyUntil: 0 });
        return finishRemoval(change.runId);
      case 'doc':
        return writeFileDb(fileDb(disk, layout.doc(change.doc.kind, change.doc.key), docForm), change.doc);
      case 'doc-removal':
        return disk.remove(layout.doc(change.docKind, change.key));
      case 'audit':
        return auditLog.append(change.entry);
      case 'events':
        return Promise.resolve();
      default:
        return change satisfies never;
    }
  }

  /** Finishes what a crash interrupted; a disk that is full now does not stop the start. */
  async function complete(found: Found): Promise<void> {
    for (const { runId, entries } of found.audits) {
      await quietly('audit entries wait in their record', async () => {
        pending.set(runId, entries);
        await moveAudit(runId);
      });
    }
    const now = load.clock.now();
    for (const { id, keyUntil } of found.tombstones) {
      leftovers.set(id, { keyUntil: keyUntil > now ? keyUntil : 0 });
      await quietly('a removed run left files behind for now', () => finishRemoval(id));
    }
  }
  async function quietly(what: string, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      log.warn(what, { error });
    }
  }
  function inBackground(work: Promise<void>): void {
    const mine = quietly('an audit entry waits in its record', () => work).finally(() => background.delete(mine));
    background.add(mine);
  }
  async function tidy(): Promise<void> {
    if (disk.stopped() !== undefined) return;
    await Promise.all(background);
    for (const runId of pending.keys()) await quietly('an audit entry waits in its record', () => moveAudit(runId));
    for (const runId of leftovers.keys()) {
      await quietly('a removed run left files behind for now', () => finishRemoval(runId));
    }
  }
  async function close(image: IndexImage): Promise<void> {
    await tidy();
    await auditLog.idle();
    // The mark promises that nothing is left to complete.
    if (disk.stopped() === undefined && pending.size === 0 && leftovers.size === 0) {
      await quietly('the index could not be kept; the next start reads the records', () =>
        writeIndex(disk, layout, image),
      );
    }
    lock.release();
  }

  return {
    complete,
    held: (work) => work(),
    async commit(changes) {
      disk.check();
      for (const change of changes) await apply(change);
    },
    async readRun(runId) {
      const record = await readRecord(load, runId);
      return record === undefined || isTombstone(record) ? undefined : runOf(record);
    },
    readDeliveries: (runId) => readDeliveries(load, runId),
    tidy,
    health() {
      const reason = disk.stopped();
      const quarantined = quarantine.count();
      return reason === undefined ? { state: 'ready', quarantined } : { state: 'failed', reason, quarantined };
    },
    close,
  };
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
