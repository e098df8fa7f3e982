/** Lines that can tell whether they are whole: `<crc32, 8 hex digits> <JSON>\n`. */
import { crc32 } from 'node:zlib';

const NEWLINE = 0x0a;
const PREFIX = 9;

/** The line of a JSON text. */
export function lineOf(json: string): string {
  return `${sumOf(json)} ${json}\n`;
}

/** The line of a JSON text as bytes: a text is encoded once. */
export function lineBytes(json: string): Uint8Array {
  const body = Buffer.from(json);
  return Buffer.concat([Buffer.from(`${sumOf(body)} `), body, END]);
}

const END = Buffer.from('\n');

function sumOf(json: string | Uint8Array): string {
  return crc32(json).toString(16).padStart(8, '0');
}

/** A line as found: where it begins, and what it holds; `value` is undefined when the line is not whole. */
export interface FoundLine {
  offset: number;
  size: number;
  value: unknown;
}

/** The lines of a file in order, the torn one at its end too. A line that fails its checksum has no value. */
export function* linesOf(bytes: Uint8Array): Generator<FoundLine> {
  let offset = 0;
  while (offset < bytes.length) {
    const end = bytes.indexOf(NEWLINE, offset);
    const line = bytes.subarray(offset, end === -1 ? bytes.length : end);
    yield { offset, size: line.length + 1, value: end === -1 ? undefined : valueOf(line) };
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
