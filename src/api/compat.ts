/**
 * The HTTP contract of an earlier system, word for word, for whoever calls it: `POST /run`, and `POST`, `GET`, `DELETE` under `/jobs`. Its
 * `job_id` is the id of a run and its `job_type` the name of a job; these words stand here and nowhere else. docs/compat.md has the table.
 */
import { Hono, type Context } from 'hono';
import { z } from 'zod';
import { isId } from '../ids.ts';
import { outputText } from '../output.ts';
import { renderMarkdown } from '../render/markdown-file.ts';
import type { Runner } from '../runner/runner.ts';
import type { WaitForRun } from '../runner/wait.ts';
import { RUN_STATES } from '../store/records.ts';
import type { Run, RunState, RunSummary } from '../store/records.ts';
import type { Reader } from '../store/reader.ts';
import { mayUse, needs } from './auth.ts';
import { readJson } from './body.ts';
import { limitBetween } from './limit.ts';
import { answerRefusal, misunderstood } from './problem.ts';
import { failureOf, problemOf, scopedKey, type ApiEnv } from './runs.ts';

export interface CompatDeps {
  runner: Pick<Runner, 'submit' | 'remove'>;
  reader: Pick<Reader, 'get' | 'list'>;
  ended: WaitForRun;
}

type Answered = Context<ApiEnv>;

const STATUSES = ['queued', 'running', 'completed', 'failed'] as const;
const STATUS_OF: Record<RunState, (typeof STATUSES)[number]> = {
  waiting: 'queued',
  scheduled: 'queued',
  queued: 'queued',
  running: 'running',
  retrying: 'running',
  completed: 'completed',
  failed: 'failed',
  cancelled: 'failed',
};

const NewJobBody = z.strictObject({ job_type: z.string().min(1).max(200), params: z.unknown().optional() });
const IdempotencyKey = z.string().min(1).max(180).optional();
const Cursor = z.string().transform((text, context) => {
  const [, at = '', id = ''] = /^jobs:(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z):(run_.{26})$/.exec(text) ?? [];
  if (isId(id, 'run') && !Number.isNaN(Date.parse(at))) return id;
  context.addIssue({ code: 'custom', message: 'is not the cursor of an answer' });
  return z.NEVER;
});
const ListQuery = z.object({
  limit: limitBetween(200, 50),
  status: z.enum(STATUSES).optional(),
  cursor: Cursor.optional(),
});

/** Makes the routes; they are mounted at the root, behind the door. */
export function compatRoutes(deps: CompatDeps): Hono<ApiEnv> {
  const { runner, reader, ended } = deps;
  const app = new Hono<ApiEnv>();

  /** The run that was accepted, or why there is none. */
  async function submit(c: Answered): Promise<Run | Response> {
    const body = NewJobBody.safeParse(await readJson(c.req.raw));
    if (!body.success) return answerRefusal(c, misunderstood(body.error));
    const key = IdempotencyKey.safeParse(c.req.header('idempotency-key'));
    if (!key.success) return answerRefusal(c, misunderstood(key.error, 'Idempotency-Key'));
    const { job_type: job, params: input } = body.data;
    if (!mayUse(c.get('principal'), job)) return c.json({ error: 'forbidden' }, 403);
    const actor = c.get('actor');
    const trigger = actor.kind === 'operator' ? 'cli' : 'api';
    const idempotencyKey = key.data === undefined ? {} : { idempotencyKey: scopedKey(actor, key.data) };
    const result = await runner.submit({ job, input, as: 'json', actor, trigger, ...idempotencyKey });
    const isThere = result.outcome === 'accepted' || result.outcome === 'deduplicated';
    return isThere ? result.run : answerRefusal(c, problemOf(result, c.get('principal')));
  }

  /** A run that this token may know of. */
  async function known(c: Answered): Promise<Run | undefined> {
    const run = await reader.get(c.req.param('id') ?? '');
    return run !== undefined && mayUse(c.get('principal'), run.job) ? run : undefined;
  }

  app.post('/run', needs('run'), async (c) => {
    const run = await submit(c);
    if (run instanceof Response) return run;
    const end = await ended(run, c.req.raw.signal);
    if (end === 'gone') return notFound(c);
    return end === 'unfinished' ? accepted(c, run.id) : c.json(viewOf(end));
  });
  app.post('/jobs', needs('run'), async (c) => {
    const run = await submit(c);
    return run instanceof Response ? run : accepted(c, run.id);
  });
  app.get('/jobs', needs('read'), async (c) => {
    const query = ListQuery.safeParse(c.req.query());
    if (!query.success) return answerRefusal(c, misunderstood(query.error));
    const { limit, status, cursor } = query.data;
    const { jobs } = c.get('principal');
    const { items, next } = await reader.list({
      limit,
      ...(status === undefined ? {} : { states: RUN_STATES.filter((state) => STATUS_OF[state] === status) }),
      ...(cursor === undefined ? {} : { olderThan: cursor }),
      ...(jobs === undefined ? {} : { jobs }),
    });
    const last = next === undefined ? undefined : items.at(-1);
    return c.json({
      jobs: items.map(entryOf),
      ...(last === undefined ? {} : { cursor: `jobs:${last.createdAt}:${last.id}` }),
    });
  });
  app.get('/jobs/:id', needs('read'), async (c) => {
    const run = await known(c);
    return run === undefined ? notFound(c) : c.json(viewOf(run));
  });
  app.delete('/jobs/:id', needs('manage'), async (c) => {
    const run = await known(c);
    const removed = run === undefined ? undefined : await runner.remove(run.id, c.get('actor'));
    return removed?.outcome === 'removed' ? c.json({ deleted: true }) : notFound(c);
  });
  app.all('/run', (c) => wrongMethod(c, 'POST'));
  app.all('/jobs', (c) => wrongMethod(c, 'GET, POST'));
  app.all('/jobs/:id', (c) => wrongMethod(c, 'GET, DELETE'));
  return app;
}

function entryOf({ id, job, state, createdAt, updatedAt }: Run | RunSummary) {
  return { job_id: id, job_type: job, status: STATUS_OF[state], created_at: createdAt, updated_at: updatedAt };
}

/** The entry and all that hangs on it; the report as the text that its callers read. */
function viewOf(run: Run) {
  return {
    ...entryOf(run),
    ...(run.startedAt === undefined ? {} : { started_at: run.startedAt }),
    ...(run.finishedAt === undefined ? {} : { finished_at: run.finishedAt }),
    params: run.input,
    report: run.report === undefined ? null : renderMarkdown(run.report, { run }),
    error: errorOf(run),
    ...(run.result === undefined ? {} : { result: run.result }),
    ...(run.response === undefined ? {} : { response: run.response }),
  };
}

/** What went wrong last, with what was written to standard error last. */
function errorOf(run: Run) {
  const error = failureOf(run);
  if (error === undefined) return null;
  const output = run.attempts.findLast(({ stderr }) => stderr !== undefined)?.stderr;
  if (output === undefined) return error;
  return { ...error, stderr: outputText(output) };
}

function accepted(c: Answered, runId: string): Response {
  return c.json({ job_id: runId }, 202, { location: `/jobs/${runId}` });
}

function notFound(c: Answered): Response {
  return c.json({ error: 'not found' }, 404);
}

function wrongMethod(c: Answered, allow: string): Response {
  return c.json({ error: 'method not allowed' }, 405, { allow });
}
