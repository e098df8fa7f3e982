/** The older contract and the process endpoints over the real HTTP server, on a store in memory or in a folder. */
import { mkdtemp, rm } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Hono } from 'hono';
import { bodyWithin } from '../../src/api/body.ts';
import { compatRoutes, type CompatDeps } from '../../src/api/compat.ts';
import { processRoutes, type ProcessDeps } from '../../src/api/process.ts';
import { answerError } from '../../src/api/problem.ts';
import type { ApiEnv } from '../../src/api/runs.ts';
import { createHttpServer } from '../../src/api/server.ts';
import { systemClock } from '../../src/clock.ts';
import { createIds } from '../../src/ids.ts';
import { createLog, silentLog } from '../../src/log.ts';
import type { StoreOptions } from '../../src/store/core.ts';
import { openStore } from '../../src/store/open.ts';
import { NOTHING } from '../../src/store/backing.ts';
import { createEmbeddedStore } from '../../src/store/embedded.ts';
import { createMemoryBacking } from '../../src/store/memory.ts';
import type { Store } from '../../src/store/store.ts';
import { createWait } from '../../src/runner/wait.ts';
import type { Who } from './principals.ts';
import { letIn } from './principals.ts';
import { buildHouse, type House, type HouseParts } from './runner-house.ts';
import { fateJob, type FateSeams } from './runner-fate.ts';

export type Backend = 'memory' | 'lowdb';

export interface Answer {
  status: number;
  text: string;
  /** Of the body, which is JSON. */
  body: Record<string, unknown>;
  headers: Record<string, unknown>;
}

interface Ask {
  as?: Who;
  body?: unknown;
  /** Sent as it is, instead of `body`. */
  raw?: string;
  headers?: Record<string, string>;
  /** Hangs up when it aborts. */
  signal?: AbortSignal;
}

export interface Served extends AsyncDisposable {
  port: number;
  logged: string[];
  /** Asks as whom `as` names, else as an admin token: `POST /run`. */
  call(what: string, ask?: Ask): Promise<Answer>;
}

/** Serves the routes on loopback. */
export async function serveRoutes(deps: { compat?: CompatDeps; process?: ProcessDeps }): Promise<Served> {
  const logged: string[] = [];
  const log = createLog({ write: (line) => logged.push(line), scrub: (text) => text, clock: systemClock }, 'info');
  const api = new Hono<ApiEnv>().use(letIn(), bodyWithin);
  api.onError((error, c) => answerError(c, error, log));
  if (deps.compat !== undefined) api.route('/', compatRoutes(deps.compat));
  if (deps.process !== undefined) api.route('/v1', processRoutes(deps.process));
  const folder = await mkdtemp(join(tmpdir(), 'bellhop-compat-'));
  const server = createHttpServer(
    { api, slack: undefined, opened: Promise.resolve(), log },
    { host: '127.0.0.1', port: 0, socketPath: join(folder, 's'), operator: { kind: 'operator', id: 'ops@here' } },
  );
  const { port } = await server.start();
  return {
    port,
    logged,
    call: (what, ask = {}) => send(port, what, ask),
    async [Symbol.asyncDispose]() {
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function send(port: number, what: string, ask: Ask): Promise<Answer> {
  const [method = '', path = ''] = what.split(' ');
  const payload = ask.raw ?? (ask.body === undefined ? undefined : JSON.stringify(ask.body));
  const length = payload === undefined ? {} : { 'content-length': String(Buffer.byteLength(payload)) };
  const headers = { 'x-who': ask.as ?? 'admin', ...length, ...ask.headers };
  const options = {
    port,
    host: '127.0.0.1',
    method,
    path,
    headers,
    agent: false,
    ...(ask.signal && { signal: ask.signal }),
  };
  return new Promise((resolve, reject) => {
    const req = request(options, (res) => {
      let text = '';
      res.setEncoding('utf8').on('data', (part: string) => (text += part));
      res.on('end', () => {
        const body: unknown = text === '' ? {} : JSON.parse(text);
        const object = typeof body === 'object' && body !== null ? Object.fromEntries(Object.entries(body)) : {};
        resolve({ status: res.statusCode ?? 0, text, headers: res.headers, body: object });
      });
    });
    req.on('error', reject);
    req.end(payload);
  });
}

export interface CompatHouse extends House, Served {}

export interface CompatParts extends Omit<HouseParts, 'store'> {
  backend?: Backend;
  store?: Partial<StoreOptions>;
  /** What the rooms see instead of the store. */
  wrap?: (store: Store) => Store;
  runWaitMs?: number;
  fate?: FateSeams;
  /** Executes nothing: what is submitted waits. */
  idle?: true;
}

/** A runner with the job whose input chooses its fate, and another job, behind the routes. */
export async function compatHouse(parts: CompatParts = {}): Promise<CompatHouse> {
  const dir = await mkdtemp(join(tmpdir(), 'bellhop-compat-store-'));
  const bare = await openBackend(parts.backend ?? 'memory', { dir, options: parts.store ?? {} });
  const store = parts.wrap?.(bare) ?? bare;
  const jobs = [
    fateJob({ retries: 0, concurrency: 8, ...parts.fate }),
    fateJob({ name: 'other', retries: 0, ...parts.fate }),
  ];
  const house = buildHouse({ jobs, ...parts, store });
  const { runner } = house;
  if (parts.idle === undefined) await runner.start();
  const waits = { reader: store, clock: house.clock, log: silentLog };
  const served = await serveRoutes({
    compat: { runner, reader: store, ended: createWait(waits, parts.runWaitMs ?? 20_000) },
    process: { queue: runner.process, deliveries: () => Promise.resolve({ started: 0, remaining: 0 }) },
  });
  return {
    ...house,
    ...served,
    async [Symbol.asyncDispose]() {
      await served[Symbol.asyncDispose]();
      await runner.stop({ graceMs: 0 });
      await bare.close();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

async function openBackend(backend: Backend, at: { dir: string; options: Partial<StoreOptions> }): Promise<Store> {
  const clock = systemClock;
  const deps = { clock, ids: createIds(clock), log: silentLog };
  if (backend === 'memory') {
    return createEmbeddedStore({ ...deps, backing: createMemoryBacking() }, NOTHING, at.options).store;
  }
  const lock = async () => ({ release: () => undefined });
  return (await openStore({ backend, dir: at.dir }, { ...deps, version: '0.0.0-test', lock }, at.options)).store;
}
