/** What a job file says, and what becomes of it once it is checked. */
import type { z } from 'zod';
import type { Actor, Kind, RunPolicy } from '../store/records.ts';
import type { ScheduleSpec } from '../store/schedule-records.ts';
import type { AgentJob, AgentTool, ToolContext, ToolOutput } from './agent-job.ts';
import type { NewAttachment } from './attachments.ts';
import type { InputShape } from './fields.ts';
import type { Limits } from './limits.ts';
import type { Guards } from './schedule-fields.ts';
import type { Target } from './targets.ts';

/** What a running function may use. */
export interface JobContext {
  readonly runId: string;
  readonly job: string;
  /** From 1. */
  readonly attempt: number;
  readonly actor: Actor;
  /** The addresses of BASE_URLS that the job's `allowedHosts` let through; all of them where it names none. */
  readonly targets: readonly string[];
  /** Aborts on timeout, cancel and shutdown; hand it to everything that waits. */
  readonly signal: AbortSignal;
  /** Runs `fn` as a named step that people see on the card; at most 50 are kept. */
  step<T>(title: string, fn: () => T | Promise<T>): Promise<T>;
  /** Says how far the run is: a share between 0 and 1, and a word about it. */
  progress(share: number, note?: string): void;
  /** Keeps a line with the attempt, as stderr is kept for a command. */
  log(line: string): void;
  /**
   * Keeps a file that goes with the report: 20 MB each, 25 MB and 10 files in all; more is left out, and the report says so. Those of an
   * attempt that is tried again are forgotten.
   */
  attach(file: NewAttachment): void;
}

/** A time: milliseconds, or a number with `ms`, `s`, `m`, `h` or `d`. */
export type Duration = number | string;

/** When the job runs by itself, and what becomes of it. */
export interface JobSchedule {
  /** Five cron fields, or words: `every monday 09:00`, `weekdays 08:30`, `every 15 minutes`. */
  when: string;
  /** An IANA name like Europe/Berlin; default: BELLHOP_TIME_ZONE. */
  zone?: string;
  /** Tells apart the schedules of one job; needed from the second on. */
  name?: string;
  /** Must fit the job's input; default: none. */
  input?: Record<string, unknown>;
  /** Where the report goes, instead of the job's destinations. */
  destinations?: readonly Target[];
  /** What becomes of slots that passed while Bellhop was down; default: the latest of the last day runs, late. */
  catchUp?: 'skip' | 'latest' | 'all' | { policy?: 'skip' | 'latest' | 'all'; window?: Duration; burst?: number };
  /** `business`: Monday to Friday only. */
  days?: 'all' | 'business';
  /** Dates like 2026-12-25 on which nothing runs. */
  holidays?: readonly string[];
  blackouts?: readonly { from: string; to: string; reason: string }[];
  /** Who is told of failures; default: BELLHOP_ALERTS_TO. */
  tell?: readonly Target[];
  /** After how many failures in a row people are told (1), how long the next cause waits (1h), and when the schedule is paused. */
  alert?: { after?: number; coolDown?: Duration; pauseAfter?: number };
  /** A run that has not ended so long after its time is told; default 15m. */
  lateAfter?: Duration;
}

/** What must hold before a run of the job starts; a refusal carries its reason. */
export interface JobGuards {
  /** An environment variable that must be 1, true, yes or on. */
  enabledBy?: string;
  /** Hosts that addresses in the input, and targets, may name: exact, or `*.example.com`. */
  allowedHosts?: readonly string[];
  /** Runs that one minute's planning may start. */
  maxPerTick?: number;
  maxPerHour?: number;
  maxPerDay?: number;
  /** The slot after a failed run is skipped, once. */
  skipAfterFailure?: boolean;
  approval?: 'required';
}

/** The value of an environment variable; undefined where it is not set, or empty. */
export type Lookup = (name: string) => string | undefined;

export interface JobBase<S extends z.ZodObject> {
  /** kebab-case, unique in the folder. */
  name: string;
  description: string;
  /** The input; the run's `input` has this type. Default: no input. */
  input?: S;
  /** Where the report goes; default `['origin']`: where it was asked. */
  destinations?: readonly Target[] | ((input: z.infer<S>) => readonly Target[]);
  /** Attempts after the first, 0 to 19; default 2. */
  retries?: number;
  /** Of one attempt; default 10m, at most 24h. */
  timeout?: Duration;
  /** Runs of this job at the same time; default 1. */
  concurrency?: number;
  /** -100 to 100, higher goes first; default 0. */
  priority?: number;
  /** Full-jitter exponential waits between attempts; default 2s to 5m. */
  backoff?: { base?: Duration; max?: Duration };
  /** Names of environment variables that its child process may see, beside PATH, LANG and TZ. */
  env?: readonly string[];
  /** A function is asked when the file is loaded; it may look into the environment, `.env` included: `(variable) => variable('TEAM')`. */
  schedules?: readonly JobSchedule[] | ((variable: Lookup) => readonly JobSchedule[]);
  /** What a slot does while the run of the slot before is not over; default skip. */
  overlap?: Overlap;
  guards?: JobGuards;
  /** Costs money or much time: not without a gate and a cap in production, and never a burst of missed runs. */
  expensive?: boolean;
}

export type Overlap = 'skip' | 'queue' | 'cancel-previous';

/** A schedule of a job's definition, read: `zone` is absent where the definition names none. */
export type LoadedSchedule = Omit<ScheduleSpec, 'zone'> & { name: string; zone?: string };

/**
 * A job that is a function. It returns a report, markdown, `{ report, result }`, or any JSON; throwing a PermanentError ends the run,
 * a RetryLater sets the wait before the next attempt, anything else is tried again while attempts are left.
 */
export interface FunctionJob<S extends z.ZodObject = z.ZodObject> extends JobBase<S> {
  kind?: 'function';
  run(input: z.infer<S>, ctx: JobContext): unknown;
  /** Run it in a child process of its own: it may then crash or hang without harm. */
  isolate?: boolean;
}

/** A job that is a program: no shell; `{{name}}` in an argument is replaced by that input as part of ONE argument. */
export interface CommandJob<S extends z.ZodObject = z.ZodObject> extends JobBase<S> {
  kind: 'command';
  command: readonly [string, ...string[]];
  /** What stdout is; default `auto`: a JSON object or array is read as one, everything else is shown as text. */
  output?: 'auto' | 'json' | 'markdown' | 'text';
  /** Bytes of output after which the command is killed; default 50 MB. */
  outputLimit?: number;
  /** What its processes may use, as far as this machine can hold them to it (docs/confinement.md); `off` takes a default away. */
  limits?: JobLimits;
}

/** A size is a number of bytes, or `100kb`, `512mb`, `2gb`. */
export interface JobLimits {
  /** Address space of each process; default off, for node, Go and Java reserve far more than they use. */
  memory?: number | string;
  /** Processes and threads at once; default 512. */
  processes?: number | 'off';
  /** Of each file that is written; default 10gb. */
  fileSize?: number | string;
  /** Processor time of each process, in seconds or like `60s`; default off: the timeout ends it. */
  cpu?: number | string;
  /** Of each process; default 4096. */
  openFiles?: number | 'off';
}

export type JobDefinition<S extends z.ZodObject = z.ZodObject> = FunctionJob<S> | CommandJob<S> | AgentJob<S>;

type Empty = z.ZodObject<Record<string, never>>;

/** Defines a job: export it as the default of a file in the jobs folder. It is checked when the file is loaded. */
export function defineJob<S extends z.ZodObject = Empty>(definition: JobDefinition<S>): JobDefinition<S> {
  return definition;
}

interface LoadedBase {
  name: string;
  description: string;
  kind: Kind;
  /** The file's name inside the jobs folder, and its absolute path. */
  file: string;
  path: string;
  schema: z.ZodObject;
  shape: InputShape;
  /** Parsed already when it is a list; a function is asked at the end of each run. */
  destinations: readonly Target[] | ((input: Record<string, unknown>) => unknown);
  policy: RunPolicy;
  concurrency: number;
  priority: number;
  env: readonly string[];
  schedules: readonly LoadedSchedule[];
  overlap: Overlap;
  guards: Guards;
  expensive: boolean;
}

export interface LoadedFunction extends LoadedBase {
  kind: 'function';
  run: (input: Record<string, unknown>, ctx: JobContext) => unknown;
  isolate: boolean;
}

export interface LoadedCommand extends LoadedBase {
  kind: 'command';
  command: readonly string[];
  output: 'auto' | 'json' | 'markdown' | 'text';
  outputLimitBytes: number;
  limits: Limits;
}

/** A plugin, as its manifest says. */
export interface PluginFacts {
  name: string;
  version: string;
  /** Absolute. */
  folder: string;
  /** The executable, inside the folder. */
  entrypoint: string;
  /** False: one call at a time, of all its commands together. */
  concurrencySafe: boolean;
  /** Where its config keys are read from. */
  variables: readonly string[];
}

/** A command of a plugin: a job named `<plugin>-<command>`. */
export interface LoadedPlugin extends LoadedBase {
  kind: 'plugin';
  plugin: PluginFacts;
  command: string;
  type: 'read' | 'write';
  limits: Limits;
  /** The values of its config keys. A function, so that they stand in nothing that is written down. */
  config: () => Record<string, string>;
}

/** An agent, checked: its defaults filled in, its prompt read. */
export interface LoadedAgent extends LoadedBase {
  kind: 'agent';
  model: string;
  effort: NonNullable<AgentJob['effort']>;
  prompt: { text: string; sha256: string };
  tools: readonly LoadedTool[];
  /** Of the names, descriptions and input schemas of the tools. */
  toolsSha256: string;
  baseline: (input: Record<string, unknown>) => readonly { tool: string; input: Record<string, unknown> }[];
  requires: readonly string[];
  actions: NonNullable<AgentJob['actions']>;
  analyse: AgentJob['analyse'];
  followUp: AgentJob['followUp'];
  output: AgentJob['output'];
  /** Undefined: every report is the first. */
  memory: { weeks: number; reports: number } | undefined;
  budget: {
    /** Micro-dollars of one run, and of the job in a day. */
    runMicroUsd: number;
    dayMicroUsd: number;
    turns: number;
    toolCalls: number;
    tokens: number;
    outputTokens: number;
  };
  price: 'known' | 'unknown';
  whenModelFails: 'fail' | 'figures';
}

export interface LoadedTool extends Omit<AgentTool, 'timeout' | 'maxResultChars' | 'run'> {
  /** The JSON schema of its input, as it goes over the wire. */
  inputSchema: Record<string, unknown>;
  timeoutMs: number;
  maxResultChars: number;
  run: (input: Record<string, unknown>, ctx: ToolContext) => Promise<ToolOutput>;
}

export type LoadedJob = LoadedFunction | LoadedCommand | LoadedPlugin | LoadedAgent;
