/** The files that pictures are written with. Looked at here, because the rasteriser draws no text and says nothing when it can read none. */
import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { codeOf, messageOf } from '../../errors.ts';

const bundled = (name: string): string => fileURLToPath(new URL(`../../../assets/fonts/${name}`, import.meta.url));

/** DejaVu Sans and its bold: Latin, Greek, Cyrillic, Arabic, Hebrew and many signs, but no Chinese, Japanese, Korean or emoji. */
export const BUNDLED_FONTS: readonly string[] = [bundled('DejaVuSans.ttf'), bundled('DejaVuSans-Bold.ttf')];

export interface BadFont {
  file: string;
  reason: string;
}

/** Which of the files are fonts, as far as their headers say, and what is wrong with the others. */
export function checkFonts(files: readonly string[]): { good: string[]; bad: BadFont[] } {
  const good: string[] = [];
  const bad: BadFont[] = [];
  for (const file of files) {
    const reason = problemOf(file);
    if (reason === undefined) good.push(file);
    else bad.push({ file, reason });
  }
  return { good, bad };
}

/** OpenType 1.9, "Organization of an OpenType Font": TrueType, CFF, Apple's TrueType, and a collection. */
const MAGIC = ['\u0000\u0001\u0000\u0000', 'OTTO', 'true', 'ttcf'];
/** Without these nothing can be written with it. */
const NEEDED = ['cmap', 'head', 'hhea', 'hmtx', 'maxp'];
const MOST_TABLES = 100;

function problemOf(file: string): string | undefined {
  try {
    // A pipe or a device would be waited for.
    if (!statSync(file).isFile()) return 'is no file';
    const head = firstBytes(file, 12 + 16 * MOST_TABLES);
    const magic = head.toString('latin1', 0, 4);
    if (head.length < 12 || !MAGIC.includes(magic)) return 'is no TrueType or OpenType font';
    if (magic === 'ttcf') return undefined;
    const size = statSync(file).size;
    const tables = tablesOf(head);
    const missing = NEEDED.filter((tag) => !tables.has(tag));
    if (missing.length > 0) return `is a font without the tables ${missing.join(', ')}`;
    return [...tables.values()].some((end) => end > size) ? 'is a font that ends too early' : undefined;
  } catch (error) {
    return codeOf(error) === 'ENOENT' ? 'does not exist' : messageOf(error);
  }
}

/** Names of the tables, and where each ends. */
function tablesOf(head: Buffer): Map<string, number> {
  const found = new Map<string, number>();
  const count = Math.min(MOST_TABLES, head.readUInt16BE(4));
  for (let at = 12; at + 16 <= head.length && found.size < count; at += 16)
    found.set(head.toString('latin1', at, at + 4), head.readUInt32BE(at + 8) + head.readUInt32BE(at + 12));
  return found;
}

function firstBytes(file: string, length: number): Buffer {
  const handle = openSync(file, 'r');
  try {
    const bytes = Buffer.alloc(length);
    return bytes.subarray(0, readSync(handle, bytes, 0, length, 0));
  } finally {
    closeSync(handle);
  }
}
