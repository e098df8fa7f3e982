import { Hono } from 'hono';
import { z } from 'zod';
import type { Reader } from '../store/reader.ts';
import { needs } from './auth.ts';
import { answerProblem } from './problem.ts';
import type { ApiEnv } from './runs.ts';

const ListQuery = z.object({
  limit: z.coerce.number().int().optional(),
  after: z.string().max(500).optional(),
});

/** `/v1/notices`: what was told without a run, newest first, each beside where it is. */
export function noticeRoutes({ reader }: { reader: Reader }): Hono<ApiEnv> {
  const app = new Hono<ApiEnv>();
  app.get('/', needs('read'), async (c) => {
    const query = ListQuery.safeParse(c.req.query());
    if (!query.success) {
      return answerProblem(c, { status: 400, code: 'USAGE', detail: 'The request was not understood.' });
    }
    const { limit, after } = query.data;
    const page = await reader.listNotices({
      ...(limit === undefined ? {} : { limit }),
      ...(after === undefined ? {} : { after }),
    });
    const { jobs } = c.get('principal');
    // A notice of no job is for who may know of all.
    const notices =
      jobs === undefined ? page.items : page.items.filter(({ notice }) => jobs.includes(notice.job ?? ''));
    return c.json({ notices, ...(page.next === undefined ? {} : { next: page.next }) });
  });
  return app;
}
