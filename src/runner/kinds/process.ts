/**
 * Child processes as both child kinds need them: own process group, bounded output, SIGTERM and then SIGKILL for the whole group.
 * What survives that, confine.ts ends where it can: a grandchild that made a session of its own (setsid), and, when this process itself
 * dies by kill -9, the children. Where it cannot they end by themselves, and their run is claimed again when its lease expires.
 */
import { readdir, readFile } from 'node:fs/promises';
import { createCapture, type Capture } from './capture.ts';
import type { ChildProcess } from 'node:child_process';
import type { Clock } from '../../clock.ts';

const KEPT = 64 * 1024;
const KILL_AFTER_MS = 5000;
const PIPES_CLOSE_MS = 1000;
const POLL_MS = 25;

export interface ChildEnd {
  code: number | null;
  killedBy: NodeJS.Signals | null;
  /** It wrote more than the limit and was killed for it. */
  overflow: boolean;
  /** Why it could not be started at all. */
  spawnError?: unknown;
  stdout: Capture;
  stderr: Capture;
}

export interface Supervision {
  clock: Clock;
  signal: AbortSignal;
  /** Of stdout and stderr together. */
  outputLimitBytes: number;
  /** Of stdout alone. */
  stdoutLimitBytes?: number;
}

/** Follows a child that was spawned `detached` to its end; resolves when its group is gone or killed, at most about 6 s after an abort. */
export async function supervise(
  child: ChildProcess,
  { clock, signal, outputLimitBytes, stdoutLimitBytes = outputLimitBytes }: Supervision,
): Promise<ChildEnd> {
  const stdout = createCapture({ headBytes: KEPT, tailBytes: KEPT });
  const stderr = createCapture({ headBytes: KEPT, tailBytes: KEPT });
  const exited = Promise.withResolvers<{
    code: number | null;
    killedBy: NodeJS.Signals | null;
    spawnError?: unknown;
  }>();
  const closed = Promise.withResolvers<void>();
  let overflow = false;
  let stoppedAt: number | undefined;

  child.once('exit', (code, killedBy) => exited.resolve({ code, killedBy }));
  child.once('close', () => closed.resolve());
  child.on('error', (error) => {
    // With a pid it is a failed kill or message, and the exit still comes.
    if (child.pid !== undefined) return;
    exited.resolve({ code: null, killedBy: null, spawnError: error });
    closed.resolve();
  });
  const take = (capture: Capture) => (chunk: Buffer) => {
    if (overflow) return;
    capture.push(chunk);
    if (stdout.bytes() <= stdoutLimitBytes && stdout.bytes() + stderr.bytes() <= outputLimitBytes) return;
    overflow = true;
    signalGroup(child, 'SIGKILL');
  };
  child.stdout?.on('data', take(stdout));
  child.stderr?.on('data', take(stderr));

  let killer: { cancel(): void } | undefined;
  const stop = (): void => {
    stoppedAt = clock.monotonic();
    signalGroup(child, 'SIGTERM');
    killer = clock.after(KILL_AFTER_MS, () => signalGroup(child, 'SIGKILL'));
  };
  if (signal.aborted) stop();
  else signal.addEventListener('abort', stop, { once: true });

  const end = await exited.promise;
  signal.removeEventListener('abort', stop);
  // What was asked to stop keeps the rest of its grace even when the leader went first; nothing outlives a leader that just ended.
  const graceLeft = (): boolean => stoppedAt !== undefined && clock.monotonic() - stoppedAt < KILL_AFTER_MS;
  while (graceLeft() && (await groupLives(child))) await clock.sleep(POLL_MS);
  killer?.cancel();
  signalGroup(child, 'SIGKILL');
  await Promise.race([closed.promise, clock.sleep(PIPES_CLOSE_MS)]);
  child.stdout?.destroy();
  child.stderr?.destroy();
  return { ...end, overflow, stdout, stderr };
}

/**
 * Whether anything of the group still works: neither the dead that nobody has reaped (in a container without an init they stay) nor
 * the first process of a namespace, which waits for the group to be killed.
 */
async function groupLives(child: ChildProcess): Promise<boolean> {
  if (!signalGroup(child, 0)) return false;
  const pids = await readdir('/proc').catch(() => undefined);
  if (pids === undefined) return true;
  const works = async (pid: string): Promise<boolean> => {
    const status = /^\d/.test(pid) ? await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '') : '';
    const group = /^NSpgid:\s+(\d+)/m.exec(status)?.[1];
    return group === String(child.pid) && !/^State:\s+[ZX]/m.test(status) && !/^NSpid:.*\s1$/m.test(status);
  };
  return (await Promise.all(pids.map(works))).includes(true);
}

/** Signals the whole group; false when nothing of it is left. */
export function signalGroup(child: ChildProcess, signal: NodeJS.Signals | 0): boolean {
  if (child.pid === undefined) return false;
  try {
    return process.kill(-child.pid, signal);
  } catch {
    // ESRCH: the group is gone. EPERM (it changed its user): nothing more can be done.
    return false;
  }
}

const STANDARD_PATH = '/usr/local/bin:/usr/bin:/bin';
const ALWAYS = ['PATH', 'LANG', 'TZ'] as const;

/** The environment of a child: PATH, LANG, TZ and what the job lists, never the rest (tokens live there). */
export function childEnv(env: Record<string, string | undefined>, allowed: readonly string[]): Record<string, string> {
  const names = [...ALWAYS, ...allowed];
  const known = names.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]] as const]));
  return { PATH: STANDARD_PATH, ...Object.fromEntries(known) };
}
