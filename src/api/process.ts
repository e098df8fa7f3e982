/**
 * `POST /v1/queues/{name}/process` and `POST /v1/deliveries/process`: takes due work now, at somebody's word. Bounded: at most 50 at a
 * time, answered once they are claimed. A browser may ask from our own pages only.
 */
import { Hono, type Context, type MiddlewareHandler } from 'hono';
import { z } from 'zod';
import type { Runner } from '../runner/runner.ts';
import { mayUse, needs } from './auth.ts';
import { limitBetween } from './limit.ts';
import { answerProblem } from './problem.ts';
import { otherJob, type ApiEnv } from './runs.ts';

export interface ProcessDeps {
  queue: Runner['process'];
  deliveries: (limit: number) => Promise<{ started: number; remaining: number }>;
}

type Answered = Context<ApiEnv>;

const Query = z.object({ limit: limitBetween(50, 10) });

/** Makes the routes; they are mounted at `/v1`. */
export function processRoutes(deps: ProcessDeps): Hono<ApiEnv> {
  const app = new Hono<ApiEnv>();

  app.post('/queues/:name/process', needs('manage'), sameOrigin, async (c) => {
    const queue = c.req.param('name');
    if (!mayUse(c.get('principal'), queue)) return answerProblem(c, otherJob(queue));
    const query = Query.safeParse(c.req.query());
    if (!query.success) return badLimit(c);
    const result = await deps.queue(queue, query.data.limit);
    if (result.outcome === 'unknown_queue') {
      const detail = `There is no queue ${queue.slice(0, 80)}.`;
      return answerProblem(c, { status: 404, code: 'JOB_UNKNOWN', detail, hint: 'A queue is named after its job.' });
    }
    if (result.outcome === 'paused') {
      const detail = `The queue ${queue} is paused since ${result.since}.`;
      return answerProblem(c, { status: 409, code: 'QUEUE_PAUSED', detail });
    }
    return c.json({ queue, started: result.started, remaining: result.remaining });
  });

  app.post('/deliveries/process', needs('manage'), sameOrigin, async (c) => {
    if (c.get('principal').jobs !== undefined)
      return forbidden(c, 'Deliveries are of all jobs; this token is for some.');
    const query = Query.safeParse(c.req.query());
    return query.success ? c.json(await deps.deliveries(query.data.limit)) : badLimit(c);
  });
  return app;
}

/** Lets pass what no browser sent, and what a page of this very host did. */
const sameOrigin: MiddlewareHandler<ApiEnv> = async (c, next) => {
  const origin = c.req.header('origin');
  const site = c.req.header('sec-fetch-site');
  const foreign = site !== undefined && site !== 'same-origin' && site !== 'none';
  if (foreign || (origin !== undefined && !isOwn(origin, c.req.header('host')))) {
    return forbidden(c, 'The request comes from a page of another origin.');
  }
  return next();
};

/** Whether the page is of the host that was asked; its port may be the usual one of its scheme and left out. */
function isOwn(origin: string, host: string | undefined): boolean {
  if (host === undefined || host === '' || !URL.canParse(origin)) return false;
  const from = new URL(origin);
  if (!['http:', 'https:'].includes(from.protocol)) return false;
  const asked = `${from.protocol}//${host}`;
  return URL.canParse(asked) && new URL(asked).host === from.host;
}

function forbidden(c: Answered, detail: string): Response {
  return answerProblem(c, { status: 403, code: 'FORBIDDEN', detail });
}

function badLimit(c: Answered): Response {
  return answerProblem(c, { status: 400, code: 'USAGE', detail: 'The limit must be a whole number.' });
}
