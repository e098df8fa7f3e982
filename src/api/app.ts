import { Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { z } from 'zod';
import { messageOf, UsageError, DependencyError } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Runner } from '../runner/runner.ts';
import type { Schedules } from '../runner/schedules.ts';
import type { Reader } from '../store/reader.ts';
import type { BackupInfo } from '../store/store.ts';
import { admit } from './auth.ts';
import { cronRoutes } from './cron.ts';
import type { CronDeps } from './cron.ts';
import { noticeRoutes } from './notices.ts';
import { answerProblem, wordsFor } from './problem.ts';
import { readJson, runRoutes, type ApiEnv } from './runs.ts';
import { scheduleRoutes } from './schedules.ts';

export interface ApiDeps {
  runner: Runner;
  reader: Reader;
  schedules: Schedules;
  /** `ready`, `degraded` (works, but Slack is away) or `unavailable`. */
  readiness: () => 'ready' | 'degraded' | 'unavailable';
  token: string | undefined;
  backup: (dir: string) => Promise<BackupInfo>;
  cron: CronDeps;
  log: Log;
}

const BackupBody = z.strictObject({ dir: z.string().max(4096).startsWith('/') });
const MAX_BODY_BYTES = 1024 * 1024;

/**
 * The HTTP API. The health routes are anonymous and say nothing but their status; everything else needs the bearer token,
 * or comes over the data folder's socket, whose file mode is the credential (binding `operator`).
 */
export function createApi(deps: ApiDeps): Hono<ApiEnv> {
  const { runner, reader, log } = deps;
  const app = new Hono<ApiEnv>();

  app.get('/healthz', (c) => c.text('ok'));
  app.get('/readyz', (c) => {
    const state = deps.readiness();
    return c.text(state, state === 'unavailable' ? 503 : 200);
  });
  app.get('/health', (c) => c.json({ status: deps.readiness() === 'unavailable' ? 'unavailable' : 'ok' }));

  app.route('/__cron/run', cronRoutes(deps.cron));

  app.use('/v1/*', async (c, next) => {
    const operator = c.env?.operator;
    const admission =
      operator === undefined
        ? admit(c.req.header('authorization'), deps.token)
        : ({ outcome: 'admitted', actor: operator } as const);
    if (admission.outcome === 'misconfigured') return c.json({ error: 'auth misconfigured' }, 500);
    if (admission.outcome === 'refused') {
      log.warn('api request refused', { reason: admission.reason, path: c.req.path.slice(0, 200) });
      return c.json({ error: 'unauthorized' }, 401);
    }
    c.set('actor', admission.actor);
    return next();
  });
  // Behind the door: a body is read only from who was let in.
  app.use(
    '/v1/*',
    bodyLimit({
      maxSize: MAX_BODY_BYTES,
      onError: (c) =>
        answerProblem(c, { status: 413, code: 'TOO_LARGE', detail: `A body may have ${MAX_BODY_BYTES} bytes.` }),
    }),
  );
  app.get('/v1/jobs', (c) => c.json({ jobs: runner.jobs(), problems: runner.problems() }));
  app.route('/v1/runs', runRoutes({ runner, reader }));
  app.route('/v1/schedules', scheduleRoutes(deps));
  app.route('/v1/notices', noticeRoutes({ reader }));
  app.post('/v1/backup', async (c) => {
    // Writes to a path of this machine: for whoever may open the data folder, never for a token.
    const body = BackupBody.safeParse(await readJson(c.req.raw));
    if (c.get('actor').kind !== 'operator') return c.notFound();
    if (!body.success)
      return answerProblem(c, { status: 400, code: 'USAGE', detail: 'The folder must be an absolute path.' });
    return c.json(await deps.backup(body.data.dir));
  });

  app.notFound((c) =>
    answerProblem(c, { status: 404, code: 'USAGE', detail: `There is nothing at ${c.req.path.slice(0, 200)}.` }),
  );
  app.onError((error, c) => {
    if (error instanceof UsageError) {
      return answerProblem(c, {
        status: 400,
        code: error.code,
        detail: error.message,
        ...(error.hint ? { hint: error.hint } : {}),
      });
    }
    log.error('api request failed', { path: c.req.path.slice(0, 200), error: messageOf(error) });
    if (error instanceof DependencyError) {
      return answerProblem(c, { status: 503, code: error.code, ...wordsFor(c, error) });
    }
    return answerProblem(c, { status: 500, code: 'INTERNAL', detail: 'Bellhop failed; the log has the reason.' });
  });
  return app;
}
