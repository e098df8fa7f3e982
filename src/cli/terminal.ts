/** Where a command writes, and what it ends with. */
import type { Clock } from '../clock.ts';

/** Exit codes: the run and its deliveries are two things and have two codes. Usage and above follow sysexits.h. */
export const EXIT = {
  ok: 0,
  runFailed: 1,
  notDelivered: 3,
  waiting: 4,
  interrupted: 130,
  usage: 64,
  noReport: 65,
} as const;

export interface Terminal {
  /** Answers: reports, tables, JSON. */
  out: (text: string) => void;
  /** Progress and problems. */
  err: (text: string) => void;
  width: number;
  color: 'ansi' | 'none';
  links: 'osc8' | 'written';
  clock: Clock;
  signal: AbortSignal;
}
