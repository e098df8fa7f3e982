/** The file that a bulk operation left, line by line: from known hosts only, without our token, within bounds. */
import { setImmediate as immediate } from 'node:timers/promises';
import { FileError } from './bulk-rows.ts';

/** Bytes. */
const MAX_FILE = 200_000_000;
/** Characters of one line: an order of 500 lines has one line each. */
const MAX_LINE = 1_000_000;
/** Lines after which others have their turn. */
const SLICE = 200;

export interface Fetched {
  url: string;
  /** Origins from which it may come. */
  from: readonly string[];
  /** What the shop says that it has, in bytes. */
  size: number | undefined;
  line: (text: string) => void;
}

/** Throws a FileError, or whatever `fetch` throws. Follows no redirect: the address is the shop's word, and that only counts for its hosts. */
export async function download({ url, from, size = 0, line }: Fetched, signal: AbortSignal): Promise<void> {
  const target = URL.canParse(url) ? new URL(url) : undefined;
  if (target === undefined || !from.includes(target.origin) || target.username !== '' || target.password !== '')
    throw new FileError('is at an address that is not trusted');
  if (size > MAX_FILE) throw new FileError(`has more than ${MAX_FILE / 1e6} MB`);
  const response = await fetch(target, { redirect: 'manual', signal });
  if (response.status !== 200) {
    await response.body?.cancel();
    throw new FileError(`could not be fetched (${response.status})`);
  }
  const lines = createLines(line);
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > MAX_FILE) throw new FileError(`has more than ${MAX_FILE / 1e6} MB`);
    await lines.add(chunk, signal);
  }
  if (bytes < size) throw new FileError('is not whole');
  lines.end();
}

interface Lines {
  add(chunk: Uint8Array, signal: AbortSignal): Promise<void>;
  end(): void;
}
function createLines(line: (text: string) => void): Lines {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let rest = '';
  let slice = 0;
  const decode = (chunk?: Uint8Array): string => {
    try {
      return chunk === undefined ? decoder.decode() : decoder.decode(chunk, { stream: true });
    } catch {
      throw new FileError('is no UTF-8');
    }
  };
  const take = (text: string): void => {
    if (text.length > MAX_LINE) throw new FileError('has a line that is too long');
    if (text.trim() !== '') line(text);
  };
  return {
    async add(chunk, signal) {
      const texts = decode(chunk).split('\n');
      texts[0] = rest + (texts[0] ?? '');
      rest = texts.pop() ?? '';
      if (rest.length > MAX_LINE) throw new FileError('has a line that is too long');
      for (const text of texts) {
        take(text);
        if (++slice % SLICE !== 0) continue;
        await immediate();
        signal.throwIfAborted();
      }
    },
    end() {
      take(rest + decode());
    },
  };
}
