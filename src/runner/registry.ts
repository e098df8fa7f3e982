import { statSync } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, join, parse, sep } from 'node:path';
import { BellhopError, codeOf, messageOf } from '../errors.ts';
import { isJobFile, loadJobFile } from './loader.ts';
import type { Clock } from '../clock.ts';
import type { Log } from '../log.ts';
import type { LoadedJob } from './jobs.ts';
import type { Shelf } from './plugins/shelf.ts';

/** A file of the jobs folder (or the folder itself) that defines no job, or not what it should. */
export interface JobProblem {
  file: string;
  /** The folder of a plugin: its jobs are named after it. */
  plugin?: string;
  reason: string;
  hint?: string;
}

/** The jobs of one folder, kept in step with its files. */
export interface Registry {
  /** By name. */
  list(): LoadedJob[];
  get(name: string): LoadedJob | undefined;
  problems(): JobProblem[];
  /** Looks at the folder now and loads what is new or changed; never throws. */
  refresh(): Promise<void>;
  /** Refreshes when the last look is older than two seconds. */
  freshen(): Promise<void>;
}

const MAX_FILES = 500;
const LOADED_AT_ONCE = 16;
const FRESH_MS = 2000;

/** What is known of one file: its version, its newest good definition, and what is wrong with the present text. */
interface Known {
  version: string;
  /** The versions of other files that the definition was made of, by path. */
  beside: ReadonlyMap<string, string>;
  job?: LoadedJob;
  problem?: JobProblem;
}

export interface RegistryDeps {
  /** The jobs folder. */
  dir: string;
  clock: Clock;
  log: Log;
  /** How long a file may take to load, in milliseconds; default 10,000. */
  importMs?: number;
  /** Whose commands are jobs as well. */
  plugins?: Shelf;
  /** What definitions may look up for their schedules: the environment and `.env`. */
  variables?: Readonly<Record<string, string | undefined>>;
}

/**
 * Makes the registry of a jobs folder. A file that turns bad keeps its last good definition and is named among the problems; of two
 * files with the same job name the first by file name wins, and a file wins over a plugin.
 */
export function createRegistry(deps: RegistryDeps): Registry {
  const { dir, clock, log, importMs = 10_000, plugins, variables = {} } = deps;
  let known = new Map<string, Known>();
  let folderProblems: JobProblem[] = [];
  let jobs = new Map<string, LoadedJob>();
  let problems: JobProblem[] = [];
  let looking: Promise<void> | undefined;
  let lookedAt = -Infinity;

  async function look(): Promise<void> {
    const [found] = await Promise.all([scan(dir), plugins?.refresh()]);
    folderProblems = found.problems;
    // A folder that cannot be read says nothing about the jobs in it: they stay.
    if (found.versions === undefined) return publish();
    const next = new Map<string, Known>();
    const entries = [...found.versions];
    for (let i = 0; i < entries.length; i += LOADED_AT_ONCE) {
      const batch = entries.slice(i, i + LOADED_AT_ONCE);
      const loaded = await Promise.all(batch.map(([file, version]) => load(file, version)));
      for (const [j, [file]] of batch.entries()) {
        const entry = loaded[j];
        if (entry !== undefined) next.set(file, entry);
      }
    }
    known = next;
    publish();
  }

  async function load(file: string, version: string): Promise<Known> {
    const before = known.get(file);
    if (before?.version === version && [...before.beside].every(([path, was]) => versionOf(path) === was))
      return before;
    const beside = new Map<string, string>();
    // Noted before it is read: what is written meanwhile is seen at the next look.
    const watch = (path: string): void => void beside.set(path, versionOf(path));
    try {
      const job = await loadJobFile({ dir, file, version, watch, variables }, { clock, importMs });
      log.debug('job loaded', { file, job: job.name });
      return { version, beside, job };
    } catch (error) {
      const problem = problemOf({ dir, file }, error);
      log.warn('job file is not usable', { file, reason: problem.reason, kept: before?.job !== undefined });
      return { version, beside, problem, ...(before?.job !== undefined && { job: before.job }) };
    }
  }

  function publish(): void {
    const byName = new Map<string, LoadedJob>();
    const found = [...folderProblems];
    const add = (job: LoadedJob): void => {
      const first = byName.get(job.name);
      if (first === undefined) byName.set(job.name, job);
      else {
        const reason = `the job "${job.name}" is already defined in ${first.file}`;
        found.push({ file: job.file, reason, hint: 'give one of them another name' });
      }
    };
    for (const [, entry] of [...known].sort(([a], [b]) => (a < b ? -1 : 1))) {
      if (entry.problem !== undefined) found.push(entry.problem);
      if (entry.job !== undefined) add(entry.job);
    }
    found.push(...(plugins?.problems() ?? []));
    for (const job of plugins?.list() ?? []) add(job);
    jobs = new Map([...byName].sort(([a], [b]) => (a < b ? -1 : 1)));
    problems = found;
  }

  function refresh(): Promise<void> {
    looking ??= look().finally(() => {
      lookedAt = clock.monotonic();
      looking = undefined;
    });
    return looking;
  }

  return {
    list: () => [...jobs.values()],
    get: (name) => jobs.get(name),
    problems: () => [...problems],
    refresh,
    freshen: () => (clock.monotonic() - lookedAt >= FRESH_MS ? refresh() : Promise.resolve()),
  };
}

/** Of a file that a definition reads beside its own; one that is not there has a version too. */
function versionOf(path: string): string {
  try {
    const info = statSync(path);
    return `${info.mtimeMs}-${info.size}-${info.ino}`;
  } catch (error) {
    return codeOf(error) ?? 'unreadable';
  }
}

interface Scan {
  /** Versions by file name; undefined when the folder cannot be read. */
  versions: Map<string, string> | undefined;
  problems: JobProblem[];
}

async function scan(dir: string): Promise<Scan> {
  let names: string[];
  try {
    names = (await readdir(dir)).filter(isJobFile).sort();
  } catch (error) {
    const missing = codeOf(error) === 'ENOENT';
    const reason = missing
      ? 'the jobs folder does not exist'
      : `the jobs folder cannot be read (${codeOf(error) ?? 'error'})`;
    return {
      versions: undefined,
      problems: [{ file: basename(dir), reason, hint: 'create it, or set BELLHOP_JOBS_DIR' }],
    };
  }
  const problems: JobProblem[] = [];
  if (names.length > MAX_FILES) {
    problems.push({
      file: basename(dir),
      reason: `the folder holds ${names.length} files; only the first ${MAX_FILES} are loaded`,
    });
  }
  const versions = new Map<string, string>();
  for (const name of names.slice(0, MAX_FILES)) {
    try {
      const info = await stat(join(dir, name));
      if (info.isFile()) versions.set(name, `${info.mtimeMs}-${info.size}-${info.ino}`);
    } catch (error) {
      // Gone since the listing: the next look sees the truth. Anything else is a broken link or a missing right.
      problems.push({ file: name, reason: `the file cannot be read (${codeOf(error) ?? 'error'})` });
    }
  }
  return { versions, problems };
}

/** Told in Slack and over HTTP: files are named as they are seen from the folder, whose place is nobody's business there. */
function problemOf({ dir, file }: { dir: string; file: string }, error: unknown): JobProblem {
  const [first = 'it cannot be loaded'] = messageOf(error).split('\n');
  const seen = first.replaceAll(`${dir}${sep}`, '').replaceAll(join(dirname(dir), sep), `..${sep}`);
  const text = seen.slice(0, 400);
  const where = error instanceof SyntaxError ? 'it does not parse: ' : '';
  const hint = error instanceof BellhopError ? error.hint : undefined;
  return { file, reason: `${where}${text}`, ...(hint !== undefined && { hint }) };
}

/** What is wrong with a file, in one line with the way out. */
export function problemText({ file, reason, hint }: JobProblem): string {
  return `${file} is no job: ${reason}${hint === undefined ? '' : ` (${hint})`}`;
}

/** Whether a job that is not there may come back once a file is mended: by convention a file or a plugin's folder is named after it. */
export function mayComeBack(job: string, problems: readonly JobProblem[]): boolean {
  return problems.some(({ file, plugin }) =>
    plugin === undefined ? parse(file).name === job : job.startsWith(`${plugin}-`),
  );
}
