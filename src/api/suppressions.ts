import { Hono, type Context } from 'hono';
import { z } from 'zod';
import { describeMailRefusal } from '../runner/subscriptions.ts';
import type { Allowed, Subscriptions, Suppressed } from '../runner/subscriptions.ts';
import { needs } from './auth.ts';
import { readJson } from './body.ts';
import { answerProblem, misunderstood } from './problem.ts';
import type { ApiEnv } from './runs.ts';

const ListQuery = z.object({
  limit: z.coerce.number().int().min(1).max(200).default(200),
  after: z.string().max(500).exactOptional(),
});
const AddressBody = z.strictObject({ address: z.string().max(300) });

/** `/v1/mail/suppressions`, of scope admin: the addresses are those of people. */
export function suppressionRoutes({
  subscriptions,
}: {
  subscriptions: Pick<Subscriptions, 'list' | 'suppress' | 'allow'>;
}): Hono<ApiEnv> {
  const app = new Hono<ApiEnv>();
  app.use('*', needs('admin'));
  app.get('/', async (c) => {
    const query = ListQuery.safeParse(c.req.query());
    if (!query.success) return answerProblem(c, misunderstood(query.error));
    const page = await subscriptions.list(query.data);
    return c.json({ suppressions: page.items, ...(page.next === undefined ? {} : { next: page.next }) });
  });
  app.post('/', async (c) => {
    const body = AddressBody.safeParse(await readJson(c.req.raw));
    if (!body.success) return answerProblem(c, misunderstood(body.error));
    return answered(c, await subscriptions.suppress(body.data.address, c.get('actor')));
  });
  app.delete('/:address', async (c) => answered(c, await subscriptions.allow(c.req.param('address'), c.get('actor'))));
  return app;
}

function answered(c: Context<ApiEnv>, result: Suppressed | Allowed): Response {
  if ('suppression' in result) return c.json({ outcome: result.outcome, suppression: result.suppression });
  const { problem: detail, hint } = describeMailRefusal(result);
  if (result.outcome === 'invalid') return answerProblem(c, { status: 422, code: 'INPUT_INVALID', detail, hint });
  return answerProblem(c, { status: 404, code: 'USAGE', detail, hint });
}
