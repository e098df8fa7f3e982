/** The files of a report while its run is under way: what a job hands over, by `ctx.attach` or in its JSON, and what is too much. */
import { z } from 'zod';
import { RunError } from '../errors.ts';
import { MAX_ATTACHMENTS } from '../store/report.ts';
import { members } from './json.ts';
import type { Yield } from './kinds/end.ts';

/** A file that comes with the report. Text is kept as UTF-8; without a media type the ending of the name says it. */
export interface NewAttachment {
  name: string;
  content: string | Uint8Array;
  mediaType?: string;
  title?: string;
}

/** A file as it was handed over; its name is for people as yet. */
export interface GivenFile {
  name: string;
  bytes: Uint8Array;
  mediaType: string;
  title?: string;
}

export interface Taken {
  files: readonly GivenFile[];
  /** What was left out and why, for the warnings of the report. */
  problems: readonly string[];
}

export interface FileBook {
  /** Throws a RunError when this is no file; one that is too much is left out, and the report says so. */
  add(file: NewAttachment): void;
  note(problem: string): void;
  taken(): Taken;
  /** After it nothing that a left-over function attaches is kept. */
  close(): void;
}

/** One file, and all of a report together. The store takes no larger blob, and mail hardly a larger message. */
export const MAX_FILE_BYTES = 20 * 1024 * 1024;
export const MAX_ALL_BYTES = 25 * 1024 * 1024;

const MediaType = /^[\w.+-]+\/[\w.+-]+$/;
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;
const MEDIA_TYPES: Record<string, string> = {
  csv: 'text/csv',
  txt: 'text/plain',
  log: 'text/plain',
  md: 'text/markdown',
  html: 'text/html',
  json: 'application/json',
  xml: 'application/xml',
  svg: 'image/svg+xml',
  png: 'image/png',
  jpg: 'image/jpeg',
  pdf: 'application/pdf',
  zip: 'application/zip',
  gz: 'application/gzip',
  xlsx: 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet',
};

/** Makes the book of one attempt, with what is in another; at most `MAX_ATTACHMENTS` files and `MAX_ALL_BYTES` bytes stand in it. */
export function createFileBook(begun: Taken = { files: [], problems: [] }): FileBook {
  const files = [...begun.files];
  const problems = [...begun.problems];
  let total = files.reduce((sum, { bytes }) => sum + bytes.length, 0);
  let open = true;
  return {
    add(given) {
      if (!open) return;
      const file = readFile(given);
      const over = tooMuch(file, { files: files.length, bytes: total });
      if (over !== undefined) {
        problems.push(`The file ${short(file.name)} was left out: ${over}.`);
        return;
      }
      total += file.bytes.length;
      files.push(file);
    },
    note: (problem) => {
      if (open) problems.push(problem.slice(0, 300));
    },
    taken: () => ({ files: [...files], problems: [...problems] }),
    close: () => {
      open = false;
    },
  };
}

function tooMuch({ bytes }: GivenFile, before: { files: number; bytes: number }): string | undefined {
  if (bytes.length > MAX_FILE_BYTES) return `it is ${bytes.length} bytes, and one may have ${MAX_FILE_BYTES}`;
  if (before.files >= MAX_ATTACHMENTS) return `a report may have ${MAX_ATTACHMENTS} files`;
  if (before.bytes + bytes.length > MAX_ALL_BYTES)
    return `with it the files would be ${before.bytes + bytes.length} bytes, and together they may have ${MAX_ALL_BYTES}`;
  return undefined;
}

/** A job in plain JavaScript may hand over anything. The bytes are copied: the job may go on writing into its own. */
function readFile({
  name,
  content,
  mediaType,
  title,
}: Record<keyof NewAttachment, unknown> | NewAttachment): GivenFile {
  if (typeof name !== 'string' || name.trim() === '') throw noFile('its name must be a text');
  if (typeof content !== 'string' && !(content instanceof Uint8Array))
    throw noFile(`the content of ${short(name)} must be a text or a Uint8Array`);
  if (
    mediaType !== undefined &&
    (typeof mediaType !== 'string' || !MediaType.test(mediaType) || mediaType.length > 100)
  )
    throw noFile(`the media type of ${short(name)} must be like text/csv`);
  if (title !== undefined && typeof title !== 'string') throw noFile(`the title of ${short(name)} must be a text`);
  const ending = /\.([a-z0-9]+)$/i.exec(name)?.[1]?.toLowerCase() ?? '';
  const fallback = typeof content === 'string' ? 'text/plain' : 'application/octet-stream';
  return {
    name,
    bytes: typeof content === 'string' ? new TextEncoder().encode(content) : new Uint8Array(content),
    mediaType: mediaType ?? MEDIA_TYPES[ending] ?? fallback,
    ...(title !== undefined && title.trim() !== '' && { title: title.trim() }),
  };
}

function noFile(why: string): RunError {
  return new RunError(`an attachment cannot be kept: ${why}`, {
    code: 'RESULT_INVALID',
    permanent: true,
    hint: "like ctx.attach({ name: 'orders.csv', content: text })",
  });
}

/**
 * Takes the files out of what a job handed over (`attachments` of a report, of `{ report }` or of `{ markdown }`), into the book, and
 * answers the rest. What a job names by a hash is left out: it may only hand over what it has.
 */
export function takeFiles(output: Yield, book: FileBook): Yield {
  if (output.form === 'text') return output;
  const object = members(output.value);
  if (object === undefined) return output;
  const inner = members(object['report']);
  if (inner !== undefined && Array.isArray(inner['attachments']))
    return { form: 'value', value: { ...object, report: without(inner, book) } };
  const isReport = typeof object['title'] === 'string' || typeof object['schema'] === 'string' || 'markdown' in object;
  return isReport && Array.isArray(object['attachments']) ? { form: 'value', value: without(object, book) } : output;
}

function without(object: Record<string, unknown>, book: FileBook): Record<string, unknown> {
  const { attachments, ...rest } = object;
  const items: unknown[] = Array.isArray(attachments) ? attachments : [];
  for (const [at, item] of items.entries()) {
    const read = readItem(item);
    if (typeof read === 'string') book.note(`A file was left out: attachments.${at} ${read}.`);
    else book.add(read);
  }
  return rest;
}

const Item = z.object({
  name: z.string().trim().min(1),
  mediaType: z.string().max(100).regex(MediaType).optional(),
  title: z.string().optional(),
  text: z.string().optional(),
  base64: z.string().optional(),
});

function readItem(item: unknown): NewAttachment | string {
  const parsed = Item.safeParse(item);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    return `is none (${issue?.path.map(String).join('.') ?? ''}: ${issue?.message ?? 'invalid'})`;
  }
  const { text, base64, name, mediaType, title } = parsed.data;
  const rest = { name, ...(mediaType !== undefined && { mediaType }), ...(title !== undefined && { title }) };
  if (text !== undefined && base64 === undefined) return { ...rest, content: text };
  if (base64 === undefined || text !== undefined) return `(${short(name)}) must have either text or base64`;
  const packed = base64.replace(/\s+/g, '');
  if (!BASE64.test(packed)) return `(${short(name)}) is not base64`;
  return { ...rest, content: Buffer.from(packed, 'base64') };
}

function short(name: string): string {
  return JSON.stringify(name.slice(0, 80));
}
