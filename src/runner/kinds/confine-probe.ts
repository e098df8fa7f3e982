/** Finds the best confinement by trying: a kernel, a container or a policy may forbid what the tools offer. */
import { execFile, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Clock } from '../../clock.ts';
import type { Limits } from '../limits.ts';
import { byBubblewrap, byPrlimit, byUnshare, GROUP, type Counting, type Means, type Tools } from './confine-means.ts';
import { signalGroup } from './process.ts';
import { findProgram } from './program.ts';

interface ProbeDeps {
  clock: Clock;
  env: Record<string, string | undefined>;
}

type Around = Means['around'];

const TRIAL_MS = 2000;
const FOLDERS = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const NAMES = ['sh', 'prlimit', 'unshare', 'nsenter', 'setpriv', 'bwrap', 'env', 'mkfifo'] as const;
const ROOT = 'the number of processes: the kernel holds root to none; run Bellhop as an ordinary user';
const SHARED =
  'the number of processes: the kernel counts those of the user on the whole machine (Linux 5.14 counts the job)';
const ESCAPES = 'a process that makes a session of its own, and what runs when Bellhop is killed with -9, survive';
const FORBIDDEN =
  'user namespaces work neither by unshare nor by bwrap here (a container without the right, or a policy)';

/** Tries every means at once and answers the best that worked; never throws, and takes some seconds at most. */
export async function probe(deps: ProbeDeps): Promise<Means> {
  if (process.platform !== 'linux') {
    return { ...GROUP, missing: [`limits and namespaces: ${process.platform} has other ones`, ESCAPES] };
  }
  const tools = await findTools(deps.env);
  const { prlimit } = tools;
  if (prlimit === undefined || !(await limitsWork(deps, byPrlimit({ prlimit })))) {
    const why = prlimit === undefined ? 'prlimit is not there: apt install util-linux' : 'prlimit does not work here';
    return { ...GROUP, missing: [`memory, files and processor time: ${why}`, ESCAPES] };
  }
  const space = await namespaces(deps, tools);
  if (space !== undefined) return space;
  const install = tools.bwrap === undefined ? '; apt install bubblewrap may help' : '';
  const missing = [`${ESCAPES}: ${FORBIDDEN}${install}`, 'the number of processes: it needs namespaces'];
  return { ...GROUP, name: 'limits', tools: ['prlimit'], missing, around: byPrlimit({ prlimit }) };
}

type Known = Partial<Record<(typeof NAMES)[number], string>>;

async function findTools(env: ProbeDeps['env']): Promise<Known> {
  const path = [env['PATH'], FOLDERS].filter((one) => one !== undefined && one !== '').join(':');
  const found = await Promise.all(NAMES.map((name) => findProgram(name, { path, cwd: '/' })));
  return Object.fromEntries(found.flatMap((one, at) => ('path' in one ? [[NAMES[at], one.path]] : [])));
}

function limitsWork(deps: ProbeDeps, around: Around): Promise<boolean> {
  const script = 'test "$(ulimit -n)" = 64';
  return ends(deps, around(['sh', '-c', script], { openFiles: 64 }), (end) => end.code === 0);
}

async function namespaces(deps: ProbeDeps, tools: Known): Promise<Means | undefined> {
  return (await unshared(deps, tools)) ?? (await bubblewrapped(deps, tools));
}

async function unshared(deps: ProbeDeps, known: Known): Promise<Means | undefined> {
  const { sh, prlimit, unshare, nsenter, setpriv, mkfifo } = known;
  if (sh === undefined || prlimit === undefined || unshare === undefined || nsenter === undefined) return undefined;
  if (setpriv === undefined || mkfifo === undefined) return undefined;
  const tools: Omit<Tools, 'bwrap' | 'env'> = { sh, prlimit, unshare, nsenter, setpriv };
  const lifeline = await holdPipe(mkfifo);
  if (lifeline === undefined) return undefined;
  const user = process.getuid?.() === 0 ? 'root' : 'ordinary';
  const make = (counting: Counting): Around => byUnshare(tools, lifeline.path, { user, counting });
  // A small pid: the namespace is there. The signal: the end is told as it was.
  const works = await ends(deps, make('uncounted')(INSIDE, {}), (end) => end.killedBy === 'SIGKILL');
  if (!works) {
    lifeline.close();
    return undefined;
  }
  return { ...(await counted(deps, make)), tools: ['unshare', 'nsenter', 'prlimit'], close: lifeline.close };
}

async function bubblewrapped(deps: ProbeDeps, { sh, prlimit, bwrap, env }: Known): Promise<Means | undefined> {
  if (sh === undefined || prlimit === undefined || bwrap === undefined || env === undefined) return undefined;
  const make = (counting: Counting): Around => byBubblewrap({ sh, prlimit, bwrap, env }, counting);
  const works = await ends(deps, make('uncounted')(INSIDE, {}), (end) => end.code === 128 + 9);
  return works ? { ...(await counted(deps, make)), tools: ['bwrap', 'prlimit'], close: () => undefined } : undefined;
}

const INSIDE = ['sh', '-c', 'test "$$" -lt 10 && kill -KILL "$$"'];
const FEW: Limits = { processes: 6 };
const FITS = ['sh', '-c', 'sleep 1 & sleep 1 & exit 0'];
const TOO_MANY = ['sh', '-c', 'for _ in 1 2 3 4 5 6 7 8 9 10 11 12; do sleep 1 & done; exit 0'];

/** Whether the number of processes can be held: few must fit, whatever else the user runs, and too many must not. */
async function counted(deps: ProbeDeps, make: (counting: Counting) => Around): Promise<Omit<Means, 'tools' | 'close'>> {
  const around = make('counted');
  const name = 'namespaces';
  const [fits, bites] = await Promise.all([
    ends(deps, around(FITS, FEW), (end) => end.code === 0),
    ends(deps, around(TOO_MANY, FEW), (end) => end.code !== 0 && end.code !== null),
  ]);
  if (fits && bites) return { name, missing: [], around };
  return { name, missing: [process.getuid?.() === 0 ? ROOT : SHARED], around: make('uncounted') };
}

interface End {
  code: number | null;
  killedBy: NodeJS.Signals | null;
}

/** Whether a trial ends as it should, in time; its group is killed in any case. */
async function ends(deps: ProbeDeps, call: string[], asItShould: (end: End) => boolean): Promise<boolean> {
  const [file = '', ...args] = call;
  const child = spawn(file, args, { cwd: '/', env: { PATH: FOLDERS }, detached: true, stdio: 'ignore' });
  const end = await new Promise<End | undefined>((resolve) => {
    const late = deps.clock.after(TRIAL_MS, () => resolve(undefined));
    child.once('exit', (code, killedBy) => {
      late.cancel();
      resolve({ code, killedBy });
    });
    child.once('error', () => resolve(undefined));
  });
  // Nothing of a trial is worth a grace: what ignores SIGTERM would hold up the first run.
  signalGroup(child, 'SIGKILL');
  return end !== undefined && asItShould(end);
}

/**
 * A pipe that ends when this process does, in whatever way. Children open it by its descriptor, so its name may go at once and no
 * cleaner of temporary folders can take it away.
 */
async function holdPipe(mkfifo: string): Promise<{ path: string; close: () => void } | undefined> {
  const dir = await mkdtemp(join(tmpdir(), 'bellhop-pipe-')).catch(() => undefined);
  if (dir === undefined) return undefined;
  try {
    const name = join(dir, 'pipe');
    await promisify(execFile)(mkfifo, ['-m', '600', name], { timeout: TRIAL_MS });
    const fd = openSync(name, 'r+'); // for both, which never waits
    let open = true;
    const close = (): void => {
      if (open) closeSync(fd);
      open = false;
    };
    return { path: `/proc/${process.pid}/fd/${fd}`, close };
  } catch {
    return undefined;
  } finally {
    await rm(dir, { recursive: true, force: true }).catch(() => undefined);
  }
}
