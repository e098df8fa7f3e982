/**
 * A real process whose wall clock is in our hands: libfaketime (the Debian package faketime) preloaded, the offset in a file. The clock
 * that never steps stays as it is, so timers run on, as they do when an administrator or NTP steps the clock of a machine.
 */
import { existsSync } from 'node:fs';
import { rename, writeFile } from 'node:fs/promises';

const PLACES = [
  '/usr/lib/x86_64-linux-gnu/faketime',
  '/usr/lib/aarch64-linux-gnu/faketime',
  '/usr/lib/faketime',
  '/usr/lib64/faketime',
  '/usr/local/lib/faketime',
];

/** The library for processes with threads; undefined where the package is not installed. */
export function faketimeLibrary(): string | undefined {
  return PLACES.map((place) => `${place}/libfaketimeMT.so.1`).find((path) => existsSync(path));
}

export interface FakeTime {
  /** Of the process that is to be fooled. */
  env: Record<string, string>;
  /** What the process sees, to about a tenth of a second. */
  now(): number;
  /** Moves its wall clock; it is seen within `SEEN_MS`. */
  step(ms: number): Promise<void>;
}

/** The library looks at its file so often. */
const SEEN_MS = 1_000;

/** Makes the clock of a process; `file` is the file that the library reads. Begins at `startMs`. */
export async function createFakeTime(at: { library: string; file: string; startMs: number }): Promise<FakeTime> {
  const { library, file, startMs } = at;
  let offsetMs = startMs - Date.now();
  async function show(): Promise<void> {
    const seconds = (offsetMs / 1_000).toFixed(3);
    // Replaced as a whole: it is read at any moment.
    await writeFile(`${file}.new`, `${offsetMs < 0 ? '' : '+'}${seconds}\n`);
    await rename(`${file}.new`, file);
  }
  await show();
  return {
    env: {
      LD_PRELOAD: library,
      FAKETIME_TIMESTAMP_FILE: file,
      FAKETIME_CACHE_DURATION: String(SEEN_MS / 1_000),
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
      // The versions of job files are their real times.
      NO_FAKE_STAT: '1',
    },
    now: () => Date.now() + offsetMs,
    async step(ms) {
      offsetMs += ms;
      await show();
    },
  };
}
