/**
 * Where in a month of the archive which runs lie: read from the heads of its members, one after the other. A copy of that lies beside the
 * month, so that a start need not do it again. It is derived: what it does not know yet is read on from its end, and one that does not fit
 * is not used.
 */
import { z } from 'zod';
import { codeOf } from '../../errors.ts';
import { endsInZeros, findHead, HEAD_BYTES, headOf, isTorn, linesIn, removalIn, unpack } from './archive-member.ts';
import type { MemberHead } from './archive-member.ts';
import { storeError } from './disk.ts';
import type { Disk } from './disk.ts';
import { lineOf, linesOf } from './line.ts';

/** A member and where it begins; `gap`: bytes between members that are none, which are left as they are. */
export interface Member extends Omit<MemberHead, 'kind'> {
  kind: MemberHead['kind'] | 'gap';
  at: number;
}

export interface MonthIndex {
  members: Member[];
  /** Runs that were deleted and whose bytes may still be there. */
  removed: Set<string>;
  /** Behind the last member. */
  end: number;
  /** The length of the file: beyond `end` is what a crash cut off. */
  size: number;
}

const Place = z.tuple([
  z.number(),
  z.number(),
  z.enum(['runs', 'removals', 'gap']),
  z.number(),
  z.string(),
  z.string(),
]);
const Copy = z.object({ v: z.literal(1), end: z.number(), members: z.array(Place), removed: z.array(z.string()) });

const MAX_COPY_BYTES = 256 * 1024 * 1024;
/** More than one append leaves behind when it is cut off. */
const MAX_TORN_BYTES = 16 * 1024 * 1024;

const NO_MEMBER = 'no gzip member of ours begins there';

interface Paths {
  month: string;
  index: string;
}
interface ReadDeps {
  disk: Disk;
  paths: Paths;
  /** Is told what is damaged, and where. */
  damaged: (at: number, reason: string) => void;
}

/** Reads where everything lies. `anew`: without the copy. Rejects with STORE_FAILED when the file cannot be read. */
export async function readIndex(deps: ReadDeps, from: 'the copy' | 'anew'): Promise<MonthIndex> {
  const { disk, paths } = deps;
  const size = await sizeOf(disk, paths.month);
  const found = from === 'anew' ? undefined : await readCopy(deps, size);
  const index = found ?? { members: [], removed: new Set<string>(), end: 0, size };
  while (index.end < size) {
    const head = headOf(await sliceOf(deps, index.end, HEAD_BYTES));
    const member: Member | undefined =
      head === undefined || index.end + head.bytes > size || (await endsTorn(deps, { at: index.end, ...head }, size))
        ? await resync(deps, index.end, size)
        : { at: index.end, ...head };
    if (member === undefined) break;
    if (member.kind === 'removals') for (const id of await removalsIn(deps, member)) index.removed.add(id);
    index.members.push(member);
    index.end = member.at + member.bytes;
  }
  return index;
}

/** The last member of a file may have its head and its length, and zeros for the rest: the power went before its sync. */
async function endsTorn(deps: ReadDeps, member: Member, size: number): Promise<boolean> {
  if (member.at + member.bytes !== size) return false;
  return endsInZeros(await sliceOf(deps, size - 8, 8));
}

/** What is no member up to where one begins again; undefined when nothing follows but what a crash cut off. */
async function resync(deps: ReadDeps, at: number, size: number): Promise<Member | undefined> {
  const rest = await sliceOf(deps, at, Math.min(size - at, MAX_TORN_BYTES));
  const next = findHead(rest, 1);
  if (next === -1 && rest.length === size - at && isTorn(rest)) return undefined;
  const bytes = next === -1 ? size - at : next;
  deps.damaged(at, NO_MEMBER);
  return { kind: 'gap', at, bytes, lines: 0, first: '', last: '' };
}

async function removalsIn(deps: ReadDeps, member: Member): Promise<string[]> {
  const bytes = await sliceOf(deps, member.at, member.bytes);
  try {
    return [...linesIn(await unpack(bytes))].map(({ line }) => removalIn(line));
  } catch (error) {
    deps.damaged(member.at, String(error));
    return [];
  }
}

async function readCopy(deps: ReadDeps, size: number): Promise<MonthIndex | undefined> {
  const bytes = await deps.disk.files.read(deps.paths.index, MAX_COPY_BYTES).catch(() => new Uint8Array());
  const [line] = linesOf(bytes);
  const parsed = Copy.safeParse(line?.value);
  if (!parsed.success || parsed.data.end > size) return undefined;
  const members = parsed.data.members.map(([at, length, kind, lines, first, last]): Member => {
    return { at, bytes: length, kind, lines, first, last };
  });
  const last = members.at(-1);
  // Of another file, or of another time of this one.
  if (last !== undefined && last.kind !== 'gap' && !(await begins(deps, last))) return undefined;
  for (const { kind, at } of members) if (kind === 'gap') deps.damaged(at, NO_MEMBER);
  return { members, removed: new Set(parsed.data.removed), end: parsed.data.end, size };
}

async function begins(deps: ReadDeps, member: Member): Promise<boolean> {
  return isAt(await sliceOf(deps, member.at, HEAD_BYTES), member);
}

/** Whether these bytes begin with that member. */
export function isAt(bytes: Uint8Array, member: Member): boolean {
  const head = headOf(bytes);
  return head !== undefined && head.bytes === member.bytes && head.first === member.first && head.last === member.last;
}

/** Puts the copy beside the month; nothing needs it to be durable. */
export async function writeCopy(disk: Disk, paths: Paths, { members, removed, end }: MonthIndex): Promise<void> {
  const places = members.map(({ at, bytes, kind, lines, first, last }) => [at, bytes, kind, lines, first, last]);
  await disk.place(paths.index, lineOf(JSON.stringify({ v: 1, end, members: places, removed: [...removed] })));
}

async function sizeOf(disk: Disk, path: string): Promise<number> {
  try {
    const { from, bytes } = await disk.files.tail(path, 1);
    return from + bytes.length;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return 0;
    throw storeError(`${path} could not be read`, error);
  }
}

async function sliceOf(deps: ReadDeps, from: number, length: number): Promise<Uint8Array> {
  const path = deps.paths.month;
  try {
    return await deps.disk.files.readPart(path, from, length);
  } catch (error) {
    throw storeError(`${path} could not be read`, error);
  }
}
