import type { EventEmitter } from 'node:events';
import { codeOf, messageOf } from '../errors.ts';
import type { Clock } from '../clock.ts';
import type { Scrub } from '../scrub.ts';

/** What holds for this process whatever the command: its pipes, its signals, its crash and its end. */
export const EX_SOFTWARE = 70; // sysexits.h

/** A reader that went away (`bellhop run x | head`) loses the output; the run, or the server whose log it read, goes on. */
export function outliveReaders(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error) => {
      if (codeOf(error) !== 'EPIPE') throw error;
    });
  }
}

/** Anything uncaught is one line and exit 70: the state of the process is unknown, and the store recovers at the next open. */
export function crashInOneLine(scrub: () => Scrub): void {
  for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
    process.on(event, (error: unknown) => {
      const line = { level: 'fatal', message: event, error: messageOf(error), at: firstFrame(error) };
      process.stderr.write(`${scrub()(JSON.stringify(line))}\n`);
      process.exit(EX_SOFTWARE);
    });
  }
}

// npm, systemd and our own launcher each pass on a signal that the terminal or the group has delivered already.
const SAME_SIGNAL_MS = 500;

interface SignalDeps {
  clock: Clock;
  /** Default: this process. */
  signals?: EventEmitter;
}

/** Calls `first` at SIGINT or SIGTERM, and `again` at one that comes later than an echo of the first. */
export function onStopSignal(deps: SignalDeps, first: (signal: string) => void, again: () => void): void {
  const { clock, signals = process } = deps;
  let askedAt: number | undefined;
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    signals.on(signal, () => {
      if (askedAt === undefined) {
        askedAt = clock.monotonic();
        first(signal);
      } else if (clock.monotonic() - askedAt > SAME_SIGNAL_MS) again();
    });
  }
}

/** Ends with `process.exitCode` once all output is handed over, whatever a job has left open (a timer, a connection). */
export async function exitFlushed(): Promise<never> {
  for (const stream of [process.stdout, process.stderr]) {
    await new Promise<void>((resolve) => stream.write('', () => resolve()));
  }
  process.exit();
}

/** Where an error comes from, as one line. */
export function firstFrame(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  return error.stack
    ?.split('\n')
    .find((line) => line.includes('    at '))
    ?.trim();
}
