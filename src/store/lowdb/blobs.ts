/**
 * Blobs as files: `blobs/ab/<sha256>` holds the bytes, and each empty `blobs/ab/<sha256>.<run>` beside it says that a run names them. So
 * who names a blob is known without reading any record.
 */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { codeOf, DependencyError } from '../../errors.ts';
import type { BlobShelf, StagedBlob } from '../blobs.ts';
import { storeError, writeAll } from './disk.ts';
import type { Disk } from './disk.ts';
import { TEMP_FILE } from './layout.ts';

const BLOB_FILE = /^([0-9a-f]{64})(?:\.(run_[0-9a-z]{26}))?$/;
const PART_BYTES = 256 * 1024;

/** Makes the shelf of the folder `root`. */
export function createBlobFiles({ disk, root }: { disk: Disk; root: string }): BlobShelf {
  const { files } = disk;
  let count = 0;
  let swept: Promise<void> | undefined;
  const folderOf = (sha256: string): string => join(root, sha256.slice(0, 2));
  const pathOf = (sha256: string): string => join(folderOf(sha256), sha256);
  const nameOf = (sha256: string, runId: string): string => `${pathOf(sha256)}.${runId}`;

  async function list(folder: string): ReturnType<typeof files.list> {
    return files.list(folder).catch((error: unknown) => {
      if (codeOf(error) === 'ENOENT') return [];
      throw storeError(`${folder} could not be listed`, error);
    });
  }
  /** Once a life, before its first blob: what a crash cut off. */
  async function sweep(): Promise<void> {
    const parts = (await list(root)).filter(({ kind }) => kind === 'folder').map(({ name }) => join(root, name));
    for (const folder of [root, ...parts]) {
      for (const { name } of await list(folder)) if (TEMP_FILE.test(name)) await discard(join(folder, name));
    }
  }

  async function writeTemp(temp: string, source: AsyncIterable<Uint8Array>, limit: number): Promise<[string, number]> {
    const hash = createHash('sha256');
    let bytes = 0;
    const file = await onDisk(files.create(temp));
    try {
      for await (const chunk of source) {
        bytes += chunk.length;
        if (bytes > limit) break;
        hash.update(chunk);
        await onDisk(writeAll(file, chunk));
      }
      if (bytes <= limit) await disk.orStop(`fsync of ${temp}`, () => file.sync());
    } finally {
      await file.close();
    }
    return [hash.digest('hex'), bytes];
  }
  /** What the giver of the bytes throws stays what it is. */
  async function onDisk<T>(work: Promise<T>): Promise<T> {
    try {
      return await work;
    } catch (error) {
      throw storeError('A blob could not be written', error);
    }
  }
  async function discard(temp: string): Promise<void> {
    await files.unlink(temp).catch(() => undefined);
  }
  function staged(temp: string, sha256: string, bytes: number): StagedBlob {
    return {
      sha256,
      bytes,
      async keep() {
        try {
          await disk.folder(folderOf(sha256));
          await files.rename(temp, pathOf(sha256));
        } catch (error) {
          await discard(temp);
          throw storeError(`The blob ${sha256} could not be kept`, error);
        }
        await disk.orStop(`fsync of ${folderOf(sha256)}`, () => files.syncFolder(folderOf(sha256)));
      },
      discard: () => discard(temp),
    };
  }
  const readPart = (sha256: string, from: number): Promise<Uint8Array> =>
    files.readPart(pathOf(sha256), from, PART_BYTES);
  /** Each part is handed out when the next one is there: so the last one waits until all of them are checked. */
  async function* partsOf(sha256: string, first: Uint8Array): AsyncGenerator<Uint8Array> {
    const hash = createHash('sha256');
    let part = first;
    for (let from = part.length; part.length > 0; from += part.length) {
      hash.update(part);
      const next = await readPart(sha256, from).catch((error: unknown) => {
        throw storeError(`The blob ${sha256} could not be read`, error);
      });
      if (next.length === 0) break;
      yield part;
      part = next;
    }
    if (hash.digest('hex') !== sha256) {
      throw new DependencyError(`The blob ${sha256} does not hold what it was given.`, {
        code: 'STORE_CORRUPT',
        hint: 'Restore it from a backup.',
      });
    }
    if (part.length > 0) yield part;
  }
  return {
    async stage(source, limit) {
      disk.check();
      await (swept ??= sweep().catch((error: unknown) => {
        swept = undefined;
        throw error;
      }));
      await disk.folder(root);
      const temp = join(root, `.tmp-${process.pid}-${++count}`);
      try {
        const [sha256, bytes] = await writeTemp(temp, source, limit);
        if (bytes <= limit) return staged(temp, sha256, bytes);
      } catch (error) {
        await discard(temp);
        throw error;
      }
      await discard(temp);
      return undefined;
    },
    async open(sha256) {
      const first = await readPart(sha256, 0).catch((error: unknown) => {
        if (codeOf(error) === 'ENOENT') return undefined;
        throw storeError(`The blob ${sha256} could not be read`, error);
      });
      return first === undefined ? undefined : partsOf(sha256, first);
    },
    async has(sha256) {
      return (await list(folderOf(sha256))).some((entry) => entry.kind === 'file' && entry.name === sha256);
    },
    name: (sha256, runId) => disk.write(nameOf(sha256, runId), ''),
    unname: (sha256, runId) => disk.remove(nameOf(sha256, runId)),
    async part(digits) {
      const found = new Map<string, string[]>();
      const names = (await list(join(root, digits))).map((entry) => BLOB_FILE.exec(entry.name));
      for (const [, sha256, runId] of names.filter((one) => one !== null)) {
        const runIds = found.get(sha256 ?? '') ?? [];
        found.set(sha256 ?? '', runId === undefined ? runIds : [...runIds, runId]);
      }
      return [...found].map(([sha256, runIds]) => ({ sha256, runIds }));
    },
    drop: (sha256) => disk.remove(pathOf(sha256)),
  };
}
