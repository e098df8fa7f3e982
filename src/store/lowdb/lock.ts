/**
 * One process holds the folder: SQLite's exclusive lock on the file LOCK, which the kernel takes back at the death of the holder, so
 * that nothing has to be cleaned up after a kill -9 (a pid file or a lock folder wedges, or is stolen from a stalled holder). Not for NFS.
 *
 * Never open and close LOCK with anything else in the holder: closing any descriptor of a file drops the process's POSIX locks on it.
 */
import { hostname } from 'node:os';
import { z } from 'zod';
import { iso } from '../../clock.ts';
import type { Clock } from '../../clock.ts';
import { codeOf, DependencyError, messageOf } from '../../errors.ts';
import { storeError } from './disk.ts';
import type { Files } from './files.ts';
import type { Layout } from './layout.ts';

export interface Lock {
  release(): void;
}

const Holder = z.object({ pid: z.number(), host: z.string(), since: z.string() });
// SQLITE_BUSY of https://www.sqlite.org/rescode.html
const SQLITE_BUSY = 5;

/** Takes the lock or rejects with STORE_LOCKED, naming the holder; never waits. */
export async function takeLock(deps: { files: Files; layout: Layout; clock: Pick<Clock, 'now'> }): Promise<Lock> {
  const { files, layout } = deps;
  await makeLockFile(files, layout);
  const { DatabaseSync } = await import('node:sqlite');
  const database = new DatabaseSync(layout.lock);
  try {
    database.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE');
  } catch (error) {
    database.close();
    if (!isBusy(error)) throw storeError(`The lock ${layout.lock} could not be taken`, error);
    throw lockedBy(layout.root, await readHolder(files, layout.lockInfo));
  }
  await writeHolder(files, layout, iso(deps.clock.now()));
  return { release: () => database.close() };
}

/**
 * Keeps every other process from opening the folder while it is only looked at: SQLite's shared lock, through a descriptor that cannot
 * write, so that not a byte changes. Undefined where that cannot be had: there is no LOCK, or the medium takes no locks. Rejects with
 * STORE_LOCKED like `takeLock`.
 */
export async function shareLock(deps: { files: Files; layout: Layout }): Promise<Lock | undefined> {
  const { files, layout } = deps;
  const { DatabaseSync } = await import('node:sqlite');
  let database: InstanceType<typeof DatabaseSync> | undefined;
  try {
    database = new DatabaseSync(layout.lock, { readOnly: true });
    const held = database;
    // In this mode the lock that the first read takes is kept until the end.
    held.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN; SELECT count(*) FROM sqlite_schema');
    return { release: () => held.close() };
  } catch (error) {
    database?.close();
    if (!isBusy(error)) return undefined;
    throw lockedBy(layout.root, await readHolder(files, layout.lockInfo));
  }
}

async function makeLockFile(files: Files, layout: Layout): Promise<void> {
  try {
    // Only when it is missing: see the warning above. SQLite would make it readable by others.
    await (await files.create(layout.lock)).close();
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw storeError(`The lock ${layout.lock} could not be made`, error);
  }
}

function isBusy(error: unknown): boolean {
  if (typeof error !== 'object' || error === null || !('errcode' in error)) return false;
  return error.errcode === SQLITE_BUSY || messageOf(error).includes('database is locked');
}

function lockedBy(root: string, holder: string): DependencyError {
  const hint = 'Stop that process, or give this one another BELLHOP_DATA_DIR.';
  return new DependencyError(`The data folder ${root} is held by ${holder}.`, { code: 'STORE_LOCKED', hint });
}

async function readHolder(files: Files, path: string): Promise<string> {
  try {
    const holder = Holder.parse(JSON.parse(Buffer.from(await files.read(path, 10_000)).toString()));
    return `process ${holder.pid} on ${holder.host} since ${holder.since}`;
  } catch {
    // The note is only there for the message; the lock itself does not depend on it.
    return 'another process';
  }
}

async function writeHolder(files: Files, layout: Layout, since: string): Promise<void> {
  const temp = `${layout.root}/.tmp-${process.pid}-holder`;
  const text = `${JSON.stringify({ pid: process.pid, host: hostname(), since })}\n`;
  try {
    const file = await files.create(temp);
    try {
      await file.write(Buffer.from(text), 0);
    } finally {
      await file.close();
    }
    await files.rename(temp, layout.lockInfo);
  } catch {
    // A full disk must not keep the store from opening; the next one refused reads an old note, or none.
    await files.unlink(temp).catch(() => undefined);
  }
}
