/**
 * One member of an archive: some runs, a JSON line each, as a gzip file of its own (RFC 1952). Members that follow one another are a gzip
 * file too, which `zcat`, `zgrep` and every library read; and each can be read without those before it. How long it is and which runs lie
 * in it stands in the header's extra field, where such tools pass over it (so do the blocks of BGZF), with a checksum of its own: what was
 * cut off by a crash can be told from what was damaged later.
 */
import { promisify } from 'node:util';
import { crc32, deflateRaw, inflateRaw } from 'node:zlib';
import { z } from 'zod';
import { graft } from '../json.ts';
import { Delivery, Run, RunId } from '../records.ts';

/** What an archive holds of a run: what its two files held. */
export interface ArchivedRun {
  id: string;
  run: Run;
  /** Absent when nothing had happened to any delivery. */
  deliveries?: Delivery[];
}

/** A member as its header says; `removals`: the runs named in it were deleted and count no more. */
export interface MemberHead {
  kind: 'runs' | 'removals';
  /** All of it, the header included. */
  bytes: number;
  lines: number;
  /** The lowest and the highest id in it. */
  first: string;
  last: string;
}

const RunLine = z.object({ id: RunId, run: Run, deliveries: z.array(Delivery).max(100).exactOptional() });
const RemovalLine = z.object({ id: RunId, removed: z.literal(true) });

const ID_BYTES = 30;
// The kind, the length, the number of lines, two ids, the checksum of these.
const EXTRA_BYTES = 1 + 4 + 4 + 2 * ID_BYTES + 4;
// ID1 ID2 CM=deflate FLG=FEXTRA, no time, no hint, an unknown system; XLEN; the subfield "BH" and its length.
const MAGIC = Buffer.from([0x1f, 0x8b, 8, 4, 0, 0, 0, 0, 0, 255, EXTRA_BYTES + 4, 0, 0x42, 0x48, EXTRA_BYTES, 0]);
const TRAILER_BYTES = 8;
export const HEAD_BYTES = MAGIC.length + EXTRA_BYTES;
/** A member holds at most this much JSON, and at least one run, whatever its size. */
const MAX_JSON_BYTES = 128 * 1024;
const MAX_LINES = 256;
/** More than the largest run and its deliveries can take. */
const MAX_MEMBER_BYTES = 64 * 1024 * 1024;

const deflate = promisify(deflateRaw);
const inflate = promisify(inflateRaw);

/** Packs the runs, which are in the order of their ids, into as many members as they need. */
export async function packRuns(entries: readonly ArchivedRun[]): Promise<{ head: MemberHead; bytes: Uint8Array }[]> {
  const members: { head: MemberHead; bytes: Uint8Array }[] = [];
  let lines: Uint8Array[] = [];
  let held: string[] = [];
  let size = 0;
  const end = async (): Promise<void> => {
    if (held.length > 0) members.push(await pack('runs', held, lines));
    lines = [];
    held = [];
    size = 0;
  };
  for (const entry of entries) {
    const line = Buffer.from(`${JSON.stringify(entry)}\n`);
    if (size + line.length > MAX_JSON_BYTES || held.length >= MAX_LINES) await end();
    lines.push(line);
    held.push(entry.id);
    size += line.length;
  }
  await end();
  return members;
}

/** A member that says which runs were deleted; some, and not more than a few hundred. */
export function packRemovals(ids: readonly string[]): Promise<{ head: MemberHead; bytes: Uint8Array }> {
  const lines = ids.map((id) => Buffer.from(`${JSON.stringify({ id, removed: true })}\n`));
  return pack('removals', ids, lines);
}

/** The same member without these runs: itself when it has none of them, undefined when nothing is left. Throws when it is damaged. */
export async function without(
  member: { head: MemberHead; bytes: Uint8Array },
  ids: ReadonlySet<string>,
): Promise<{ head: MemberHead; bytes: Uint8Array } | undefined> {
  const { kind } = member.head;
  const lines = [...linesIn(await unpack(member.bytes))];
  const left = lines.filter(({ id }) => !ids.has(id));
  if (left.length === lines.length) return member;
  if (left.length === 0) return undefined;
  return pack(
    kind,
    left.map(({ id }) => id),
    left.map(({ line }) => line),
  );
}

async function pack(
  kind: MemberHead['kind'],
  ids: readonly string[],
  lines: readonly Uint8Array[],
): Promise<{ head: MemberHead; bytes: Uint8Array }> {
  const json = Buffer.concat(lines);
  const body = await deflate(json);
  const inOrder = [...ids].sort();
  const head: MemberHead = {
    kind,
    bytes: HEAD_BYTES + body.length + TRAILER_BYTES,
    lines: ids.length,
    first: inOrder[0] ?? '',
    last: inOrder.at(-1) ?? '',
  };
  const trailer = Buffer.alloc(TRAILER_BYTES);
  trailer.writeUInt32LE(crc32(json), 0);
  trailer.writeUInt32LE(json.length, 4);
  return { head, bytes: Buffer.concat([MAGIC, extraOf(head), body, trailer]) };
}

function extraOf(head: MemberHead): Buffer {
  const extra = Buffer.alloc(EXTRA_BYTES);
  extra.write(head.kind === 'runs' ? 'r' : 'x', 0, 'latin1');
  extra.writeUInt32LE(head.bytes, 1);
  extra.writeUInt32LE(head.lines, 5);
  extra.write(head.first, 9, 'latin1');
  extra.write(head.last, 9 + ID_BYTES, 'latin1');
  extra.writeUInt32LE(crc32(extra.subarray(0, -4)), EXTRA_BYTES - 4);
  return extra;
}

/** The head of a member that begins with these bytes; undefined when none begins here. */
export function headOf(bytes: Uint8Array): MemberHead | undefined {
  if (bytes.length < HEAD_BYTES || !MAGIC.equals(bytes.subarray(0, MAGIC.length))) return undefined;
  const extra = Buffer.from(bytes.subarray(MAGIC.length, HEAD_BYTES));
  if (extra.readUInt32LE(EXTRA_BYTES - 4) !== crc32(extra.subarray(0, -4))) return undefined;
  const size = extra.readUInt32LE(1);
  if (size > MAX_MEMBER_BYTES) return undefined;
  return {
    kind: extra.toString('latin1', 0, 1) === 'r' ? 'runs' : 'removals',
    bytes: size,
    lines: extra.readUInt32LE(5),
    first: extra.toString('latin1', 9, 9 + ID_BYTES),
    last: extra.toString('latin1', 9 + ID_BYTES, 9 + 2 * ID_BYTES),
  };
}

/** Where the next head begins in these bytes, from `from` on; -1 when none does. */
export function findHead(bytes: Uint8Array, from: number): number {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let at = text.indexOf(MAGIC, from); at !== -1; at = text.indexOf(MAGIC, at + 1)) {
    if (headOf(bytes.subarray(at)) !== undefined) return at;
  }
  return -1;
}

/** Whether these last bytes of a file are what a crash left of a member: its beginning, or zeros where its end should be. */
export function isTorn(rest: Uint8Array): boolean {
  if (endsInZeros(rest)) return true;
  const head = headOf(rest);
  if (head !== undefined) return rest.length < head.bytes;
  const begun = rest.subarray(0, MAGIC.length);
  return rest.length < HEAD_BYTES && MAGIC.subarray(0, begun.length).equals(begun);
}

/** Whether there are zeros where a member ends, which no whole one does. */
export function endsInZeros(bytes: Uint8Array): boolean {
  return bytes.subarray(-TRAILER_BYTES).every((byte) => byte === 0);
}

/** The JSON lines of a member; throws when they are not what was packed. */
export async function unpack(bytes: Uint8Array): Promise<Buffer> {
  const body = bytes.subarray(HEAD_BYTES, -TRAILER_BYTES);
  const json = await inflate(body, { maxOutputLength: MAX_MEMBER_BYTES });
  const trailer = Buffer.from(bytes.subarray(-TRAILER_BYTES));
  if (trailer.readUInt32LE(0) !== crc32(json)) throw new Error('its checksum does not fit');
  if (trailer.readUInt32LE(4) !== json.length) throw new Error('its length does not fit');
  return json;
}

const NEWLINE = 0x0a;
const BEFORE_ID = '{"id":"';

/** The lines of the JSON, each with its id, not parsed. */
export function* linesIn(json: Buffer): Generator<{ id: string; line: Buffer }> {
  for (let at = 0; at < json.length;) {
    const end = json.indexOf(NEWLINE, at) + 1;
    if (end === 0) return;
    const begin = at + BEFORE_ID.length;
    yield { id: json.toString('latin1', begin, begin + ID_BYTES), line: json.subarray(at, end) };
    at = end;
  }
}

/** The line of a run; undefined when it has none. */
export function findLine(json: Buffer, id: string): Buffer | undefined {
  for (const one of linesIn(json)) if (one.id === id) return one.line;
  return undefined;
}

/** The run in a line. Throws when this version cannot read it. */
export function runIn(line: Buffer): ArchivedRun {
  const raw: unknown = JSON.parse(line.toString());
  return graft(RunLine.parse(raw), raw);
}

/** The id in the line of a deleted run. */
export function removalIn(line: Buffer): string {
  return RemovalLine.parse(JSON.parse(line.toString())).id;
}
