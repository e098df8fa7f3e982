import { createHash } from 'node:crypto';
import { mkdir, open, realpath, rename, rm, type FileHandle } from 'node:fs/promises';
import { dirname, extname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { z } from 'zod';
import type { Clock } from '../clock.ts';
import { iso } from '../clock.ts';
import { codeOf, DeliveryError, messageOf } from '../errors.ts';
import { shortId } from '../ids.ts';
import { renderHtml } from '../render/html.ts';
import { renderMarkdown } from '../render/markdown-file.ts';
import { renderText } from '../render/text.ts';
import { describeSubject } from '../render/subject.ts';
import type { About } from '../store/notice-records.ts';
import type { Destination, Receipt } from '../store/destinations.ts';
import { reportOf } from './about.ts';
import type { RenderRequest, SendRequest, Transport } from './transport.ts';

const Body = z.object({ path: z.string(), content: z.string() });
const TEXT_COLUMNS = 100;
/** Waiting may mend these; the rest is a wrong path. */
const PASSING = new Set(['ENOSPC', 'EDQUOT', 'EIO', 'EMFILE', 'ENFILE', 'EBUSY', 'EAGAIN']);

/**
 * Writes reports to files. A relative path stays inside `reportsDir`. `{run}`, `{job}` and `{date}` in a path are replaced; a path
 * without any of them gets the short id of the run (or the notice) before its ending, so that no report overwrites another.
 */
export function createFileTransport(deps: { reportsDir: string; clock: Pick<Clock, 'now'> }): Transport {
  const root = resolve(deps.reportsDir);

  async function send(request: SendRequest): Promise<Receipt> {
    const read = Body.safeParse(request.body);
    if (!read.success)
      throw new DeliveryError('A stored report file is not readable.', { code: 'RENDER_FAILED', permanent: true });
    const { path, content } = read.data;
    const bytes = Buffer.from(content);
    try {
      await mkdir(root, { recursive: true });
      await stayInside({ root, path, asked: pathOf(request.delivery.destination) });
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
    lane: (destination) => `file:${pathOf(destination)}`,
    group: () => 'file',
    pace: () => ({ key: 'file', perSecond: 1_000, burst: 1_000 }),
    prepare(request) {
      const asked = pathOf(request.delivery.destination);
      const path = resolve(root, fillPath(asked, request.about));
      if (!isAbsolute(asked) && isOutside(root, path)) throw outside(asked);
      return [{ path, content: contentOf(request, extname(asked)) }];
    },
    send: (request) => send(request),
  };
}

function contentOf({ about }: RenderRequest, ending: string): string {
  const report = reportOf(about);
  switch (ending.toLowerCase()) {
    case '.html':
      return renderHtml(report, about);
    case '.md':
      return renderMarkdown(report, about);
    case '.txt':
      return renderText(report, { width: TEXT_COLUMNS, color: 'none' });
    case '.json':
      return `${JSON.stringify(report, null, 2)}\n`;
    default:
      throw new DeliveryError(`A report file cannot end with "${ending}".`, {
        code: 'FILE_FAILED',
        permanent: true,
        hint: 'Choose a path that ends with .html, .md, .txt or .json.',
      });
  }
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

function pathOf(destination: Destination): string {
  if (destination.kind === 'file') return destination.path;
  throw new DeliveryError(`A ${destination.kind} destination came to the file transport.`, {
    code: 'INTERNAL',
    permanent: true,
  });
}
