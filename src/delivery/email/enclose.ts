/** Makes the files of a mail. What cannot be made or does not fit is left out and said, in the mail and in its receipt. */
import { setImmediate as immediate } from 'node:timers/promises';
import { DeliveryError } from '../../errors.ts';
import { createNamer } from '../../render/file-plan.ts';
import type { FilePlan } from '../../render/file-plan.ts';
import { link } from '../../render/email/body.ts';
import { cutText, escapeHtml, oneLine } from '../../render/format.ts';
import { describeSubject } from '../../render/subject.ts';
import type { About } from '../../store/notice-records.ts';
import { reportOf } from '../about.ts';
import type { FileReader } from '../files.ts';
import type { MailBody } from './body.ts';

export interface Enclosed {
  plan: FilePlan;
  name: string;
  bytes: Buffer;
}

export interface Letter {
  html?: string;
  text: string;
  files: Enclosed[];
  /** What is not as it was asked for, in words. */
  degraded: string[];
}

export interface EnclosingDeps {
  files: FileReader;
  /** Why pictures would have no text, so that none is sent. */
  pictureProblem?: () => string | undefined;
  maxBytes: number;
}

const MAX_NAME = 120;
const MAX_SAID = 500;
const MAX_DEGRADED = 20;
/** Headers and boundary of a part. */
const PART_BYTES = 700;
/** Lines of 76 characters for 57 bytes, and their ends. */
const BASE64_RATIO = 78 / 57;

/**
 * Reads the files one after the other; never more than the limit and one file are in memory. Attachments give way by size, the largest
 * first; pictures in the text give way last.
 */
export async function enclose(body: MailBody, about: About, deps: EnclosingDeps): Promise<Letter> {
  const letter: Letter = {
    ...(body.html === undefined ? {} : { html: body.html }),
    text: body.text,
    files: [],
    degraded: [],
  };
  const left: string[] = [];
  const pictures = new Set<number>();
  const name = createNamer();
  for (const plan of body.files) {
    // Drawing the SVG of a chart is synchronous: eighty in one turn held everything up for a second.
    await immediate();
    const made = await make(plan, about, deps);
    if ('why' in made) leaveOut(letter, plan, { why: made.why, left, pictures });
    else letter.files.push({ plan, name: name(safeName(plan.name)), bytes: made.bytes });
    while (sizeOf(letter) > deps.maxBytes) {
      const largest = largestOf(letter.files);
      if (largest === undefined) break;
      letter.files.splice(letter.files.indexOf(largest), 1);
      leaveOut(letter, largest.plan, { why: `the mail may have ${megabytes(deps.maxBytes)}`, left, pictures });
    }
  }
  sayLeftOut(letter, left, about);
  if (letter.degraded.length > MAX_DEGRADED) {
    const more = letter.degraded.length - MAX_DEGRADED + 1;
    letter.degraded.splice(MAX_DEGRADED - 1, more, `and ${more} more files`);
  }
  return letter;
}

async function make(plan: FilePlan, about: About, deps: EnclosingDeps): Promise<{ bytes: Buffer } | { why: string }> {
  try {
    const bytes = await deps.files(plan, about);
    // Known only when the first picture was drawn: without a font there is no text in it, and no error.
    const problem = plan.source.is === 'chart' ? deps.pictureProblem?.() : undefined;
    return problem === undefined ? { bytes } : { why: problem };
  } catch (error) {
    // The store may give the bytes later; whatever else fails, fails again.
    if (error instanceof DeliveryError && !error.permanent) throw error;
    return { why: error instanceof Error ? error.message : 'it could not be made' };
  }
}

interface Loss {
  why: string;
  /** Names of the attachments that are left out so far. */
  left: string[];
  /** Sections whose pictures are. */
  pictures: Set<number>;
}

function leaveOut(letter: Letter, plan: FilePlan, { why, left, pictures }: Loss): void {
  const reason = oneLine(why);
  if (plan.cid !== undefined && letter.html !== undefined) {
    // The one for light and the one for dark are one picture to whoever reads the receipt.
    const isSecond = plan.source.is === 'chart' && pictures.has(plan.source.section);
    if (plan.source.is === 'chart') pictures.add(plan.source.section);
    letter.html = withoutPicture(letter.html, plan);
    if (!isSecond) letter.degraded.push(said(`The picture “${oneLine(plan.title)}” is shown as words: ${reason}`));
    return;
  }
  letter.degraded.push(said(`${safeName(plan.name)} is not attached: ${reason}`));
  left.push(`${safeName(plan.name)} (${oneLine(plan.title)})`);
}

/**
 * The words stand where the picture stood; an image that points nowhere would be a broken one. Of a picture for light and one for dark the
 * words are shown or hidden as the picture was, so that they are read once, also where only one of the two is missing.
 */
function withoutPicture(html: string, plan: FilePlan): string {
  const words = escapeHtml(oneLine(plan.alt ?? plan.title));
  return html.replace(/<img\b(?:"[^"]*"|[^">])*>/g, (tag) =>
    tag.includes(`src="cid:${plan.cid}"`) ? `<em${lookOf(tag)}>${words}</em>` : tag,
  );
}

/** Its turn among light and dark, and whether it is hidden without a style sheet. */
function lookOf(tag: string): string {
  const turn = /class="(by-(?:day|night))"/.exec(tag)?.[1];
  if (turn === undefined) return '';
  const hidden = /style="display:none;/.test(tag) ? 'display:none;mso-hide:all;' : 'display:block;';
  return ` class="${turn} muted" style="${hidden}padding:12px 16px"`;
}

/** With the way to what is missing: the report's own address, else the command that shows it. */
function sayLeftOut(letter: Letter, left: readonly string[], about: About): void {
  if (left.length === 0) return;
  const head = 'Not attached, for the mail would be too large or they could not be made:';
  const { url } = reportOf(about);
  const { command } = describeSubject(about);
  const way = `The full report: ${url ?? command}`;
  letter.text = `${letter.text}\n${head}\n${left.map((one) => `- ${one}`).join('\n')}\n${way}\n`;
  if (letter.html === undefined) return;
  const items = left.map((one) => `<li>${escapeHtml(one)}</li>`).join('');
  const shown = url === undefined ? escapeHtml(way) : `The full report: ${link(url, escapeHtml(url))}`;
  const note = `<div dir="auto" style="padding:12px 32px;font:14px/1.5 sans-serif"><p style="margin:0">${head}</p><ul>${items}</ul><p style="margin:0">${shown}</p></div>`;
  const end = letter.html.lastIndexOf('</body>');
  letter.html = end < 0 ? letter.html + note : letter.html.slice(0, end) + note + letter.html.slice(end);
}

function largestOf(files: readonly Enclosed[]): Enclosed | undefined {
  const attached = files.filter(({ plan }) => plan.cid === undefined);
  return (attached.length > 0 ? attached : files).toSorted((a, b) => b.bytes.length - a.bytes.length)[0];
}

/** What the mail will have at most. */
function sizeOf({ html = '', text, files }: Letter): number {
  const words = [html, text].reduce((sum, part) => sum + quotedBytes(part), 4_000);
  return files.reduce((sum, { bytes }) => sum + Math.ceil(bytes.length * BASE64_RATIO) + PART_BYTES, words);
}

/** Quoted-printable writes a byte with three characters at worst; base64 is shorter. */
function quotedBytes(text: string): number {
  return Buffer.byteLength(text) * 3 + PART_BYTES;
}

function megabytes(bytes: number): string {
  return `${Math.round(bytes / 100_000) / 10} MB at most`;
}

/** One line without separators of paths, marks that turn the direction of writing, or an ending that they hide. */
function safeName(name: string): string {
  const plain = name
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}/\\"<>|:*?]+/gu, ' ')
    .replace(/\s+/g, ' ')
    .trim();
  return cutText(plain, MAX_NAME) || 'file';
}

function said(text: string): string {
  return cutText(text, MAX_SAID);
}
