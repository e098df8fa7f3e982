/** Brings the files of a report into the store, before the settlement that names them. */
import { messageOf } from '../errors.ts';
import type { Scrub } from '../scrub.ts';
import type { BlobRef } from '../store/records.ts';
import type { Attachment } from '../store/report.ts';
import type { Store } from '../store/store.ts';
import type { GivenFile, Taken } from './attachments.ts';
import type { Patience } from './patience.ts';

export interface Kept {
  attachments: Attachment[];
  blobs: BlobRef[];
  /** What could not be kept, for the warnings of the report. */
  problems: string[];
}

const MAX_NAME = 100;

/** Makes the function that keeps files; it never throws: a file that the store does not take is said, and the run goes on. */
export function createKeeper(deps: { store: Pick<Store, 'blobs'>; scrub: Scrub; patiently: Patience }) {
  const { store, scrub, patiently } = deps;

  async function put(bytes: Uint8Array): Promise<{ sha256: string; bytes: number } | string> {
    try {
      const stored = await patiently(() => store.blobs.put(one(bytes)));
      return stored.outcome === 'stored' ? stored : `the store takes ${stored.limit} bytes`;
    } catch (error) {
      return scrub(messageOf(error));
    }
  }

  return async ({ files, problems }: Taken): Promise<Kept> => {
    const kept: Kept = { attachments: [], blobs: [], problems: problems.map((problem) => scrub(problem)) };
    const names = new Set<string>();
    for (const file of files) {
      const name = plainName(scrub(file.name), names);
      const stored = await put(scrubbed(file.bytes, scrub));
      if (typeof stored === 'string') {
        kept.problems.push(`The file ${name} could not be kept: ${stored}.`);
        continue;
      }
      names.add(name.toLowerCase());
      const { sha256, bytes } = stored;
      const title = titleOf(file, { name, scrub });
      kept.attachments.push({ name, mediaType: file.mediaType, ...(title !== '' && { title }), sha256, bytes });
      kept.blobs.push({ sha256, bytes, name, type: file.mediaType });
    }
    return kept;
  };
}

async function* one(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

/** Whatever reads as text is masked like text, whatever its media type says; other bytes stay as they are. */
function scrubbed(bytes: Uint8Array, scrub: Scrub): Uint8Array {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return bytes;
  }
  const clean = scrub(text);
  return clean === text ? bytes : new TextEncoder().encode(clean);
}

/** The title that was given, else the name where a file name cannot say it. */
function titleOf(file: GivenFile, { name, scrub }: { name: string; scrub: Scrub }): string {
  const title = scrub(file.title ?? (file.name === name ? '' : file.name));
  return title
    .replace(/\p{Cc}+/gu, ' ')
    .trim()
    .slice(0, 200)
    .toWellFormed();
}

/** A name that every file system and every mail program takes, and that no other file of the report has. */
function plainName(given: string, taken: ReadonlySet<string>): string {
  const last = given.split(/[/\\]/).at(-1) ?? '';
  const clean = last
    .replace(/[^\w.\- ]+/g, '_')
    .replace(/^[^\w]+/, '')
    .trim();
  const dot = clean.lastIndexOf('.');
  const ending = dot > 0 && clean.length - dot <= 12 ? clean.slice(dot) : '';
  const start = clean.slice(0, clean.length - ending.length);
  const stem = /[A-Za-z0-9]/.test(start) ? start : 'file';
  for (let n = 1; ; n++) {
    const mark = n === 1 ? '' : `-${n}`;
    const name = stem.slice(0, MAX_NAME - ending.length - mark.length).trimEnd() + mark + ending;
    if (!taken.has(name.toLowerCase())) return name;
  }
}
