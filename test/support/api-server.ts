import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadConfig } from '../../src/config.ts';
import { socketPath, startServer, type Seams, type Server } from '../../src/main.ts';

export const API_TOKEN = 'the-token-of-these-tests';
export const CRON_TOKEN = 'the-health-token-of-these-tests';

/** The whole product in this process over a temporary folder, listening on loopback and on its socket. */
export interface ApiServer extends AsyncDisposable {
  readonly server: Server;
  readonly port: number;
  readonly url: string;
  readonly socketPath: string;
  /** The folder that holds the data and the jobs. */
  readonly home: string;
  /** All that was logged, secrets and all. */
  log(): string;
}

/** Ends at once, whatever it is given. */
const NOOP_JOB = `import { defineJob } from 'bellhop';
import { z } from 'zod';
export default defineJob({
  name: 'noop', description: 'Ends at once', retries: 0, concurrency: 8,
  input: z.object({ value: z.unknown().optional() }),
  run: async () => 'done',
});
`;

export interface ApiServerOptions {
  jobs?: Record<string, string>;
  /** Over the token; undefined takes a variable away. */
  env?: Record<string, string | undefined>;
  seams?: Seams;
  /** Puts something into the home folder, where `data` will be, before the start. */
  prepare?: (home: string) => Promise<void>;
}

/** Starts it. */
export async function startApiServer(options: ApiServerOptions = {}): Promise<ApiServer> {
  const home = await mkdtemp(join(tmpdir(), 'bellhop-api-'));
  const jobs = join(home, 'jobs');
  await Promise.all([mkdir(jobs), mkdir(join(home, 'plugins'))]);
  for (const [name, text] of Object.entries(options.jobs ?? { 'noop.ts': NOOP_JOB })) {
    await writeFile(join(jobs, name), text);
  }
  await options.prepare?.(home);
  const lines: string[] = [];
  const env = {
    PORT: '0',
    LOG_LEVEL: 'debug',
    BELLHOP_DATA_DIR: join(home, 'data'),
    BELLHOP_JOBS_DIR: jobs,
    BELLHOP_API_TOKEN: API_TOKEN,
    INTERNAL_HEALTH_TOKEN: CRON_TOKEN,
    BELLHOP_SHUTDOWN_MS: '0',
    // Thousands of requests come from one address: what limits them has tests of its own.
    BELLHOP_API_RATE: '1000000',
    BELLHOP_PLUGINS_DIR: join(home, 'plugins'),
    ...options.env,
  };
  const config = loadConfig(env, home);
  const server = await startServer(config, { env: {}, writeLog: (line) => void lines.push(line), ...options.seams });
  return {
    server,
    port: server.port,
    url: `http://127.0.0.1:${server.port}`,
    socketPath: socketPath(config.dataDir),
    home,
    log: () => lines.join(''),
    async [Symbol.asyncDispose]() {
      await server.stop();
      await rm(home, { recursive: true, force: true });
    },
  };
}
