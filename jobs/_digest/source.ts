/** Where a history comes from: a repository through git, or a recorded file. */
import { spawn } from 'node:child_process';
import { open, stat } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PermanentError } from 'bellhop';
import { LIVE_FORMAT, parseLive, parseRecorded, type History } from './history.ts';

const MAX_COMMITS = 50_000;
const MAX_OUTPUT = 64 * 1024 * 1024;
const MAX_RECORDED = 4 * 1024 * 1024;
const SAMPLE = fileURLToPath(new URL('../sample-history.log', import.meta.url));

// The repository may belong to somebody else, and its configuration with it: nothing that it names is run. safe.directory must be
// the top folder or `*`, and the given folder may lie below it.
const GUARDED = [
  '--no-pager',
  ...[
    'safe.directory=*',
    'core.fsmonitor=false',
    'core.hooksPath=/dev/null',
    'log.showSignature=false',
    'protocol.allow=never',
  ].flatMap((setting) => ['-c', setting]),
];

interface Printed {
  code: number | null;
  stdout: string;
  stderr: string;
  /** More was printed than is kept; git was stopped. */
  cut: boolean;
}

/** Runs git without a shell, without the user's own configuration, and with at most 64 MiB of output. */
function git(dir: string, args: readonly string[], signal: AbortSignal): Promise<Printed> {
  const env = {
    PATH: process.env['PATH'] ?? '/usr/local/bin:/usr/bin:/bin',
    LC_ALL: 'C',
    GIT_TERMINAL_PROMPT: '0',
    GIT_OPTIONAL_LOCKS: '0',
    GIT_NO_LAZY_FETCH: '1',
  };
  return new Promise((done, fail) => {
    const child = spawn('git', [...GUARDED, '-C', dir, ...args], { env, signal, stdio: ['ignore', 'pipe', 'pipe'] });
    const out: Buffer[] = [];
    let size = 0;
    let stderr = '';
    let cut = false;
    child.stdout.on('data', (chunk: Buffer) => {
      if (cut) return;
      size += chunk.length;
      cut = size > MAX_OUTPUT;
      if (cut) child.kill('SIGKILL');
      else out.push(chunk);
    });
    child.stderr.on('data', (chunk: Buffer) => {
      stderr = (stderr + chunk.toString('utf8')).slice(0, 2000);
    });
    child.on('error', fail);
    child.on('close', (code) => done({ code, stdout: Buffer.concat(out).toString('utf8'), stderr, cut }));
  });
}

/** Reads the last `seconds` before HEAD's commit date; throws a PermanentError where there is nothing to read. */
export async function readRepository(
  repo: string,
  { seconds, signal }: { seconds: number; signal: AbortSignal },
): Promise<History> {
  const dir = resolve(repo);
  const info = await stat(dir).catch(() => undefined);
  if (info?.isDirectory() !== true) throw new PermanentError(`there is no folder ${dir}`, { hint: 'give repo=FOLDER' });
  const [gitDir, shallow] = await describe(dir, signal);
  const name = nameOf(gitDir);
  const head = await git(dir, ['log', '-1', '--format=%ct'], signal);
  const headAt = Number(head.stdout.trim());
  if (head.code !== 0 || !Number.isInteger(headAt) || headAt === 0)
    return { name, commits: [], warnings: [], complete: true };
  const window = [`--since=@${headAt - seconds}`, `--max-count=${MAX_COMMITS}`];
  const shape = ['-z', '--numstat', '--no-ext-diff', '--no-textconv', '--no-color', `--format=${LIVE_FORMAT}`];
  const log = await git(dir, ['log', ...window, ...shape, 'HEAD', '--'], signal);
  if (log.code !== 0 && !log.cut) throw new Error(`git log failed: ${log.stderr.split('\n')[0] ?? ''}`);
  const all = parseLive(log.stdout);
  const full = log.cut || all.length >= MAX_COMMITS;
  const warnings = [
    ...(shallow ? ['This is a shallow clone: older commits are missing, so the numbers may be too small.'] : []),
    ...(full ? ['The history is larger than what is read of one; only the newest part was counted.'] : []),
  ];
  // The last record of a cut output may be half a one.
  return { name, commits: log.cut ? all.slice(0, -1) : all, warnings, complete: !shallow && !full };
}

async function describe(dir: string, signal: AbortSignal): Promise<[gitDir: string, shallow: boolean]> {
  const found = await git(dir, ['rev-parse', '--absolute-git-dir', '--is-shallow-repository'], signal).catch(
    (error: unknown) => {
      signal.throwIfAborted();
      throw new PermanentError('git could not be started', {
        hint: 'install git, or digest a recorded history with log=FILE (log=sample is shipped)',
        cause: error,
      });
    },
  );
  if (found.code !== 0) {
    const said =
      found.stderr
        .split('\n')[0]
        ?.replace(/^fatal: /, '')
        .slice(0, 300) ?? '';
    throw new PermanentError(`${dir} cannot be read as a git repository: ${said}`, {
      hint: 'give repo=FOLDER of a clone, or digest a recorded history with log=FILE (log=sample is shipped)',
    });
  }
  const [gitDir = dir, shallow = ''] = found.stdout.trim().split('\n');
  return [gitDir, shallow === 'true'];
}

export interface Branch {
  name: string;
  author: string;
  /** Committer date of its newest commit, in seconds since the epoch. */
  at: number;
}

/** The branches whose work is not in HEAD, the oldest first, at most 500; throws as `readRepository` does. */
export async function readBranches(repo: string, signal: AbortSignal): Promise<Branch[]> {
  const dir = resolve(repo);
  await describe(dir, signal);
  const format = '--format=%(refname:short)%1f%(committerdate:unix)%1f%(authorname)';
  const asked = ['for-each-ref', '--no-merged=HEAD', '--sort=committerdate', '--count=500', format, 'refs/heads'];
  const { code, stdout } = await git(dir, asked, signal);
  // Without a commit there is no HEAD to have merged anything.
  if (code !== 0) return [];
  return stdout.split('\n').flatMap((line) => {
    const [name = '', at = '', author = ''] = line.split('\u001f');
    return name === '' ? [] : [{ name, at: Number(at), author }];
  });
}

/** `/src/shop/.git` and the git folders of its worktrees belong to shop, `/srv/shop.git` is shop. */
function nameOf(gitDir: string): string {
  const [top = gitDir, inside] = gitDir.split(/\/\.git(?:\/|$)/, 2);
  return inside === undefined ? basename(gitDir, '.git') : basename(top) || basename(dirname(gitDir));
}

/** Reads a recorded history; `sample` is the shipped one. */
export async function readRecorded(log: string): Promise<History> {
  const path = log === 'sample' ? SAMPLE : resolve(log);
  const text = await readText(path).catch((error: unknown) => {
    throw new PermanentError(`the recorded history ${path} cannot be read`, { cause: error });
  });
  const recorded = parseRecorded(text);
  if (recorded === undefined) {
    throw new PermanentError(`${path} is no recorded history`, {
      hint: 'its first line must be: # recorded git history of NAME',
    });
  }
  const sample = path === SAMPLE ? 'the small invented sample that is shipped' : 'a recorded history';
  return { ...recorded, warnings: [`This digest was made from ${sample}, not from a repository.`], complete: true };
}

async function readText(path: string): Promise<string> {
  const handle = await open(path);
  try {
    const { size } = await handle.stat();
    if (size > MAX_RECORDED) throw new PermanentError(`${path} is larger than ${MAX_RECORDED} bytes`);
    return await handle.readFile('utf8');
  } finally {
    await handle.close();
  }
}
