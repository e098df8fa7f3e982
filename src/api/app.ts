import { Hono } from 'hono';
import { z } from 'zod';
import type { Clock } from '../clock.ts';
import type { Log } from '../log.ts';
import type { Memory } from '../runner/memory.ts';
import type { Preflights } from '../runner/preflights.ts';
import type { Runner } from '../runner/runner.ts';
import type { Schedules } from '../runner/schedules.ts';
import type { Subscriptions } from '../runner/subscriptions.ts';
import type { Tokens } from '../runner/tokens.ts';
import { createWait } from '../runner/wait.ts';
import type { Reader } from '../store/reader.ts';
import type { BackupInfo } from '../store/store.ts';
import { door } from './auth.ts';
import { bodyWithin, readJson } from './body.ts';
import { compatRoutes } from './compat.ts';
import { cronRoutes } from './cron.ts';
import type { CronDeps } from './cron.ts';
import { edge } from './edge.ts';
import type { EdgeOptions } from './edge.ts';
import { jobRoutes } from './jobs.ts';
import { memoryRoutes } from './memory.ts';
import { noticeRoutes } from './notices.ts';
import { answerError, answerProblem, answerRefusal } from './problem.ts';
import { processRoutes } from './process.ts';
import type { ProcessDeps } from './process.ts';
import { createRate } from './rate.ts';
import { runRoutes, type ApiEnv } from './runs.ts';
import { scheduleRoutes } from './schedules.ts';
import { suppressionRoutes } from './suppressions.ts';
import { tokenRoutes } from './tokens.ts';
import { triggerRoutes } from './trigger.ts';
import { unsubscribeRoutes } from './unsubscribe.ts';

export interface ApiDeps {
  runner: Runner;
  reader: Reader;
  schedules: Schedules;
  preflights: Pick<Preflights, 'now'>;
  tokens: Tokens;
  subscriptions: Subscriptions;
  memory: Pick<Memory, 'list' | 'advise'>;
  /** `ready`, `degraded` (works, but Slack is away) or `unavailable`. */
  readiness: () => 'ready' | 'degraded' | 'unavailable';
  backup: (dir: string) => Promise<BackupInfo>;
  cron: CronDeps;
  process: ProcessDeps;
  clock: Clock;
  /** How long a request waits for the end of its run, in milliseconds. */
  runWaitMs: number;
  log: Log;
}

export interface ApiOptions extends EdgeOptions {
  /** Requests a minute of a token, and of an address. */
  ratePerMinute: number;
}

const DEFAULT_OPTIONS: ApiOptions = { state: 'on', proxy: 'ignored', ratePerMinute: 600 };
const BackupBody = z.strictObject({ dir: z.string().max(4096).startsWith('/') });

/**
 * The HTTP API. The health routes are anonymous and say nothing but their status. The door stands in front of all that is mounted behind
 * it, known or not: a route that somebody forgets to guard is not open.
 */
export function createApi(deps: ApiDeps, options: Partial<ApiOptions> = {}): Hono<ApiEnv> {
  const { log } = deps;
  const { ratePerMinute, ...terms } = { ...DEFAULT_OPTIONS, ...options };
  const rate = createRate(deps, ratePerMinute);
  const ended = createWait(deps, deps.runWaitMs);
  const app = new Hono<ApiEnv>();

  app.use('*', ...edge({ rate, log }, terms));
  app.route('/', healthRoutes(deps));
  app.route('/__cron/run', cronRoutes(deps.cron));
  app.route('/unsubscribe', unsubscribeRoutes(deps));
  // Slack's own door takes the rest of it before the API is asked.
  app.all('/slack/events', (c) => c.notFound());

  app.use('*', door({ tokens: deps.tokens, rate, log }));
  // Behind the door: a body is read only from who was let in.
  app.use('*', bodyWithin);
  app.route('/v1/jobs', jobRoutes(deps));
  app.route('/v1/jobs', memoryRoutes(deps));
  app.route('/v1/runs', runRoutes(deps));
  app.route('/v1/schedules', scheduleRoutes(deps));
  app.route('/v1/notices', noticeRoutes(deps));
  app.route('/v1/backup', backupRoutes(deps));
  app.route('/v1/tokens', tokenRoutes(deps));
  app.route('/v1/mail/suppressions', suppressionRoutes(deps));
  app.route('/v1', processRoutes(deps.process));
  app.route('/', compatRoutes({ ...deps, ended }));
  app.route('/trigger', triggerRoutes({ ...deps, ended }));

  app.notFound((c) =>
    answerRefusal(c, { status: 404, code: 'USAGE', detail: `There is nothing at ${c.req.path.slice(0, 200)}.` }),
  );
  app.onError((error, c) => answerError(c, error, log));
  return app;
}

function healthRoutes({ readiness }: Pick<ApiDeps, 'readiness'>): Hono<ApiEnv> {
  const app = new Hono<ApiEnv>();
  app.get('/healthz', (c) => c.text('ok'));
  app.get('/readyz', (c) => {
    const state = readiness();
    return c.text(state, state === 'unavailable' ? 503 : 200);
  });
  app.get('/health', (c) => c.json({ status: readiness() === 'unavailable' ? 'unavailable' : 'ok' }));
  return app;
}

/** Writes to a path of this machine: for whoever may open the data folder, never for a token. */
function backupRoutes({ backup }: Pick<ApiDeps, 'backup'>): Hono<ApiEnv> {
  const app = new Hono<ApiEnv>();
  app.post('/', async (c) => {
    if (c.get('actor').kind !== 'operator') return c.notFound();
    const body = BackupBody.safeParse(await readJson(c.req.raw));
    if (!body.success)
      return answerProblem(c, { status: 400, code: 'USAGE', detail: 'The folder must be an absolute path.' });
    return c.json(await backup(body.data.dir));
  });
  return app;
}
