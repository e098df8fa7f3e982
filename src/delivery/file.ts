import { createHash } from 'node:crypto';
import { mkdir, open, realpath, rename, rm, type FileHandle } from 'node:fs/promises';
import { basename, dirname, extname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { z } from 'zod';
import type { Clock } from '../clock.ts';
import { iso } from '../clock.ts';
import { codeOf, DeliveryError, messageOf } from '../errors.ts';
import { shortId } from '../ids.ts';
import { reportCsvs } from '../render/csv.ts';
import { FilePlan } from '../render/file-plan.ts';
import { attachmentPlans, renderWhole, slug } from '../render/files.ts';
import { describeSubject } from '../render/subject.ts';
import type { About } from '../store/notice-records.ts';
import type { Destination, Receipt } from '../store/destinations.ts';
import { reportOf } from './about.ts';
import type { FileReader } from './files.ts';
import type { SendRequest, Transport } from './transport.ts';

/** The report as it was written, or a file that goes with it and is made when it is sent. */
const Body = z.union([
  z.object({ path: z.string(), content: z.string() }),
  z.object({ path: z.string(), plan: FilePlan }),
]);
type Body = z.infer<typeof Body>;
type FileDestination = Extract<Destination, { kind: 'file' }>;
type Format = NonNullable<FileDestination['format']>;
const FORMATS: Readonly<Record<string, Format>> = {
  '.html': 'html',
  '.md': 'md',
  '.txt': 'txt',
  '.json': 'json',
  '.csv': 'csv',
};
/** Waiting may mend these; the rest is a wrong path. */
const PASSING = new Set(['ENOSPC', 'EDQUOT', 'EIO', 'EMFILE', 'ENFILE', 'EBUSY', 'EAGAIN']);

/**
 * Writes reports to files, each with the files that go with it beside it. A relative path stays inside `reportsDir`. `{run}`, `{job}` and
 * `{date}` in a path are replaced; a path without any of them gets the short id of the run (or the notice) before its ending, so that no
 * report overwrites another.
 */
export function createFileTransport(deps: {
  reportsDir: string;
  clock: Pick<Clock, 'now'>;
  readFile: FileReader;
}): Transport {
  const root = resolve(deps.reportsDir);

  async function send(request: SendRequest): Promise<Receipt> {
    const read = Body.safeParse(request.body);
    if (!read.success)
      throw new DeliveryError('A stored report file is not readable.', { code: 'RENDER_FAILED', permanent: true });
    const { path } = read.data;
    const bytes =
      'content' in read.data ? Buffer.from(read.data.content) : await deps.readFile(read.data.plan, request.about);
    try {
      await mkdir(root, { recursive: true });
      await stayInside({ root, path, asked: destinationOf(request.delivery.destination).path });
      await mkdir(dirname(path), { recursive: true });
      await replaceFile(path, { bytes, temporary: `${path}.${request.delivery.id}.tmp` });
    } catch (error) {
      throw toFileError(error, path);
    }
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    return { kind: 'file', at: iso(deps.clock.now()), path, bytes: bytes.length, sha256 };
  }

  return {
    kind: 'file',
    ambiguity: { policy: 'repeat' },
    lane: (destination) => `file:${destinationOf(destination).path}`,
    group: () => 'file',
    pace: () => ({ key: 'file', perSecond: 1_000, burst: 1_000 }),
    prepare(request) {
      const destination = destinationOf(request.delivery.destination);
      const path = resolve(root, fillPath(destination.path, request.about));
      if (!isAbsolute(destination.path) && isOutside(root, path)) throw outside(destination.path);
      return bodiesOf(request.about, { destination, path });
    },
    send: (request) => send(request),
  };
}

/** The report first; a report of several tables as CSV is a file a table. */
function bodiesOf(about: About, place: { destination: FileDestination; path: string }): Body[] {
  const { destination, path } = place;
  const report = reportOf(about);
  const format = destination.format ?? formatOf(extname(destination.path));
  const stem = basename(path, extname(path));
  const beside = besides(path);
  const written: Body[] =
    format === 'csv'
      ? reportCsvs(report).map(({ name, content }, at) => ({
          path: at === 0 ? path : beside(`${stem}-${slug(name)}.csv`),
          content,
        }))
      : [{ path, content: renderWhole(format, report, about) }];
  // What stands there already in this format is not written a second time.
  const asked = (destination.attach ?? []).filter((one) => one !== format);
  const plans = attachmentPlans(report, asked, stem);
  return [
    ...written,
    ...plans.map((plan) => ({ path: beside(plan.source.is === 'report' ? plan.name : `${stem}-${plan.name}`), plan })),
  ];
}

/** Paths in the folder of a file, none of them twice, whatever letters they are written in. */
function besides(path: string): (name: string) => string {
  const taken = new Set([path.toLowerCase()]);
  return (wanted) => {
    const ending = extname(wanted);
    const stem = join(dirname(path), basename(wanted, ending));
    let free = `${stem}${ending}`;
    for (let n = 2; taken.has(free.toLowerCase()); n++) free = `${stem}-${n}${ending}`;
    taken.add(free.toLowerCase());
    return free;
  };
}

function formatOf(ending: string): Format {
  const format = FORMATS[ending.toLowerCase()];
  if (format !== undefined) return format;
  throw new DeliveryError(`A report file cannot end with "${ending}".`, {
    code: 'FILE_FAILED',
    permanent: true,
    hint: `Choose a path that ends with ${Object.keys(FORMATS).join(', ')}, or name a format.`,
  });
}

/** The id of a notice stands for that of a run, its schedule or job for the job. */
function fillPath(path: string, about: About): string {
  const { id, name, at } = describeSubject(about);
  const filled = path.replaceAll('{run}', id).replaceAll('{job}', name).replaceAll('{date}', at.slice(0, 10));
  if (filled !== path) return filled;
  const ending = extname(path);
  return `${path.slice(0, path.length - ending.length)}-${shortId(id)}${ending}`;
}

function isOutside(root: string, path: string): boolean {
  const way = relative(root, path);
  return way === '..' || way.startsWith(`..${sep}`) || isAbsolute(way) || way === '';
}

/** A link inside the reports folder must not lead out of it; looked at before any folder is made behind the link. */
async function stayInside(place: { root: string; path: string; asked: string }): Promise<void> {
  if (isAbsolute(place.asked)) return;
  const folder = await nearestFolder(dirname(place.path));
  if (isOutside(await realpath(place.root), join(folder, 'x'))) throw outside(place.asked);
}

/** The real place of the folder, or of the nearest one above it that exists. */
async function nearestFolder(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT' || dirname(path) === path) throw error;
    return nearestFolder(dirname(path));
  }
}

function outside(path: string): DeliveryError {
  return new DeliveryError(`The path ${path} leads out of the reports folder.`, {
    code: 'FILE_FAILED',
    permanent: true,
    hint: 'Choose a path below the reports folder, or an absolute one.',
  });
}

/**
 * A reader sees the old file or the whole new one, and the receipt is true after a power cut: temporary file, fsync, rename, fsync of
 * the folder. A kill leaves the temporary file, which the resend replaces; whatever stands there is never written through.
 */
async function replaceFile(path: string, { bytes, temporary }: { bytes: Buffer; temporary: string }): Promise<void> {
  try {
    await rm(temporary, { force: true });
    await synced(await open(temporary, 'wx', 0o600), (file) => file.writeFile(bytes));
    await rename(temporary, path);
    await synced(await open(dirname(path)), () => Promise.resolve());
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

async function synced(file: FileHandle, work: (file: FileHandle) => Promise<void>): Promise<void> {
  try {
    await work(file);
    await file.sync();
  } finally {
    await file.close();
  }
}

function toFileError(error: unknown, path: string): DeliveryError {
  if (error instanceof DeliveryError) return error;
  const permanent = !PASSING.has(codeOf(error) ?? '');
  return new DeliveryError(`The report could not be written to ${path}: ${messageOf(error)}`, {
    code: 'FILE_FAILED',
    permanent,
    cause: error,
  });
}

function destinationOf(destination: Destination): FileDestination {
  if (destination.kind === 'file') return destination;
  throw new DeliveryError(`A ${destination.kind} destination came to the file transport.`, {
    code: 'INTERNAL',
    permanent: true,
  });
}
