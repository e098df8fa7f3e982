import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { RunError, codeOf, messageOf } from '../../errors.ts';
import { members } from '../json.ts';
import { limitReached } from '../limits.ts';
import { shortened } from './capture.ts';
import { childEnv, supervise, type ChildEnd } from './process.ts';
import { findProgram } from './program.ts';
import { outputText } from '../../output.ts';
import type { Clock } from '../../clock.ts';
import type { Json } from '../../store/store.ts';
import type { LoadedCommand } from '../jobs.ts';
import type { Confinement } from './confine.ts';
import type { AttemptContext, KindEnd, Started } from './end.ts';

// EX_CONFIG of sysexits.h: the command itself says that trying again will not help.
const EX_CONFIG = 78;
const PLACEHOLDER = /\{\{\s*([A-Za-z0-9_-]+)\s*\}\}/g;
const WHOLE = /^\{\{\s*[A-Za-z0-9_-]+\s*\}\}$/;

/**
 * Fills the placeholders; a value stays part of ONE argument and no shell ever reads it. A value that would be the whole argument and
 * begins with `-` is refused, for the program would read it as an option, unless a `--` stands before it. An absent optional value
 * leaves its argument out. Throws a RunError (INPUT_INVALID, permanent).
 */
export function fillCommand(command: readonly string[], input: Json): string[] {
  const values = members(input) ?? {};
  return command.flatMap((argument, at) => {
    const name = WHOLE.test(argument) ? argument.slice(2, -2).trim() : undefined;
    if (name === undefined) return [argument.replace(PLACEHOLDER, (_all, key: string) => valueText(values[key], key))];
    if (values[name] === undefined || values[name] === null) return [];
    const text = valueText(values[name], name);
    if (text.startsWith('-') && !command.slice(0, at).includes('--')) throw refused(name, 'must not begin with "-"');
    return [text];
  });
}

function valueText(value: unknown, name: string): string {
  if (value === undefined || value === null) return '';
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  if (text.includes('\0')) throw refused(name, 'must not contain a NUL character');
  return text;
}

function refused(name: string, why: string): RunError {
  return new RunError(`${name}: ${why}`, { code: 'INPUT_INVALID', permanent: true });
}

interface CommandDeps {
  clock: Clock;
  env: Record<string, string | undefined>;
  /** Without one: the process group alone. */
  confinement?: Confinement;
}

/** Starts a command in a fresh folder that is removed afterwards; its end follows the signal within about 6 s. */
export function startCommand(deps: CommandDeps, job: LoadedCommand, ctx: AttemptContext): Started {
  const end = runCommand(deps, job, ctx).catch((error: unknown): KindEnd => ({ ok: false, error }));
  return { end, gone: end.then(() => undefined) };
}

async function runCommand(deps: CommandDeps, job: LoadedCommand, ctx: AttemptContext): Promise<KindEnd> {
  const [file = '', ...args] = fillCommand(job.command, ctx.input);
  const cwd = await mkdtemp(join(tmpdir(), 'bellhop-run-'));
  try {
    const search = childEnv(deps.env, job.env);
    const env = {
      ...search,
      TMPDIR: cwd,
      BELLHOP_RUN_ID: ctx.runId,
      BELLHOP_JOB: ctx.job,
      BELLHOP_ATTEMPT: String(ctx.attempt),
    };
    // A relative executable belongs to the jobs folder, not to the empty folder that the command runs in.
    const executable = /^\.\.?\//.test(file) ? resolve(dirname(job.path), file) : file;
    const path = search['PATH'] ?? '';
    const found = await findProgram(executable, { path, cwd });
    if ('problem' in found)
      throw notStarted({ file, path }, Object.assign(new Error(found.problem), { code: found.problem }));
    const call = { file: executable, args, cwd, limits: job.limits, writable: [cwd] };
    const child = start(deps.confinement?.wrap(call) ?? call, { file, cwd, env });
    const limits = { clock: deps.clock, signal: ctx.signal, outputLimitBytes: job.outputLimitBytes };
    return endOf(job, await supervise(child, limits), { file, path });
  } finally {
    await rm(cwd, { recursive: true, force: true, maxRetries: 3 }).catch(() => undefined);
  }
}

interface At {
  /** As the job names it. */
  file: string;
  cwd: string;
  env: Record<string, string>;
}

function start(call: { file: string; args: string[] }, { file, cwd, env }: At): ChildProcess {
  try {
    return spawn(call.file, call.args, { cwd, env, shell: false, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  } catch (error) {
    throw notStarted({ file, path: env['PATH'] ?? '' }, error);
  }
}

interface Called {
  file: string;
  path: string;
}

function endOf(job: LoadedCommand, child: ChildEnd, called: Called): KindEnd {
  const stderr = shortened(child.stderr);
  const kept = stderr === undefined ? {} : { stderr };
  if (child.spawnError !== undefined) return { ok: false, error: notStarted(called, child.spawnError), ...kept };
  if (child.overflow) {
    const error = new RunError(`"${called.file}" wrote more than ${job.outputLimitBytes} bytes and was killed`, {
      code: 'OUTPUT_LIMIT',
      permanent: true,
      hint: 'print less, write large data to a file, or raise outputLimit',
    });
    return { ok: false, error, ...kept };
  }
  if (child.code !== 0) {
    const limit = limitReached(job.limits, { name: called.file, ...child });
    return { ok: false, error: limit ?? exitError(called, child), ...kept };
  }
  return { ...readStdout(job, child), ...kept };
}

function exitError(called: Called, child: ChildEnd): RunError {
  const how = child.code === null ? `was ended by ${child.killedBy ?? 'a signal'}` : `exited with code ${child.code}`;
  const said = outputText(child.stderr.output()).trimEnd().split('\n').at(-1)?.trim() ?? '';
  return new RunError(`"${called.file}" ${how}${said === '' ? '' : `: ${said}`}`, {
    code: 'COMMAND_EXIT',
    permanent: child.code === EX_CONFIG,
    ...(said === '' && { hint: 'it wrote nothing to stderr' }),
  });
}

function notStarted(called: Called, cause: unknown): RunError {
  const code = codeOf(cause);
  if (code === 'ENOENT' || code === 'EACCES' || code === 'ENOEXEC' || code === 'ENOTDIR') {
    const why = code === 'ENOENT' ? 'was not found' : `may not be executed (${code})`;
    return new RunError(`the executable "${called.file}" ${why}`, {
      code: 'COMMAND_NOT_FOUND',
      permanent: true,
      hint: called.file.includes('/') ? 'check the path and its rights' : `PATH is ${called.path}`,
      cause,
    });
  }
  return new RunError(`"${called.file}" could not be started: ${messageOf(cause)}`, { code: 'COMMAND_EXIT', cause });
}

function readStdout(job: LoadedCommand, child: ChildEnd): KindEnd {
  const output = child.stdout.output();
  const text = outputText(output);
  if (job.output === 'markdown') return { ok: true, output: { form: 'value', value: text } };
  if (job.output === 'text') return { ok: true, output: { form: 'text', text } };
  const parsed = output.droppedBytes === 0 ? parseContainer(text) : undefined;
  if (parsed !== undefined) return { ok: true, output: { form: 'value', value: parsed } };
  if (job.output === 'auto') return { ok: true, output: { form: 'text', text } };
  const why = output.droppedBytes > 0 ? 'longer than 128 KB' : 'no JSON object or array';
  const error = new RunError(`the output is ${why}`, {
    code: 'RESULT_INVALID',
    permanent: true,
    hint: 'the job says output: json; print exactly one JSON document to stdout',
  });
  return { ok: false, error };
}

function parseContainer(text: string): unknown {
  if (!/^\s*[[{]/.test(text)) return undefined;
  try {
    const parsed: unknown = JSON.parse(text);
    return parsed;
  } catch {
    return undefined;
  }
}
