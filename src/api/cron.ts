/**
 * The break-glass path that an earlier system had: `GET /__cron/run/TASK` runs a schedule by hand, `GET /__cron/run/status` says how each
 * went the last time. Its key is a secret of its own in `X-Internal-Health`; answers are tiny and hold nothing personal.
 */
import { Hono } from 'hono';
import type { Context } from 'hono';
import type { Clock } from '../clock.ts';
import type { Log } from '../log.ts';
import type { Reader } from '../store/reader.ts';
import type { SubmitResult } from '../runner/runner.ts';
import type { Refused, Schedules } from '../runner/schedules.ts';
import { carries } from './auth.ts';
import type { ApiEnv } from './runs.ts';

export interface CronDeps {
  /** Undefined: nobody may pass. */
  token: string | undefined;
  reader: Pick<Reader, 'listDocs'>;
  clock: Clock;
  log: Log;
  schedules: Pick<Schedules, 'find' | 'runNow'>;
}

const MAX_STATUS = 1000;
/** More in a minute are refused: whoever needs the path needs it rarely. */
const MAX_A_MINUTE = 30;
const MINUTE_MS = 60_000;
const MAX_REASON = 500;

/** Makes the routes. */
export function cronRoutes(deps: CronDeps): Hono<ApiEnv> {
  const { clock, log } = deps;
  const app = new Hono<ApiEnv>();
  let window = { from: -Infinity, calls: 0 };

  function tooMany(): boolean {
    if (clock.monotonic() - window.from >= MINUTE_MS) window = { from: clock.monotonic(), calls: 0 };
    return ++window.calls > MAX_A_MINUTE;
  }

  app.use('*', async (c, next) => {
    if (!carries(c.req.header('x-internal-health'), deps.token)) {
      log.warn('break-glass request refused', { configured: deps.token !== undefined, requestId: c.get('requestId') });
      return c.json({ ok: false, error: 'forbidden' }, 403);
    }
    if (c.req.method !== 'GET') return c.json({ ok: false, error: 'method not allowed' }, 405, { allow: 'GET' });
    if (tooMany()) return c.json({ ok: false, error: 'too many requests' }, 429, { 'retry-after': '60' });
    return next();
  });
  app.get('/status', async (c) => c.json({ ok: true, tasks: await latest(deps.reader) }));
  app.get('/:task', async (c) => answer(c, await run(deps, c.req.param('task'), c.get('requestId'))));
  app.all('*', (c) => c.json({ ok: false, error: 'unknown task' }, 404));
  return app;
}

/** The run belongs to the schedule, whatever it was called by. */
async function run({ schedules }: CronDeps, task: string, requestId: string): Promise<SubmitResult | Refused> {
  const found = await schedules.find(task);
  if (found.outcome !== 'found') return found;
  const { name } = found.view;
  return schedules.runNow(name, { kind: 'schedule', id: name, name: 'break-glass', requestId });
}

/** Reads nothing but the newest status of each schedule. */
async function latest(reader: CronDeps['reader']): Promise<unknown[]> {
  const found: unknown[] = [];
  let after: string | undefined;
  do {
    const page = await reader.listDocs('status', { limit: 200, ...(after === undefined ? {} : { after }) });
    found.push(...page.items.map(({ value }) => value));
    after = page.next;
  } while (after !== undefined && found.length < MAX_STATUS);
  return found.slice(0, MAX_STATUS);
}

function answer(c: Context<ApiEnv>, result: SubmitResult | Refused): Response {
  switch (result.outcome) {
    case 'accepted':
    case 'deduplicated':
      return c.json({ ok: true, kind: result.run.job, runId: result.run.id, status: result.run.state }, 202);
    case 'not_found':
    case 'ambiguous':
      return c.json({ ok: false, error: 'unknown task' }, 404);
    case 'refused':
      return c.json({ ok: false, error: result.reason.slice(0, MAX_REASON) }, 409);
    case 'queue_full':
      return c.json({ ok: false, error: 'too many unfinished runs' }, 429);
    default:
      return c.json({ ok: false, error: result.outcome }, 422);
  }
}
