import type { Clock } from './clock.ts';
import { iso } from './clock.ts';
import { BellhopError, messageOf } from './errors.ts';
import type { Scrub } from './scrub.ts';

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];
export type LogFields = Record<string, unknown>;

/** One JSON line an entry. Fields hold ids, codes and counts: never a body, an address or a secret. */
export interface Log {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

export interface LogDeps {
  write: (line: string, level: LogLevel) => void;
  scrub: Scrub;
  clock: Pick<Clock, 'now'>;
}

/** Makes a log that writes JSON lines at or above `level`, scrubbed as a whole. */
export function createLog(deps: LogDeps, level: LogLevel): Log {
  const floor = LOG_LEVELS.indexOf(level);
  const at = (name: LogLevel) => {
    if (LOG_LEVELS.indexOf(name) < floor) return () => undefined;
    return (message: string, fields: LogFields = {}) => {
      const line = JSON.stringify({ time: iso(deps.clock.now()), level: name, message, ...fields }, replacer);
      deps.write(`${deps.scrub(line)}\n`, name);
    };
  };
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}

/** A log that says nothing. */
export const silentLog: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

function replacer(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString();
  if (!(value instanceof Error)) return value;
  const code = value instanceof BellhopError ? { code: value.code } : {};
  return {
    ...code,
    message: messageOf(value),
    ...(value.cause instanceof Error ? { cause: value.cause.message } : {}),
  };
}
