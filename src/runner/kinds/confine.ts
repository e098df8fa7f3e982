/**
 * How far a child process is held. Three levels, the best that this machine really does:
 * - group: nothing but the process group that process.ts kills. What makes a session of its own survives, and so does everything when
 *   Bellhop itself is killed with -9.
 * - limits: prlimit (util-linux) sets memory, file size, processor time and open files.
 * - namespaces: a pid namespace beside that. Its first process waits on a pipe that Bellhop holds: when the group is killed or Bellhop
 *   dies, it ends, and the kernel ends whatever is in the namespace. The number of processes holds here, but not for root.
 * It keeps nobody out of the file system or the network.
 */
import type { Clock } from '../../clock.ts';
import { ConfigError } from '../../errors.ts';
import type { Limits } from '../limits.ts';
import { GROUP, type Means } from './confine-means.ts';
import { probe } from './confine-probe.ts';

export interface Level {
  name: 'group' | 'limits' | 'namespaces';
  /** The programs that are used for it. */
  tools: string[];
  /** What is not contained, and what would change that; empty when all is. */
  missing: string[];
}

export interface Call {
  file: string;
  args: string[];
  cwd: string;
  limits: Limits;
  /** Folders that must stay writable; no level takes a right to write today. */
  writable: string[];
}

export interface Confinement {
  /** Tries what this machine can do, once; never throws, and takes some seconds at most. */
  ready(): Promise<Level>;
  /** What `ready` found; the group before that. */
  level(): Level;
  /** The call inside its confinement. The arguments of the wrapper hold nothing but those of the call and paths of tools. */
  wrap(call: Call): { file: string; args: string[] };
  /** Lets go of the pipe: what still runs in a namespace ends. Idempotent. */
  stop(): void;
}

export interface ConfinementDeps {
  clock: Clock;
  /** Its PATH is where the tools are looked for. */
  env: Record<string, string | undefined>;
}

/** Makes the confinement of child processes; `off` is the process group alone. Nothing is tried before `ready`. */
export function createConfinement(deps: ConfinementDeps, mode: 'auto' | 'off' = 'auto'): Confinement {
  const off: Means = { ...GROUP, missing: ['BELLHOP_CONFINE=off: nothing but the process group is killed'] };
  let means = mode === 'off' ? off : GROUP;
  let looked: Promise<Level> | undefined;
  let stopped = false;
  const level = (): Level => ({ name: means.name, tools: means.tools, missing: means.missing });

  async function look(): Promise<Level> {
    if (mode === 'off') return level();
    const found = await probe(deps);
    if (stopped) found.close();
    else means = found;
    return level();
  }

  return {
    ready: () => (looked ??= look()),
    level,
    wrap({ file, args, limits }) {
      const [first = file, ...rest] = means.around([file, ...args], limits);
      return { file: first, args: rest };
    },
    stop() {
      stopped = true;
      means.close();
      means = { ...GROUP, missing: ['it was stopped'] };
    },
  };
}

/**
 * The confinement of a configuration. `auto` and `off` do not wait for anything.
 * @throws ConfigError CONFINEMENT_MISSING when namespaces are required and do not work here.
 */
export async function openConfinement(deps: ConfinementDeps, mode: 'auto' | 'off' | 'required'): Promise<Confinement> {
  const confinement = createConfinement(deps, mode === 'off' ? 'off' : 'auto');
  if (mode !== 'required') return confinement;
  const { name, missing } = await confinement.ready();
  if (name === 'namespaces') return confinement;
  throw new ConfigError(
    `BELLHOP_CONFINE=required, but jobs can only be confined by ${name} here: ${missing.join('; ')}`,
    {
      code: 'CONFINEMENT_MISSING',
      hint: 'Install util-linux and bubblewrap, allow user namespaces, or set BELLHOP_CONFINE=auto; docs/confinement.md says more.',
    },
  );
}
