import { createHash } from 'node:crypto';
import { Hono, type Context } from 'hono';
import { z } from 'zod';
import type { RetryResult, Runner } from '../runner/runner.ts';
import type { Principal } from '../runner/tokens.ts';
import type { Reader } from '../store/reader.ts';
import { RunState, type Actor, type Failure, type Run } from '../store/records.ts';
import { mayUse, needs } from './auth.ts';
import { readJson } from './body.ts';
import { answerProblem, misunderstood, type Problem } from './problem.ts';

/** What goes with a request: who asks (behind the door), under which number, and where it came from. */
export interface ApiEnv {
  Variables: {
    /** The actor of the principal, with the request's id. */
    actor: Actor;
    principal: Principal;
    requestId: string;
    /** What the address is counted under; absent on the socket. */
    addressKey?: string;
  };
  Bindings: {
    /** Set on the socket of the data folder, whose file mode is the credential. */
    operator?: Actor;
    /** Address of the other end of a TCP connection. */
    address?: string;
  };
}

export interface RunsDeps {
  runner: Runner;
  reader: Reader;
}

const NewRunBody = z.strictObject({
  job: z.string().max(200),
  input: z.unknown().optional(),
  /** Inputs as texts, as people type them (`key=value`); they are turned into the types of the job's schema. */
  words: z.record(z.string().max(64), z.string().max(100_000)).optional(),
  idempotencyKey: z.string().min(1).max(180).optional(),
});
const ListQuery = z.object({
  limit: z.coerce.number().int().optional(),
  after: z.string().max(500).optional(),
  job: z.string().max(64).optional(),
  state: RunState.optional(),
});

/** `/v1/runs`: the verbs of the runner over HTTP. */
export function runRoutes({ runner, reader }: RunsDeps): Hono<ApiEnv> {
  const app = new Hono<ApiEnv>();

  /** Whether the run is there for this token: one of another job is not. */
  async function isKnown(c: Context<ApiEnv>, runId: string): Promise<boolean> {
    if (c.get('principal').jobs === undefined) return true;
    const run = await reader.get(runId);
    return run !== undefined && mayUse(c.get('principal'), run.job);
  }

  app.post('/', needs('run'), async (c) => {
    const parsed = NewRunBody.safeParse(await readJson(c.req.raw));
    if (!parsed.success) return answerProblem(c, misunderstood(parsed.error));
    const { job, input, words, idempotencyKey } = parsed.data;
    if (!mayUse(c.get('principal'), job)) return answerProblem(c, otherJob(job));
    const actor = c.get('actor');
    const result = await runner.submit({
      job,
      input: words ?? input,
      as: words === undefined ? 'json' : 'words',
      actor,
      trigger: actor.kind === 'operator' ? 'cli' : 'api',
      ...(idempotencyKey === undefined ? {} : { idempotencyKey: scopedKey(actor, idempotencyKey) }),
    });
    return result.outcome === 'accepted' || result.outcome === 'deduplicated'
      ? c.json({ outcome: result.outcome, run: result.run }, 202)
      : answerProblem(c, problemOf(result, c.get('principal')));
  });

  app.get('/', needs('read'), async (c) => {
    const query = ListQuery.safeParse(c.req.query());
    if (!query.success) return answerProblem(c, misunderstood(query.error));
    const { limit, after, job, state } = query.data;
    const { jobs } = c.get('principal');
    const page = await reader.list({
      ...(limit === undefined ? {} : { limit }),
      ...(after === undefined ? {} : { after }),
      ...(job === undefined ? {} : { job }),
      ...(jobs === undefined ? {} : { jobs }),
      ...(state === undefined ? {} : { states: [state] }),
    });
    return c.json({ runs: page.items, ...(page.next === undefined ? {} : { next: page.next }) });
  });

  app.get('/:ref', needs('read'), async (c) => {
    const found = await runner.find(c.req.param('ref'), c.get('actor'), c.get('principal').jobs);
    if (found.outcome === 'ambiguous') {
      const candidates = found.candidates.map((run) => run.id);
      return answerProblem(c, {
        status: 409,
        code: 'RUN_AMBIGUOUS',
        detail: `More than one run ends with ${c.req.param('ref').slice(0, 40)}.`,
        hint: `Give more of the id: ${candidates.join(', ')}.`,
      });
    }
    if (found.outcome === 'not_found') return answerProblem(c, unknownRun(c.req.param('ref')));
    return c.json({ run: found.run, deliveries: await reader.deliveries(found.run.id) });
  });

  app.get('/:id/transcript', needs('read'), async (c) => {
    const runId = c.req.param('id');
    const run = (await isKnown(c, runId)) ? await reader.get(runId) : undefined;
    if (run === undefined) return answerProblem(c, unknownRun(runId));
    return c.json({ run: { id: run.id }, transcript: await runner.transcript(run) });
  });

  app.post('/:id/cancel', needs('run'), async (c) => {
    if (!(await isKnown(c, c.req.param('id')))) return answerProblem(c, unknownRun(c.req.param('id')));
    const result = await runner.cancel(c.req.param('id'), c.get('actor'));
    if (result.outcome === 'not_found') return answerProblem(c, unknownRun(c.req.param('id')));
    return c.json({ outcome: result.outcome, run: result.run });
  });

  app.post('/:id/approve', needs('admin'), async (c) => {
    if (!(await isKnown(c, c.req.param('id')))) return answerProblem(c, unknownRun(c.req.param('id')));
    const result = await runner.approve(c.req.param('id'), c.get('actor'));
    if (result.outcome === 'not_found') return answerProblem(c, unknownRun(c.req.param('id')));
    return c.json({ outcome: result.outcome, run: result.run });
  });

  app.post('/:id/retry', needs('run'), async (c) => {
    if (!(await isKnown(c, c.req.param('id')))) return answerProblem(c, unknownRun(c.req.param('id')));
    const result = await runner.retry(c.req.param('id'), c.get('actor'));
    return result.outcome === 'accepted' || result.outcome === 'deduplicated'
      ? c.json({ outcome: result.outcome, run: result.run }, 202)
      : answerProblem(
          c,
          result.outcome === 'not_found' ? unknownRun(c.req.param('id')) : problemOf(result, c.get('principal')),
        );
  });

  app.delete('/:id', needs('manage'), async (c) => {
    if (!(await isKnown(c, c.req.param('id')))) return answerProblem(c, unknownRun(c.req.param('id')));
    const result = await runner.remove(c.req.param('id'), c.get('actor'));
    if (result.outcome === 'not_found') return answerProblem(c, unknownRun(c.req.param('id')));
    return c.json({ outcome: result.outcome, run: { id: result.run.id } });
  });

  return app;
}

const MAX_KEY = 200;

/** A key is its actor's own; what would be too long to keep is kept as its digest. */
export function scopedKey({ kind, id }: Actor, key: string): string {
  const scoped = `${kind}-${id}-${key}`;
  return scoped.length <= MAX_KEY ? scoped : createHash('sha256').update(scoped).digest('hex');
}

/** A job that the token is not for; said before it is said whether there is one. */
export function otherJob(name: string): Problem {
  return {
    status: 403,
    code: 'FORBIDDEN',
    detail: `This token may not use the job ${name.slice(0, 80)}.`,
    hint: 'Ask with a token that is for it.',
  };
}

function unknownRun(ref: string): Problem {
  return {
    status: 404,
    code: 'RUN_UNKNOWN',
    detail: `There is no run ${ref.slice(0, 60)}.`,
    hint: 'List runs at /v1/runs.',
  };
}

/** Why a run did not complete, for callers who know no cancelled runs. */
export function failureOf({ state, error }: Run): Failure | undefined {
  return state === 'cancelled' ? { code: 'cancelled', message: 'The run was cancelled.' } : error;
}

/** Why the runner made no run; a token of some jobs is not told the names of others. */
export function problemOf(
  result: Exclude<RetryResult, { outcome: 'accepted' | 'deduplicated' }>,
  principal: Principal,
): Problem {
  switch (result.outcome) {
    case 'unknown_job': {
      const near = result.suggestions.filter((name) => mayUse(principal, name));
      const broken = principal.jobs === undefined ? result.broken : undefined;
      return {
        status: 404,
        code: 'JOB_UNKNOWN',
        detail: `There is no job ${result.name.slice(0, 80)}.`,
        hint: broken ?? (near.length > 0 ? `Did you mean ${near.join(', ')}?` : 'List jobs at /v1/jobs.'),
      };
    }
    case 'invalid_input':
      return {
        status: 422,
        code: 'INPUT_INVALID',
        detail: `The input of ${result.job.name} does not fit its schema.`,
        issues: result.issues.slice(0, 20),
      };
    case 'refused':
      return { status: 409, code: 'GUARD_REFUSED', detail: result.reason, hint: result.hint };
    case 'queue_full':
      return { status: 429, code: 'QUEUE_FULL', detail: `There are ${result.limit} unfinished runs already.` };
    case 'too_large':
      return {
        status: 413,
        code: 'TOO_LARGE',
        detail: `The input is ${result.bytes} bytes; the limit is ${result.limit}.`,
      };
    case 'unfinished':
      return {
        status: 409,
        code: 'RUN_UNFINISHED',
        detail: `The run is ${result.run.state}.`,
        hint: 'Cancel it first.',
      };
    case 'job_gone':
      return { status: 404, code: 'JOB_UNKNOWN', detail: `The job ${result.run.job} does not exist any more.` };
    case 'not_found':
      return { status: 404, code: 'RUN_UNKNOWN', detail: 'There is no such run.' };
  }
}
