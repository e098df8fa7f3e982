/**
 * Large outputs beside the runs: content-addressed, so the same bytes are kept once. A run names its blobs durably before the settle that
 * says so, hence what a settle names is there. A name that a crash left without its settle, and a blob that nobody names, are found by a
 * slow walk over everything, a small part at a sweep.
 */
import type { Core } from './core.ts';
import { isFinal } from './records.ts';
import type { BlobRef, Run } from './records.ts';
import type { Store } from './store.ts';

export interface StagedBlob {
  sha256: string;
  bytes: number;
  /** Puts it at its place; durable when it resolves. */
  keep(): Promise<void>;
  discard(): Promise<void>;
}

/** Where blobs are kept. */
export interface BlobShelf {
  /** Takes the bytes in beside their place; undefined when they are more than `limit`, and then nothing is left. */
  stage(source: AsyncIterable<Uint8Array>, limit: number): Promise<StagedBlob | undefined>;
  /** Its bytes by parts; the last one comes when all of them are checked against the hash. */
  open(sha256: string): Promise<AsyncIterable<Uint8Array> | undefined>;
  has(sha256: string): Promise<boolean>;
  /** Notes durably that the run names the blob. */
  name(sha256: string, runId: string): Promise<void>;
  unname(sha256: string, runId: string): Promise<void>;
  /** The blobs that begin with these two hex digits, each with the runs that name it. */
  part(digits: string): Promise<{ sha256: string; runIds: string[] }[]>;
  drop(sha256: string): Promise<void>;
}

/** The blobs of the run whose bytes are still kept for it at `now`, in milliseconds. */
export function keptBlobs(run: { blobs?: readonly BlobRef[] }, now: number): BlobRef[] {
  return (run.blobs ?? []).filter(({ until }) => until === undefined || Date.parse(until) > now);
}

export interface Blobs {
  verbs: Store['blobs'];
  /** Names blobs that are there; the first that is not is the answer, and then the caller must not commit. */
  claim(runId: string, refs: readonly BlobRef[]): Promise<BlobRef | undefined>;
  /** Lets go of the blobs of a removed run; what fails is found by the walk. */
  letGo(run: Pick<Run, 'id' | 'blobs'>): Promise<void>;
  /** One step of the walk; never throws. */
  walk(): Promise<void>;
  /** Does the work while nothing is collected. */
  held<T>(work: () => Promise<T>): Promise<T>;
}

const PARTS = 256;
const STEP_MS = 30_000;
const SHA256 = /^[0-9a-f]{64}$/;

/** Makes the verbs of the blobs. */
export function createBlobs(core: Core, shelf: BlobShelf): Blobs {
  const { clock, log, options } = core;
  /** Blobs that were put or named lately, and until when they are not collected. */
  const recent = new Map<string, number>();
  // What a former life was given may still be named: its giver may live in another process.
  let nextStep = clock.now() + options.blobGraceMs;
  let part = 0;
  let holders = 0;

  const locked = <T>(sha256: string, work: () => Promise<T>): Promise<T> => core.locks.run(`blob ${sha256}`, work);
  const spare = (sha256: string): unknown => recent.set(sha256, clock.now() + options.blobGraceMs);

  async function put(source: AsyncIterable<Uint8Array>): ReturnType<Store['blobs']['put']> {
    const limit = options.maxBlobBytes;
    const staged = await shelf.stage(source, limit);
    if (staged === undefined) return { outcome: 'too_large', limit };
    const { sha256, bytes } = staged;
    await locked(sha256, async () => {
      spare(sha256);
      await ((await shelf.has(sha256)) ? staged.discard() : staged.keep());
    });
    return { outcome: 'stored', sha256, bytes };
  }
  async function claim(runId: string, refs: readonly BlobRef[]): Promise<BlobRef | undefined> {
    for (const ref of refs) {
      const there = await locked(ref.sha256, async () => {
        if (!(await shelf.has(ref.sha256))) return false;
        spare(ref.sha256);
        await shelf.name(ref.sha256, runId);
        return true;
      });
      if (!there) return ref;
    }
    return undefined;
  }

  /** Whether the run says that it names the blob, or may come to say so. A name that was good until an instant is none from then on. */
  async function isNamedBy(runId: string, sha256: string): Promise<boolean> {
    if (core.hot.has(runId)) return true;
    const run = await core.backing.readRun(runId);
    // One that this very read found damaged may be mended by hand, like every other that was set aside.
    if (run === undefined) return core.backing.health().quarantined > 0;
    return !isFinal(run.state) || keptBlobs(run, clock.now()).some((ref) => ref.sha256 === sha256);
  }
  /** Under the lock of the blob. */
  async function collect(sha256: string, runIds: readonly string[]): Promise<void> {
    if (holders > 0 || (recent.get(sha256) ?? 0) > clock.now()) return;
    let names = 0;
    for (const runId of runIds) {
      if (await isNamedBy(runId, sha256)) names++;
      else await shelf.unname(sha256, runId);
    }
    if (names === 0) await shelf.drop(sha256);
  }
  async function letGo(run: Pick<Run, 'id' | 'blobs'>): Promise<void> {
    // A copy of the store that is being made still holds the run.
    if (holders > 0) return;
    for (const { sha256 } of run.blobs ?? []) {
      await locked(sha256, async () => {
        await shelf.unname(sha256, run.id);
        const found = (await shelf.part(sha256.slice(0, 2))).find((one) => one.sha256 === sha256);
        if (found !== undefined && found.runIds.length === 0) await collect(sha256, []);
      });
    }
  }
  async function step(): Promise<void> {
    const digits = part.toString(16).padStart(2, '0');
    part = (part + 1) % PARTS;
    for (const { sha256, runIds } of await shelf.part(digits)) await locked(sha256, () => collect(sha256, runIds));
  }
  async function quietly(what: string, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      log.warn(what, { error });
    }
  }
  const stream = async (sha256: string): Promise<AsyncIterable<Uint8Array> | undefined> =>
    SHA256.test(sha256) ? shelf.open(sha256) : undefined;
  async function get(sha256: string): Promise<Uint8Array | undefined> {
    const parts = await stream(sha256);
    return parts === undefined ? undefined : new Uint8Array(Buffer.concat(await Array.fromAsync(parts)));
  }
  return {
    verbs: { put, get, stream },
    claim,
    letGo: (run) => quietly('the blobs of a removed run are still there for now', () => letGo(run)),
    async held(work) {
      holders++;
      try {
        return await work();
      } finally {
        holders--;
      }
    },
    async walk() {
      const now = clock.now();
      // A record that was set aside may be mended by hand, and names its blobs still.
      if (now < nextStep || core.backing.health().quarantined > 0) return;
      nextStep = now + STEP_MS;
      for (const [sha256, until] of recent) if (until <= now) recent.delete(sha256);
      await quietly('blobs that nobody names are still there for now', step);
    },
  };
}
