import { outputText } from '../../output.ts';
import type { Output } from '../../store/records.ts';

/** Keeps the beginning and the end of a stream in bounded memory. */
export interface Capture {
  push(chunk: Uint8Array): void;
  bytes(): number;
  /** The text, cleaned of terminal control; cut between words, as far as they are near, `droppedBytes` say how much is missing in the middle. */
  output(): Output;
}

/** Makes a capture that keeps at most `headBytes` + `tailBytes` (and, while it grows, one chunk more). */
export function createCapture({ headBytes, tailBytes }: { headBytes: number; tailBytes: number }): Capture {
  const head: Uint8Array[] = [];
  const tail: Uint8Array[] = [];
  let headSize = 0;
  let tailSize = 0;
  let total = 0;
  return {
    push(chunk) {
      total += chunk.length;
      const room = headBytes - headSize;
      if (room > 0) {
        const part = chunk.subarray(0, room);
        head.push(new Uint8Array(part));
        headSize += part.length;
      }
      // Copied: a small slice would keep the whole pooled buffer of the pipe alive.
      const rest = room > 0 ? chunk.subarray(room) : chunk;
      if (rest.length > 0) {
        tail.push(new Uint8Array(rest.subarray(-tailBytes)));
        tailSize += Math.min(rest.length, tailBytes);
      }
      while (tail[0] !== undefined && tailSize - tail[0].length >= tailBytes) tailSize -= tail.shift()?.length ?? 0;
    },
    bytes: () => total,
    output() {
      const end = Buffer.concat(tail);
      if (total === headSize + end.length) {
        return { head: cleanText(Buffer.concat([...head, end]).toString('utf8')), tail: '', droppedBytes: 0 };
      }
      const first = cutEnd(withoutLastWord(Buffer.concat(head)));
      const last = cutStart(withoutFirstWord(end.subarray(Math.max(0, end.length - tailBytes))));
      const droppedBytes = Math.max(0, total - first.length - last.length);
      return { head: cleanText(first.toString('utf8')), tail: cleanText(last.toString('utf8')), droppedBytes };
    },
  };
}

/** Half of a secret is not known for one when it is masked, so the word that a cut goes through is left out: so much of it at most. */
const MAX_WORD = 256;
/** Of something that is as short as this nothing more is left out. */
const SHORT = 16 * MAX_WORD;
const isSpace = (byte: number | undefined): boolean => byte === 0x20 || (byte !== undefined && byte >= 9 && byte <= 13);

function withoutLastWord(bytes: Buffer): Buffer {
  let end = bytes.length;
  const least = bytes.length < SHORT ? end : end - MAX_WORD;
  while (end > least && !isSpace(bytes[end - 1])) end--;
  return bytes.subarray(0, end);
}

function withoutFirstWord(bytes: Buffer): Buffer {
  let start = 0;
  const most = bytes.length < SHORT ? 0 : MAX_WORD;
  while (start < most && !isSpace(bytes[start])) start++;
  return bytes.subarray(start);
}

const isContinuation = (byte: number | undefined): boolean => byte !== undefined && (byte & 0xc0) === 0x80;

function cutStart(bytes: Buffer): Buffer {
  let start = 0;
  while (start < 3 && isContinuation(bytes[start])) start++;
  return bytes.subarray(start);
}

function cutEnd(bytes: Buffer): Buffer {
  let lead = bytes.length - 1;
  while (lead > bytes.length - 4 && isContinuation(bytes[lead])) lead--;
  const byte = bytes[lead] ?? 0;
  const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
  return lead >= 0 && lead + length > bytes.length ? bytes.subarray(0, lead) : bytes;
}

// ECMA-48 control sequences, operating system commands (titles, links) and two-byte escapes.
// oxlint-disable-next-line no-control-regex
const ESCAPES = /\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)?|[@-Z\\^_])/g;
// oxlint-disable-next-line no-control-regex
const CONTROLS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;

/** What a terminal would still show: no escapes, no control bytes, and of a line rewritten by carriage returns the last version. */
export function cleanText(text: string): string {
  const plain = text.replace(ESCAPES, '').replaceAll('\r\n', '\n');
  const lines = plain.includes('\r') ? plain.split('\n').map(lastRewrite).join('\n') : plain;
  return lines.replace(CONTROLS, '');
}

function lastRewrite(line: string): string {
  return line.split('\r').findLast((part) => part !== '') ?? '';
}

/** What a child wrote, and what is said beside it, as records keep it: less than memory does, for there may be twenty attempts. */
export function shortened(capture: Capture, beside = ''): Output | undefined {
  if (capture.bytes() === 0 && beside === '') return undefined;
  const output = capture.output();
  const written = outputText(output);
  const joint = written === '' || written.endsWith('\n') || beside === '' ? '' : '\n';
  const kept = createCapture({ headBytes: 4 * 1024, tailBytes: 16 * 1024 });
  kept.push(Buffer.from(`${written}${joint}${beside}`));
  const short = kept.output();
  return { ...short, droppedBytes: short.droppedBytes + output.droppedBytes };
}
