import { fork } from 'node:child_process';
import { basename, dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { RunError, messageOf } from '../../errors.ts';
import { isErrorCode } from '../codes.ts';
import { ToParent, type ToChild } from './messages.ts';
import { childEnv, supervise, type ChildEnd } from './process.ts';
import { outputText } from '../../output.ts';
import type { Clock } from '../../clock.ts';
import type { LoadedFunction } from '../jobs.ts';
import type { AttemptContext, KindEnd, Started } from './end.ts';

const CHILD = fileURLToPath(new URL('child.ts', import.meta.url));
const OUTPUT_LIMIT = 50_000_000;

interface IsolatedDeps {
  clock: Clock;
  env: Record<string, string | undefined>;
}

/** Starts a function in a process of its own; a crash or a hang there ends the attempt and nothing else. */
export function startIsolated(deps: IsolatedDeps, job: LoadedFunction, ctx: AttemptContext): Started {
  const end = runIsolated(deps, job, ctx).catch((error: unknown): KindEnd => ({ ok: false, error }));
  return { end, gone: end.then(() => undefined) };
}

async function runIsolated(deps: IsolatedDeps, job: LoadedFunction, ctx: AttemptContext): Promise<KindEnd> {
  const child = fork(CHILD, [], {
    // A debugger's port cannot be shared.
    execArgv: process.execArgv.filter((arg) => !arg.startsWith('--inspect')),
    env: childEnv(deps.env, job.env),
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  let answer: Extract<ToParent, { type: 'done' | 'error' }> | undefined;
  child.on('message', (message) => {
    const parsed = ToParent.safeParse(message);
    if (!parsed.success) return;
    if (parsed.data.type === 'progress') ctx.book.replace(parsed.data.progress);
    else if (parsed.data.type === 'log') ctx.book.log(parsed.data.line);
    else if (parsed.data.type === 'file') attach(ctx, parsed.data);
    else if (parsed.data.type === 'file_left_out') ctx.files.note(parsed.data.problem);
    else answer ??= parsed.data;
  });
  const { runId, attempt, actor, targets, input } = ctx;
  const at = { dir: dirname(job.path), file: basename(job.path), version: 'child' };
  const start: ToChild = { type: 'start', ...at, runId, job: ctx.job, attempt, actor, targets: [...targets], input };
  // A child that died before it could listen is seen by its exit.
  child.send(start, () => undefined);
  const ended = await supervise(child, { clock: deps.clock, signal: ctx.signal, outputLimitBytes: OUTPUT_LIMIT });
  for (const capture of [ended.stdout, ended.stderr]) {
    if (capture.bytes() > 0) ctx.book.log(outputText(capture.output()).trimEnd());
  }
  return endOf(ended, answer);
}

function attach({ files }: AttemptContext, sent: Extract<ToParent, { type: 'file' }>): void {
  const { name, mediaType, title, base64 } = sent;
  try {
    files.add({ name, mediaType, content: Buffer.from(base64, 'base64'), ...(title !== undefined && { title }) });
  } catch (error) {
    // The child checked it already; what it says all the same must not end this process.
    files.note(messageOf(error));
  }
}

function endOf(child: ChildEnd, answer: Extract<ToParent, { type: 'done' | 'error' }> | undefined): KindEnd {
  if (answer?.type === 'done') return { ok: true, output: { form: 'value', value: answer.value } };
  if (answer?.type === 'error') return { ok: false, error: errorOf(answer) };
  if (child.overflow) {
    const message = `the child process wrote more than ${OUTPUT_LIMIT} bytes and was killed`;
    return { ok: false, error: new RunError(message, { code: 'OUTPUT_LIMIT', permanent: true }) };
  }
  const how = child.code === null ? `by ${child.killedBy ?? 'a signal'}` : `with code ${child.code}`;
  const error = new RunError(`the child process ended ${how} without an answer`, {
    code: 'CHILD_DIED',
    hint: 'what it printed is kept with the attempt',
    cause: child.spawnError,
  });
  return { ok: false, error };
}

function errorOf(answer: Extract<ToParent, { type: 'error' }>): RunError {
  const { message, permanent, hint, retryAfterMs } = answer;
  return new RunError(message, {
    code: isErrorCode(answer.code) ? answer.code : 'JOB_FAILED',
    permanent,
    ...(hint !== undefined && { hint }),
    ...(retryAfterMs !== undefined && { retryAfterMs }),
  });
}
