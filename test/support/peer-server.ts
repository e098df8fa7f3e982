import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { waitFor } from './peer-wait.ts';

interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

export interface PeerServer extends AsyncDisposable {
  /** `http://127.0.0.1:PORT`. */
  readonly url: string;
  /** Where Slack's requests go. */
  readonly slackUrl: string;
  readonly pid: number;
  readonly dataDir: string;
  /** From the spawn to the line that says it is ready. */
  readonly readyMs: number;
  /** Log lines so far that are JSON, the newest 5,000. */
  readonly logs: readonly Record<string, unknown>[];
  /** Everything it wrote, the last 200,000 characters. */
  output(): string;
  signal(name: NodeJS.Signals): void;
  /** SIGTERM, then SIGKILL after `graceMs` (30 s); answers how it ended. */
  stop(graceMs?: number): Promise<Exit>;
  /** SIGKILL: what a power cut leaves of the process. */
  kill(): Promise<Exit>;
  readonly exited: Promise<Exit>;
}

export interface PeerServerOptions {
  /** Default: a new folder that is removed when the server is stopped. */
  dataDir?: string;
  jobsDir?: string;
  env?: Record<string, string>;
  /** What is run: default `bin/bellhop.js start`. */
  entry?: string[];
  /** Default 20 s. */
  readyGuardMs?: number;
}

const ROOT = resolve(import.meta.dirname, '../..');

/** Spawns `bin/bellhop.js start` on a free port with nothing of our own environment but PATH and HOME; resolves when it is ready. */
export async function startPeerServer(options: PeerServerOptions = {}): Promise<PeerServer> {
  const home = await mkdtemp(join(tmpdir(), 'bellhop-peer-'));
  const dataDir = options.dataDir ?? join(home, 'data');
  const began = performance.now();
  const child = spawn(process.execPath, options.entry ?? [join(ROOT, 'bin/bellhop.js'), 'start'], {
    // No .env is read from here.
    cwd: home,
    env: {
      PATH: process.env['PATH'] ?? '',
      HOME: process.env['HOME'] ?? home,
      PORT: '0',
      HOST: '127.0.0.1',
      LOG_LEVEL: 'info',
      BELLHOP_DATA_DIR: dataDir,
      BELLHOP_JOBS_DIR: options.jobsDir ?? join(ROOT, 'jobs'),
      ...options.env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const heard = listen(child);
  const exited = new Promise<Exit>((done) => child.once('exit', (code, signal) => done({ code, signal })));
  const address = await readyAddress(child, heard, options.readyGuardMs ?? 20_000).catch(async (error: unknown) => {
    child.kill('SIGKILL');
    await rm(home, { recursive: true, force: true });
    throw error;
  });
  const readyMs = performance.now() - began;

  async function end(signal: NodeJS.Signals, graceMs: number): Promise<Exit> {
    child.kill(signal);
    const timer = setTimeout(() => child.kill('SIGKILL'), graceMs);
    const exit = await exited;
    clearTimeout(timer);
    await rm(home, { recursive: true, force: true });
    return exit;
  }
  const stop = (graceMs = 30_000): Promise<Exit> => end('SIGTERM', graceMs);
  return {
    url: `http://${address}`,
    slackUrl: `http://${address}/slack/events`,
    pid: child.pid ?? 0,
    dataDir,
    readyMs,
    logs: heard.lines,
    output: heard.text,
    signal: (name) => void child.kill(name),
    stop,
    kill: () => end('SIGKILL', 0),
    exited,
    [Symbol.asyncDispose]: async () => void (await stop()),
  };
}

interface Heard {
  lines: Record<string, unknown>[];
  text: () => string;
}

function listen(child: ChildProcess): Heard {
  const lines: Record<string, unknown>[] = [];
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    let rest = '';
    stream?.setEncoding('utf8').on('data', (chunk: string) => {
      text = (text + chunk).slice(-200_000);
      const whole = (rest + chunk).split('\n');
      rest = whole.pop() ?? '';
      for (const line of whole) keep(lines, line);
    });
  }
  return { lines, text: () => text };
}

function keep(lines: Record<string, unknown>[], line: string): void {
  if (!line.startsWith('{')) return;
  try {
    const parsed: unknown = JSON.parse(line);
    if (typeof parsed === 'object' && parsed !== null) lines.push(Object.fromEntries(Object.entries(parsed)));
    if (lines.length > 5_000) lines.shift();
  } catch {
    // Not one of our lines; it is in the text.
  }
}

function readyAddress(child: ChildProcess, heard: Heard, guardMs: number): Promise<string> {
  return waitFor(
    'the server to be ready',
    () => {
      if (child.exitCode !== null || child.signalCode !== null) {
        throw new Error(
          `the server ended with ${child.exitCode ?? child.signalCode} before it was ready:\n${heard.text()}`,
        );
      }
      const ready = heard.lines.find((line) => line['message'] === 'bellhop ready');
      return typeof ready?.['address'] === 'string' ? ready['address'] : undefined;
    },
    guardMs,
  );
}
