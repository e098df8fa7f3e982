/**
 * The lowdb adapter: one database a file. lowdb's own file adapter writes without fsync, uses one fixed temp name a file, and takes a
 * file that holds `null` for an empty one; so the durability and the reading are ours, through lowdb's documented extension point.
 */
import { Low } from 'lowdb';
import type { Adapter } from 'lowdb';
import type { ZodType } from 'zod';
import { codeOf, DependencyError, messageOf } from '../../errors.ts';
import { graft } from '../json.ts';
import { storeError } from './disk.ts';
import type { Disk } from './disk.ts';

// Twice what the largest record can take when it is indented; a larger file is none of ours.
const MAX_FILE_BYTES = 64 * 1024 * 1024;

export interface FileSchema<T> {
  schema: ZodType<T>;
  /** The keys at the top, in the order in which they are written; others follow. */
  order: readonly string[];
}

/** A database of one file; `data` is null while there is no such file. */
export function fileDb<T>(disk: Disk, path: string, form: FileSchema<T>): Low<T | null> {
  const adapter: Adapter<T | null> = {
    read: () => readRecord(disk, path, form.schema),
    write: (data) => disk.write(path, `${JSON.stringify(inOrder(data, form.order), null, 2)}\n`),
  };
  return new Low<T | null>(adapter, null);
}

/** Reads through lowdb: what the file holds, or undefined when there is none. Throws STORE_CORRUPT with the reason. */
export async function readFileDb<T>(disk: Disk, path: string, form: FileSchema<T>): Promise<T | undefined> {
  const db = fileDb(disk, path, form);
  await db.read();
  return db.data ?? undefined;
}

/** Writes through lowdb; durable when it resolves. */
export async function writeFileDb<T>(db: Low<T | null>, data: NoInfer<T>): Promise<void> {
  db.data = data;
  await db.write();
}

async function readRecord<T>(disk: Disk, path: string, schema: ZodType<T>): Promise<T | null> {
  let bytes: Uint8Array;
  try {
    bytes = await disk.files.read(path, MAX_FILE_BYTES);
  } catch (error) {
    const code = codeOf(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') return null;
    if (code === 'EFBIG') throw corrupt(path, 'it is too large for a record', error);
    throw storeError(`${path} could not be read`, error);
  }
  if (bytes.length === 0) throw corrupt(path, 'it is empty');
  if (bytes.every((byte) => byte === 0)) throw corrupt(path, 'it holds only zero bytes');
  let raw: unknown;
  try {
    raw = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    throw corrupt(path, `it is not JSON (${messageOf(error)})`, error);
  }
  const parsed = schema.safeParse(raw);
  if (parsed.success) return graft(parsed.data, raw);
  const issue = parsed.error.issues[0];
  const where = issue === undefined || issue.path.length === 0 ? 'the top' : issue.path.join('.');
  throw corrupt(path, `it does not fit the schema at ${where}: ${issue?.message ?? 'unknown problem'}`);
}

function corrupt(path: string, reason: string, cause?: unknown): DependencyError {
  return new DependencyError(`${path} is not a record: ${reason}.`, { code: 'STORE_CORRUPT', cause });
}

/** Fixed order at the top, so that two versions of a record can be compared line by line. */
function inOrder(data: unknown, order: readonly string[]): unknown {
  if (typeof data !== 'object' || data === null) return data;
  const fields = new Map<string, unknown>(Object.entries(data));
  const names = [
    ...order.filter((name) => fields.has(name)),
    ...[...fields.keys()].filter((name) => !order.includes(name)),
  ];
  return Object.fromEntries(names.map((name) => [name, fields.get(name)]));
}
