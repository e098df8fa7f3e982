import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { waitFor } from './peer-wait.ts';

const BIN = resolve(import.meta.dirname, '../../bin/bellhop.js');
const HANG_GUARD_MS = 20_000;

export interface Ended {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

export interface Typed {
  ended: Promise<Ended>;
  /** Resolves once standard error has said this. */
  says(text: string): Promise<void>;
  /** Standard error so far. */
  heard(): string;
  /** Resolves once a file or folder is there. */
  marks(path: string): Promise<void>;
  signal(name: NodeJS.Signals): void;
  /** Closes our ends of its pipes, as `| head` does. */
  hangUp(): void;
}

/** A folder with jobs and data, and `bellhop` typed in it with no other settings than those given. */
export interface Shell extends AsyncDisposable {
  folder: string;
  dataDir: string;
  begin(args: readonly string[], env?: Record<string, string>): Typed;
  type(args: readonly string[], env?: Record<string, string>): Promise<Ended>;
}

export async function openShell(jobs: Record<string, string>): Promise<Shell> {
  const folder = await mkdtemp(join(tmpdir(), 'bellhop-shell-'));
  for (const [name, text] of Object.entries(jobs)) await writeFile(join(folder, name), text);
  const dataDir = join(folder, 'data');
  const begun = new Set<ChildProcess>();

  function begin(args: readonly string[], env: Record<string, string> = {}): Typed {
    const child = spawn(process.execPath, [BIN, ...args], {
      cwd: folder,
      env: {
        PATH: process.env['PATH'] ?? '',
        PORT: '0',
        BELLHOP_DATA_DIR: dataDir,
        BELLHOP_JOBS_DIR: folder,
        ...env,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    begun.add(child);
    const heard = { stdout: '', stderr: '' };
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => (heard.stdout += chunk));
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => (heard.stderr += chunk));
    const guard = setTimeout(() => child.kill('SIGKILL'), HANG_GUARD_MS);
    const ended = new Promise<Ended>((done) =>
      child.once('close', (code, signal) => {
        clearTimeout(guard);
        begun.delete(child);
        done({ code, signal, ...heard });
      }),
    );
    return {
      ended,
      says: async (text) => void (await waitFor(`“${text}”`, () => heard.stderr.includes(text))),
      heard: () => heard.stderr,
      marks: async (path) => void (await waitFor(path, () => existsSync(path))),
      signal: (name) => void child.kill(name),
      hangUp() {
        child.stdout.destroy();
        child.stderr.destroy();
      },
    };
  }
  return {
    folder,
    dataDir,
    begin,
    type: (args, env) => begin(args, env).ended,
    async [Symbol.asyncDispose]() {
      // A test that failed half-way leaves no server behind.
      for (const child of begun) child.kill('SIGKILL');
      await rm(folder, { recursive: true, force: true });
    },
  };
}
