/** What one child process of a job may use: how it is written in a definition, what holds when nothing is written, and how it is told. */
import { z } from 'zod';
import { RunError } from '../errors.ts';
import { parseDuration } from './duration.ts';

/** Absent: no limit. */
export interface Limits {
  /** Of address space (RLIMIT_AS), for each process. */
  memoryBytes?: number | undefined;
  /** Processes and threads of the job together. */
  processes?: number | undefined;
  /** Of each file that it writes. */
  fileBytes?: number | undefined;
  /** Of processor time, for each process. */
  cpuSeconds?: number | undefined;
  /** For each process. */
  openFiles?: number | undefined;
}

const GB = 1024 ** 3;

/**
 * What holds where a job says nothing. No memory: the kernel counts reserved addresses, and node, Go and Java reserve gigabytes that
 * they never use. No processor time: the timeout ends what runs for too long.
 */
const DEFAULT_LIMITS: Limits = { processes: 512, fileBytes: 10 * GB, openFiles: 4096 };

const UNITS = { b: 1, kb: 1024, mb: 1024 ** 2, gb: GB } as const;

/** Reads `100kb`, `512mb` or `2gb` (of 1024) as bytes; undefined when it is none. */
function parseSize(text: string): number | undefined {
  const match = /^(\d{1,9}(?:\.\d{1,3})?)\s*(b|kb|mb|gb)$/i.exec(text.trim());
  const unit = match?.[2]?.toLowerCase();
  if (unit !== 'b' && unit !== 'kb' && unit !== 'mb' && unit !== 'gb') return undefined;
  return Math.round(Number(match?.[1]) * UNITS[unit]);
}

interface Range {
  min: number;
  max: number;
  says: string;
}

function limit(read: (text: string) => number | undefined, { min, max, says }: Range) {
  return z
    .union([z.number(), z.string()])
    .transform((value, ctx) => {
      if (value === 'off') return 'off' as const;
      const amount = typeof value === 'number' ? value : read(value);
      if (amount !== undefined && Number.isInteger(amount) && amount >= min && amount <= max) return amount;
      ctx.addIssue({ code: 'custom', message: `must be ${says}, or off` });
      return z.NEVER;
    })
    .optional();
}

const none = (): undefined => undefined;
const seconds = (text: string): number | undefined => {
  const ms = parseDuration(text);
  return ms === undefined ? undefined : Math.ceil(ms / 1000);
};

/** The field `limits` of a definition: what is not named there has its default, `off` takes a limit away. */
export const limitsField = z
  .strictObject({
    memory: limit(parseSize, { min: 16 * UNITS.mb, max: 1024 * GB, says: 'between 16mb and 1024gb, like 512mb' }),
    processes: limit(none, { min: 1, max: 100_000, says: 'a whole number between 1 and 100000' }),
    fileSize: limit(parseSize, { min: 1024, max: 1024 ** 2 * GB, says: 'at least 1kb, like 100mb' }),
    cpu: limit(seconds, { min: 1, max: 86_400, says: 'between 1s and 24h, like 60s' }),
    openFiles: limit(none, { min: 16, max: 1_000_000, says: 'a whole number between 16 and 1000000' }),
  })
  .prefault({})
  .transform(({ memory, processes, fileSize, cpu, openFiles }): Limits => ({
    memoryBytes: chosen(memory, DEFAULT_LIMITS.memoryBytes),
    processes: chosen(processes, DEFAULT_LIMITS.processes),
    fileBytes: chosen(fileSize, DEFAULT_LIMITS.fileBytes),
    cpuSeconds: chosen(cpu, DEFAULT_LIMITS.cpuSeconds),
    openFiles: chosen(openFiles, DEFAULT_LIMITS.openFiles),
  }));

function chosen(written: number | 'off' | undefined, usual: number | undefined): number | undefined {
  if (written === 'off') return undefined;
  return written ?? usual;
}

// A shell answers 128 + the number of the signal that ended its command (SIGXCPU is 24, SIGXFSZ is 25 where prlimit is).
const TOLD = [
  { signal: 'SIGXCPU', code: 152, field: 'cpu', limit: 'cpuSeconds', used: 'more processor time than' },
  { signal: 'SIGXFSZ', code: 153, field: 'fileSize', limit: 'fileBytes', used: 'a file larger than' },
] as const;

/** The limit that ended a child, where its end tells it; a program that handles the signal fails in its own words. */
export function limitReached(
  limits: Limits,
  child: { name: string; code: number | null; killedBy: NodeJS.Signals | null },
): RunError | undefined {
  const told = TOLD.find(({ signal, code }) => child.killedBy === signal || child.code === code);
  const amount = told === undefined ? undefined : limits[told.limit];
  if (told === undefined || amount === undefined) return undefined;
  const most = told.field === 'cpu' ? `${amount} seconds` : `${amount} bytes`;
  const verb = told.field === 'cpu' ? 'used' : 'wrote';
  return new RunError(`"${child.name}" ${verb} ${told.used} ${most} and was ended by ${told.signal}`, {
    code: 'LIMIT_REACHED',
    permanent: true,
    hint: `let it use less, or raise limits.${told.field} of the job`,
  });
}
