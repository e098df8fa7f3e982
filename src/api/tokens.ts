import { Hono, type Context } from 'hono';
import { z } from 'zod';
import { describeTokenRefusal } from '../runner/token-words.ts';
import type { TokenRefused, Tokens } from '../runner/tokens.ts';
import { needs } from './auth.ts';
import { readJson } from './body.ts';
import { answerProblem, misunderstood, type Problem } from './problem.ts';
import type { ApiEnv } from './runs.ts';

const Text = z.string().max(200);
const NewTokenBody = z.strictObject({
  name: Text,
  scope: Text.optional(),
  jobs: z.array(Text).max(1000).optional(),
  expires: Text.optional(),
});
const RotateBody = z.strictObject({ overlap: Text.optional() });

/** `/v1/tokens`, of scope admin: the secret of a token stands in the answer that made it, and nowhere after that. */
export function tokenRoutes({
  tokens,
}: {
  tokens: Pick<Tokens, 'list' | 'create' | 'rotate' | 'revoke'>;
}): Hono<ApiEnv> {
  const app = new Hono<ApiEnv>();
  app.use('*', needs('admin'));
  app.get('/', (c) => c.json(tokens.list()));
  app.post('/', async (c) => {
    const body = NewTokenBody.safeParse(await readJson(c.req.raw));
    if (!body.success) return answerProblem(c, misunderstood(body.error));
    const { scope, jobs, expires, name } = body.data;
    const asked = {
      name,
      ...(scope === undefined ? {} : { scope }),
      ...(jobs === undefined ? {} : { jobs }),
      ...(expires === undefined ? {} : { expires }),
    };
    const made = await tokens.create(asked, c.get('actor'));
    if (made.outcome !== 'created') return refuse(c, made);
    return c.json({ outcome: made.outcome, token: made.view, secret: made.secret }, 201, NEVER_KEPT);
  });
  app.post('/:ref/rotate', async (c) => {
    const body = RotateBody.safeParse(await readJson(c.req.raw));
    if (!body.success) return answerProblem(c, misunderstood(body.error));
    const made = await tokens.rotate(c.req.param('ref'), body.data.overlap, c.get('actor'));
    if (made.outcome !== 'rotated') return refuse(c, made);
    const { outcome, view, secret, until } = made;
    return c.json({ outcome, token: view, secret, until }, 200, NEVER_KEPT);
  });
  app.delete('/:ref', async (c) => {
    const result = await tokens.revoke(c.req.param('ref'), c.get('actor'));
    return result.outcome === 'revoked' ? c.json({ outcome: result.outcome, token: result.view }) : refuse(c, result);
  });
  return app;
}

const NEVER_KEPT = { 'cache-control': 'no-store' };

const KINDS: Record<TokenRefused['outcome'], Pick<Problem, 'status' | 'code'>> = {
  invalid: { status: 422, code: 'TOKEN_INVALID' },
  taken: { status: 409, code: 'TOKEN_TAKEN' },
  full: { status: 429, code: 'TOKENS_FULL' },
  not_found: { status: 404, code: 'TOKEN_UNKNOWN' },
  over: { status: 409, code: 'TOKEN_OVER' },
  rotating: { status: 409, code: 'TOKEN_ROTATING' },
};

function refuse(c: Context<ApiEnv>, refused: TokenRefused): Response {
  const { problem, hint } = describeTokenRefusal(refused, { list: 'bellhop token list' });
  return answerProblem(c, { ...KINDS[refused.outcome], detail: problem, hint });
}
