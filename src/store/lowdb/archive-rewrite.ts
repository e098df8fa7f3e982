/**
 * Writes a month of the archive anew without the runs that were deleted, a part at a time, beside the one that is read meanwhile. What comes
 * to the month in between is taken along, as it lies behind what was taken already. A crash leaves a temp file, which the next open sweeps.
 */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { without } from './archive-member.ts';
import type { Member, MonthIndex } from './archive-index.ts';
import type { Month } from './archive-month.ts';
import { storeError, writeAll } from './disk.ts';
import type { Disk } from './disk.ts';
import type { OpenFile } from './files.ts';
import type { Layout } from './layout.ts';

export interface Rewrite {
  month: Month;
  /** Takes some more; true when the month is in its place. Nobody else may write the month or copy the folder during the call. */
  step(): Promise<boolean>;
  /** Lets it be. */
  drop(): Promise<void>;
}

/** So much is read a step, about. */
const STEP_BYTES = 4 * 1024 * 1024;

/** Begins to write the month anew. */
export async function beginRewrite(deps: { disk: Disk; layout: Layout }, month: Month): Promise<Rewrite> {
  const { disk, layout } = deps;
  const old = await month.index();
  const dead = new Set(old.removed);
  const next: MonthIndex = { members: [], removed: new Set(), end: 0, size: 0 };
  const temps = join(layout.root, 'tmp');
  const temp = join(temps, `.tmp-${process.pid}-${randomBytes(4).toString('hex')}-${month.name}`);
  await disk.folder(temps);
  const file = await onDisk(temp, disk.files.create(temp));
  let open: OpenFile | undefined = file;
  let taken = 0;

  async function close(): Promise<void> {
    const mine = open;
    open = undefined;
    await mine?.close();
  }
  async function copy(member: Member): Promise<void> {
    const bytes = await month.bytesOf(member);
    const left = await cleaned(member, bytes);
    if (left === undefined) return;
    await onDisk(temp, writeAll(file, left.bytes));
    next.members.push({ ...left.member, at: next.end, bytes: left.bytes.length });
    next.end += left.bytes.length;
    next.size = next.end;
  }
  async function cleaned(
    member: Member,
    bytes: Uint8Array,
  ): Promise<{ member: Member; bytes: Uint8Array } | undefined> {
    const { kind } = member;
    if (kind === 'gap' || ![...dead].some((id) => member.first <= id && id <= member.last)) return { member, bytes };
    try {
      const left = await without({ head: { ...member, kind }, bytes }, dead);
      return left === undefined ? undefined : { member: { ...member, ...left.head }, bytes: left.bytes };
    } catch {
      // A damaged member is kept as it is: nobody can say what of it is to go.
      return { member, bytes };
    }
  }
  return {
    month,
    async step() {
      if ((await month.index()) !== old) throw new Error('the month was read anew meanwhile');
      for (let read = 0; taken < old.members.length && read < STEP_BYTES; taken++) {
        const member = old.members[taken];
        if (member === undefined) continue;
        await copy(member);
        read += member.bytes;
      }
      if (taken < old.members.length) return false;
      await close();
      await disk.settle(temp);
      for (const id of old.removed) if (!dead.has(id)) next.removed.add(id);
      await month.replace(temp, next);
      return true;
    },
    async drop() {
      await close();
      await disk.files.unlink(temp).catch(() => undefined);
    },
  };
}

async function onDisk<T>(temp: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw storeError(`${temp} could not be written`, error);
  }
}
