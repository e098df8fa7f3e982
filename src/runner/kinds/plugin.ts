/** One attempt of a plugin: a fresh process that reads one request and writes one response. Which end is which: docs/plugins.md. */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { iso, type Clock } from '../../clock.ts';
import { RunError, codeOf, messageOf } from '../../errors.ts';
import { limitReached } from '../limits.ts';
import { entrypointOf } from '../plugins/entrypoint.ts';
import {
  MAX_RESPONSE_BYTES,
  PROTOCOL,
  readResponse,
  type PluginRequest,
  type PluginResponse,
  type ReadResponse,
} from '../plugins/protocol.ts';
import { nextState, readState } from '../plugins/state.ts';
import { outputText } from '../../output.ts';
import { shortened } from './capture.ts';
import type { Confinement } from './confine.ts';
import { childEnv, supervise, type ChildEnd } from './process.ts';
import { findProgram } from './program.ts';
import type { Run } from '../../store/records.ts';
import type { Store } from '../../store/store.ts';
import type { LoadedPlugin } from '../jobs.ts';
import type { AttemptContext, KindEnd, Started } from './end.ts';

// EX_CONFIG of sysexits.h: the plugin itself says that trying again will not help.
const EX_CONFIG = 78;
/** Of stdout and stderr together. */
const OUTPUT_LIMIT = 50_000_000;

interface Call {
  file: string;
  args: string[];
}

export interface PluginDeps {
  clock: Clock;
  env: Record<string, string | undefined>;
  store: Pick<Store, 'getDoc'>;
  confinement?: Confinement;
}

/** What is carried out: the command of a plugin, for a run. */
export interface PluginCall {
  job: LoadedPlugin;
  run: Run;
  ctx: AttemptContext;
  /** When the attempt is killed. */
  deadlineAt: number;
}

/** Starts a plugin in a fresh folder that is removed afterwards; its end follows the signal within about 6 s. */
export function startPlugin(deps: PluginDeps, call: PluginCall): Started {
  const end = runPlugin(deps, call).catch((error: unknown): KindEnd => ({ ok: false, error }));
  return { end, gone: end.then(() => undefined) };
}

async function runPlugin(deps: PluginDeps, call: PluginCall): Promise<KindEnd> {
  const { job, ctx } = call;
  // Looked at again: what was inside the folder when it was loaded may be a link to elsewhere by now.
  const file = await entrypointOf(job.plugin).catch((cause: unknown) => Promise.reject(notStarted(job, cause)));
  const { value } = await readState(deps.store, job.plugin.name);
  const cwd = await mkdtemp(join(tmpdir(), 'bellhop-run-'));
  try {
    const found = await findProgram(file, { path: '', cwd });
    if ('problem' in found) throw notStarted(job, Object.assign(new Error(found.problem), { code: found.problem }));
    const within = { file, args: [], cwd, limits: job.limits, writable: [cwd] };
    const wrapped = deps.confinement?.wrap(within) ?? within;
    const child = start(job, wrapped, { cwd, env: { ...childEnv(deps.env, []), TMPDIR: cwd } });
    const stdout = collect(child);
    tell(child, requestOf(call, value));
    const bounds = { outputLimitBytes: OUTPUT_LIMIT, stdoutLimitBytes: MAX_RESPONSE_BYTES };
    const ended = await supervise(child, { clock: deps.clock, signal: ctx.signal, ...bounds });
    return endOf(deps, job, { ...ended, said: stdout() });
  } finally {
    await rm(cwd, { recursive: true, force: true, maxRetries: 3 }).catch(() => undefined);
  }
}

function start(job: LoadedPlugin, { file, args }: Call, at: { cwd: string; env: Record<string, string> }) {
  try {
    return spawn(file, args, { ...at, shell: false, detached: true, stdio: ['pipe', 'pipe', 'pipe'] });
  } catch (error) {
    throw notStarted(job, error);
  }
}

/** All of stdout, as it came: the capture of the supervision is for people and takes control characters out. */
function collect(child: ChildProcess): () => Uint8Array {
  const chunks: Buffer[] = [];
  let size = 0;
  child.stdout?.on('data', (chunk: Buffer) => {
    if (size > MAX_RESPONSE_BYTES) return;
    size += chunk.length;
    chunks.push(chunk);
  });
  return () => Buffer.concat(chunks);
}

function requestOf({ job, run, ctx, deadlineAt }: PluginCall, state: Record<string, unknown>): PluginRequest {
  const { kind, id, name } = ctx.actor;
  const { schedule } = run;
  return {
    protocol: PROTOCOL,
    job_id: ctx.runId,
    command: job.command,
    config: job.config(),
    state,
    context: {
      attempt: ctx.attempt,
      actor: { kind, id, ...(name !== undefined && { name }) },
      trigger: run.trigger,
      job: ctx.job,
      ...(schedule !== undefined && { schedule: { name: schedule.name, slot: schedule.slot } }),
    },
    event: ctx.input,
    deadline_at: iso(deadlineAt),
  };
}

/** One write and the end of stdin. A plugin need not read it: then the pipe breaks, and that is no error. */
function tell({ stdin }: ChildProcess, request: PluginRequest): void {
  stdin?.on('error', () => undefined);
  stdin?.end(`${JSON.stringify(request)}\n`);
}

type Ended = ChildEnd & { said: Uint8Array };

function endOf(deps: PluginDeps, job: LoadedPlugin, child: Ended): KindEnd {
  if (child.spawnError !== undefined) return { ok: false, error: notStarted(job, child.spawnError) };
  const read = child.overflow ? undefined : readResponse(child.said);
  const response = read?.ok === true ? read.response : undefined;
  const logs = (response?.logs ?? []).map((line) => `${line}\n`).join('');
  const stderr = shortened(child.stderr, logs);
  const updates = response?.stateUpdates ?? {};
  const kept = {
    ...(stderr !== undefined && { stderr }),
    ...(response !== undefined && { response: response.whole }),
    docs: () => nextState(deps.store, job.plugin.name, updates),
  };
  const error = read === undefined ? overflow(job) : failureOf(job, child, read);
  if (error !== undefined) return { ok: false, error, ...kept };
  return { ok: true, output: { form: 'value', value: response?.result }, ...kept };
}

/** Why the attempt failed; undefined when it did not. */
function failureOf(job: LoadedPlugin, child: Ended, read: ReadResponse): RunError | undefined {
  const name = `plugin ${job.plugin.name}`;
  if (read.ok && read.response.status === 'error') return saidError(read.response, child);
  const limit = limitReached(job.limits, { name, ...child });
  if (limit !== undefined) return limit;
  if (child.code !== 0) return exitError(name, child, read);
  if (read.ok) return undefined;
  return new RunError(`what ${name} wrote to stdout is not one response: ${read.reason}`, {
    code: 'PLUGIN_RESPONSE',
    permanent: true,
    hint: 'write one JSON object to stdout, and everything else to stderr',
  });
}

function saidError({ error, retry }: PluginResponse, { code }: ChildEnd): RunError {
  const message = error.code === undefined ? error.message : `${error.code}: ${error.message}`;
  const hint = error.hint === undefined ? {} : { hint: error.hint };
  return new RunError(message, { code: 'PLUGIN_ERROR', permanent: code === EX_CONFIG || !retry, ...hint });
}

function exitError(name: string, child: Ended, read: ReadResponse): RunError {
  const how = child.code === null ? `was ended by ${child.killedBy ?? 'a signal'}` : `exited with code ${child.code}`;
  const last = outputText(child.stderr.output()).trimEnd().split('\n').at(-1)?.trim() ?? '';
  const permanent = child.code === EX_CONFIG || (read.ok && !read.response.retry);
  return new RunError(`${name} ${how}${last === '' ? '' : `: ${last}`}`, {
    code: 'PLUGIN_EXIT',
    permanent,
    hint: read.ok ? 'its response said ok: end with 0 then' : `its response counts for nothing: ${read.reason}`,
  });
}

function overflow(job: LoadedPlugin): RunError {
  return new RunError(`plugin ${job.plugin.name} wrote more than it may and was killed`, {
    code: 'OUTPUT_LIMIT',
    permanent: true,
    hint: `a response may have ${MAX_RESPONSE_BYTES} bytes, stdout and stderr together ${OUTPUT_LIMIT}`,
  });
}

function notStarted({ plugin }: LoadedPlugin, cause: unknown): RunError {
  const code = codeOf(cause) ?? '';
  if (code === 'JOB_INVALID' || ['ENOENT', 'EACCES', 'ENOEXEC', 'ENOTDIR'].includes(code)) {
    return new RunError(`plugin ${plugin.name} cannot be started: ${messageOf(cause)}`, {
      code: 'COMMAND_NOT_FOUND',
      permanent: true,
      hint: 'check the entrypoint, its rights and, for a script, the program in its first line',
      cause,
    });
  }
  return new RunError(`plugin ${plugin.name} could not be started: ${messageOf(cause)}`, {
    code: 'PLUGIN_EXIT',
    cause,
  });
}
