import { Hono } from 'hono';
import { z } from 'zod';
import type { Principal } from '../runner/tokens.ts';
import type { NoticeView } from '../store/notice-records.ts';
import type { Reader } from '../store/reader.ts';
import { mayUse, needs } from './auth.ts';
import { answerProblem, misunderstood } from './problem.ts';
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
    if (!query.success) return answerProblem(c, misunderstood(query.error));
    const page = await pageFor(reader, c.get('principal'), query.data);
    return c.json({ notices: page.items, ...(page.next === undefined ? {} : { next: page.next }) });
  });
  return app;
}

/** A token for some jobs sees what is about these: its page may be shorter than asked for, and still have a next one. */
async function pageFor(
  reader: Reader,
  principal: Principal,
  { limit, after }: z.infer<typeof ListQuery>,
): ReturnType<Reader['listNotices']> {
  const page = await reader.listNotices({
    ...(limit === undefined ? {} : { limit }),
    ...(after === undefined ? {} : { after }),
  });
  const isSeen = ({ notice: { job } }: NoticeView): boolean =>
    principal.jobs === undefined || (job !== undefined && mayUse(principal, job));
  return { ...page, items: page.items.filter(isSeen) };
}
