/** The command lines that confine a child: what stands before the program and its arguments. */
import type { Limits } from '../limits.ts';

/** One way to confine, and what it needs to know about this machine. */
export interface Means {
  name: 'group' | 'limits' | 'namespaces';
  tools: string[];
  missing: string[];
  around(inner: string[], limits: Limits): string[];
  close(): void;
}

/** Where the tools are: absolute, for a job may have a PATH of its own. */
export type Tools = Record<'sh' | 'prlimit' | 'unshare' | 'nsenter' | 'setpriv' | 'bwrap' | 'env', string>;

export const GROUP: Means = { name: 'group', tools: [], missing: [], around: (inner) => inner, close: () => undefined };

const CPU_GRACE_S = 2;
// The first process of the namespace and the one that waits for the job are counted with it.
const OWN_PROCESSES = 2;

/** Whether the kernel counts the processes of the job alone; else they would be those of the user on the whole machine. */
export type Counting = 'counted' | 'uncounted';

function rlimits(limits: Limits, counting: Counting): string[] {
  const { memoryBytes, fileBytes, cpuSeconds, openFiles } = limits;
  const own = counting === 'counted' && limits.processes !== undefined ? limits.processes + OWN_PROCESSES : undefined;
  return [
    // A core file would hold what the memory held, secrets too.
    '--core=0',
    ...(memoryBytes === undefined ? [] : [`--as=${memoryBytes}`]),
    ...(own === undefined ? [] : [`--nproc=${own}`]),
    ...(fileBytes === undefined ? [] : [`--fsize=${fileBytes}`]),
    // SIGXCPU first, which can be told apart from other ends; SIGKILL for who ignores it.
    ...(cpuSeconds === undefined ? [] : [`--cpu=${cpuSeconds}:${cpuSeconds + CPU_GRACE_S}`]),
    ...(openFiles === undefined ? [] : [`--nofile=${openFiles}`]),
  ];
}

/** Limits alone. */
export function byPrlimit({ prlimit }: Pick<Tools, 'prlimit'>) {
  return (inner: string[], limits: Limits): string[] => [prlimit, ...rlimits(limits, 'uncounted'), '--', ...inner];
}

// The first process of the namespace: it waits for the end of a pipe that nobody writes to. Ignoring CHLD lets the kernel reap what
// is orphaned to it. It stays in the group, so that killing the group ends the namespace. $0 is nsenter.
const KEEPER =
  '(trap "" CHLD TERM INT HUP; read -r _) <&9 >/dev/null 2>&1 & ' +
  'exec "$0" --pid=/proc/self/ns/pid_for_children -- "$@" 9<&-';

export interface Surroundings {
  /** Root needs no user namespace, and keeps its rights. */
  user: 'root' | 'ordinary';
  counting: Counting;
}

/**
 * A pid namespace by unshare. The keeper is its process 1; nsenter, outside, waits for the program and ends exactly as it did, by
 * signal too. Without the keeper in between, SIGTERM would not reach the program: the kernel spares a process 1 that handles none.
 */
export function byUnshare(tools: Omit<Tools, 'bwrap' | 'env'>, lifeline: string, { user, counting }: Surroundings) {
  const { sh, unshare, nsenter, setpriv, prlimit } = tools;
  const asUser = user === 'root' ? [] : ['--user', '--map-current-user', '--keep-caps'];
  // The rights in the new user namespace are for mounting /proc, not for the job.
  const drop = user === 'root' ? [] : [setpriv, '--inh-caps=-all', '--ambient-caps=-all', '--'];
  const begin = [sh, '-c', 'exec "$@" 9<"$0"', lifeline, unshare, ...asUser, '--pid', '--'];
  const inside = [sh, '-c', KEEPER, nsenter, unshare, '--mount-proc', '--', ...drop, prlimit];
  return (inner: string[], limits: Limits): string[] => [
    ...begin,
    ...inside,
    ...rlimits(limits, counting),
    '--',
    ...inner,
  ];
}

/**
 * A pid namespace by bubblewrap, where unshare may not make one. A signal that ends the program is told as 128 + its number, and what
 * the program started ends with it at once. SIGTERM must pass by bwrap itself, for its end would be a SIGKILL for the job.
 */
export function byBubblewrap(tools: Pick<Tools, 'sh' | 'bwrap' | 'env' | 'prlimit'>, counting: Counting) {
  const { sh, bwrap, env, prlimit } = tools;
  const space = ['--dev-bind', '/', '/', '--proc', '/proc', '--unshare-pid', '--die-with-parent', '--', prlimit];
  const begin = [sh, '-c', 'trap "" TERM; exec "$0" "$@"', bwrap, ...space];
  const end = ['--', env, '--default-signal=TERM', '--'];
  return (inner: string[], limits: Limits): string[] => [...begin, ...rlimits(limits, counting), ...end, ...inner];
}
