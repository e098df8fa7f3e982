import { Hono, type MiddlewareHandler } from 'hono';
import { z } from 'zod';
import type { Metrics } from '../runner/metrics.ts';
import { describeAllowRefusal } from '../runner/spending.ts';
import type { Spending } from '../runner/spending.ts';
import { needs } from './auth.ts';
import { readJson } from './body.ts';
import { answerProblem, misunderstood } from './problem.ts';
import type { ApiEnv } from './runs.ts';

const AllowBody = z.strictObject({ job: z.string().max(200) });

/** `/v1/spend`: where the caps on money stand, and letting one run pass them. */
export function spendRoutes({ spending }: { spending: Spending }): Hono<ApiEnv> {
  const app = new Hono<ApiEnv>();
  app.get('/', needs('read'), ofAllJobs, async (c) => c.json(await spending.view()));
  app.post('/allow', needs('admin'), ofAllJobs, async (c) => {
    const body = AllowBody.safeParse(await readJson(c.req.raw));
    if (!body.success) return answerProblem(c, misunderstood(body.error));
    const result = await spending.allow(body.data.job, c.get('actor'));
    if ('until' in result) return c.json(result);
    const { problem, hint } = describeAllowRefusal(result);
    const status = result.outcome === 'unknown_job' ? 404 : 409;
    return answerProblem(c, {
      status,
      code: result.outcome === 'unknown_job' ? 'JOB_UNKNOWN' : 'USAGE',
      detail: problem,
      hint,
    });
  });
  return app;
}

/** `/v1/metrics`: the text format of Prometheus. */
export function metricsRoutes({ metrics }: { metrics: Pick<Metrics, 'text'> }): Hono<ApiEnv> {
  const app = new Hono<ApiEnv>();
  app.get('/', needs('read'), ofAllJobs, async (c) =>
    c.body(await metrics.text(), 200, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' }),
  );
  return app;
}

/** Sums of a workspace tell of all its jobs: they are not for a token of some. */
const ofAllJobs: MiddlewareHandler<ApiEnv> = async (c, next) => {
  if (c.get('principal').jobs === undefined) return next();
  return answerProblem(c, {
    status: 403,
    code: 'FORBIDDEN',
    detail: 'This speaks of all jobs; the token is for some.',
    hint: 'Use a token without --jobs.',
  });
};
