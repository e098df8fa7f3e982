import { Hono } from 'hono';
import { z } from 'zod';
import { adviseOn, ANSWERS, type Memory } from '../runner/memory.ts';
import type { Runner } from '../runner/runner.ts';
import { AdviceKey } from '../store/memory-records.ts';
import { suggest } from '../suggest.ts';
import { mayUse, needs } from './auth.ts';
import { readJson } from './body.ts';
import { answerProblem, misunderstood } from './problem.ts';
import { otherJob, problemOf, type ApiEnv } from './runs.ts';

const ListQuery = z.object({ limit: z.coerce.number().int().min(1).max(500).default(200) });
const AnswerBody = z.strictObject({ as: z.enum(ANSWERS) });

/** `/v1/jobs/:name/memory`: what the reports of a job recommended, and what people answered. */
export function memoryRoutes({
  memory,
  runner,
}: {
  memory: Pick<Memory, 'list' | 'advise'>;
  runner: Pick<Runner, 'job' | 'jobs'>;
}): Hono<ApiEnv> {
  const app = new Hono<ApiEnv>();
  app.get('/:name/memory', needs('read'), async (c) => {
    const job = c.req.param('name');
    const principal = c.get('principal');
    if (!mayUse(principal, job)) return answerProblem(c, otherJob(job));
    const query = ListQuery.safeParse(c.req.query());
    if (!query.success) return answerProblem(c, misunderstood(query.error));
    const { limit } = query.data;
    const rows = await memory.list(job, { limit: limit + 1 });
    if (rows.length === 0 && runner.job(job) === undefined) {
      const names = runner.jobs().map(({ name }) => name);
      return answerProblem(
        c,
        problemOf({ outcome: 'unknown_job', name: job, suggestions: suggest(job, names) }, principal),
      );
    }
    return c.json({ job, advice: rows.slice(0, limit), more: rows.length > limit });
  });
  app.post('/:name/memory/:key', needs('manage'), async (c) => {
    const { name: job, key } = c.req.param();
    if (!mayUse(c.get('principal'), job)) return answerProblem(c, otherJob(job));
    const body = AnswerBody.safeParse(await readJson(c.req.raw));
    if (!body.success) return answerProblem(c, misunderstood(body.error));
    const asked = { job, key, as: body.data.as, actor: c.get('actor') };
    const result = AdviceKey.safeParse(key).success ? await adviseOn(memory, asked) : undefined;
    if (result === undefined || result.outcome === 'not_found') {
      const detail = `${job.slice(0, 80)} has recommended nothing with the key ${key.slice(0, 40)}.`;
      return answerProblem(c, {
        status: 404,
        code: 'USAGE',
        detail,
        hint: 'GET the memory of the job: each row has its key.',
      });
    }
    return c.json(result);
  });
  return app;
}
