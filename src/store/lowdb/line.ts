/** Lines that can tell whether they are whole: `<crc32, 8 hex digits> <JSON>\n`. */
import { crc32 } from 'node:zlib';

const NEWLINE = 0x0a;
/** What stands where there is room for lines: a space, so that the file stays a text. */
export const ROOM = 0x20;
const PREFIX = 9;

/** The line of a JSON text. */
export function lineOf(json: string): string {
  return `${sumOf(json)} ${json}\n`;
}

/** The lines of JSON texts as bytes, and the size of each. */
export function linesBytes(texts: readonly string[]): { bytes: Uint8Array; sizes: number[] } {
  const sizes = texts.map((json) => PREFIX + Buffer.byteLength(json) + 1);
  const total = sizes.reduce((sum, size) => sum + size, 0);
  const bytes = Buffer.allocUnsafe(total);
  let at = 0;
  for (const [n, json] of texts.entries()) {
    const end = at + (sizes[n] ?? 0);
    bytes.write(json, at + PREFIX);
    bytes.write(`${sumOf(bytes.subarray(at + PREFIX, end - 1))} `, at, 'latin1');
    bytes[end - 1] = NEWLINE;
    at = end;
  }
  return { bytes, sizes };
}

function sumOf(json: string | Uint8Array): string {
  return crc32(json).toString(16).padStart(8, '0');
}

/** A line as found: where it begins, and what it holds; `value` is undefined when the line is not whole. */
export interface FoundLine {
  offset: number;
  size: number;
  value: unknown;
  /** False for a last line that was cut off before its end. */
  ended: boolean;
}

/**
 * The lines of a file in order, the torn one at its end too. A line that fails its checksum has no value. Spaces at the end are room that
 * nothing was written to yet; zeros are what a file system puts there when a crash cut that off.
 */
export function* linesOf(file: Uint8Array): Generator<FoundLine> {
  let length = file.length;
  while (file[length - 1] === ROOM || file[length - 1] === 0) length--;
  const bytes = file.subarray(0, length);
  let offset = 0;
  while (offset < bytes.length) {
    const end = bytes.indexOf(NEWLINE, offset);
    const line = bytes.subarray(offset, end === -1 ? bytes.length : end);
    const ended = end !== -1;
    yield { offset, size: line.length + 1, value: ended ? valueOf(line) : undefined, ended };
    offset += line.length + 1;
  }
}

function valueOf(line: Uint8Array): unknown {
  const json = line.subarray(PREFIX);
  const sum = Buffer.from(line.subarray(0, PREFIX)).toString('latin1');
  if (sum !== `${sumOf(json)} `) return undefined;
  try {
    return JSON.parse(Buffer.from(json).toString());
  } catch {
    // The sum fits and it is no JSON: not a line of ours.
    return undefined;
  }
}
