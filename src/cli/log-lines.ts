import type { Clock } from '../clock.ts';
import type { LogLevel } from '../log.ts';

export interface LogLines {
  write: (line: string, level: LogLevel) => void;
  /** Writes what is held; the end of the process must call it. */
  flush: () => void;
}

/** So long a line may be held for others; a `kill -9` loses no more of the log than that. */
const HOLD_MS = 25;
const HOLD_CHARS = 32_768;

/**
 * Writes several lines with one call: under load a write for each line, and the reader it wakes, took a tenth of the loop (ADR 0003).
 * What is worth a warning is written at once, with all that came before it.
 */
export function createLogLines(deps: { write: (text: string) => void; clock: Pick<Clock, 'after'> }): LogLines {
  let held = '';
  function flush(): void {
    const text = held;
    held = '';
    if (text !== '') deps.write(text);
  }
  return {
    write(line, level) {
      if (held === '') deps.clock.after(HOLD_MS, flush);
      held += line;
      if (level === 'warn' || level === 'error' || held.length >= HOLD_CHARS) flush();
    },
    flush,
  };
}
