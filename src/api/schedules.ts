import { Hono, type Context } from 'hono';
import { z } from 'zod';
import { describeRefusal } from '../runner/schedule-words.ts';
import type { NewScheduleRequest, Refused, Schedules } from '../runner/schedules.ts';
import { Destination } from '../store/records.ts';
import { answerProblem, type Problem } from './problem.ts';
import { problemOf, readJson, type ApiEnv } from './runs.ts';

const Text = z.string().max(200);
const NewScheduleBody = z.strictObject({
  job: Text,
  when: Text,
  zone: Text.optional(),
  input: z.unknown().optional(),
  /** Inputs as texts, as people type them (`key=value`). */
  words: z.record(z.string().max(64), z.string().max(100_000)).optional(),
  destinations: z.array(Destination).max(20).optional(),
  name: Text.optional(),
});
const PauseBody = z.strictObject({ reason: z.string().max(2_000).optional() });
const SnoozeBody = z.strictObject({ until: Text });
const NextQuery = z.object({ n: z.coerce.number().int().min(1).max(20).default(5) });

type Answered = Context<ApiEnv>;

/**
 * `/v1/schedules`: the verbs of schedules, for whoever may open the data folder (the socket) and not yet for tokens: a schedule may name
 * a file of this machine as the place of its report.
 */
export function scheduleRoutes({ schedules }: { schedules: Schedules }): Hono<ApiEnv> {
  const app = new Hono<ApiEnv>();
  const actorOf = (c: Answered) => c.get('actor');
  const refOf = (c: Answered): string => c.req.param('ref') ?? '';

  app.use('*', async (c, next) => {
    if (actorOf(c).kind !== 'operator') return c.notFound();
    return next();
  });
  app.get('/', async (c) => c.json({ schedules: await schedules.list() }));
  app.post('/preview', async (c) => {
    const request = await requestOf(c);
    if (request instanceof Response) return request;
    const result = await schedules.preview(request);
    return result.outcome === 'ok' ? c.json({ schedule: result.view }) : refuse(c, result);
  });
  app.post('/', async (c) => {
    const request = await requestOf(c);
    if (request instanceof Response) return request;
    const result = await schedules.create(request);
    if (!('view' in result)) return refuse(c, result);
    return c.json({ outcome: result.outcome, schedule: result.view }, result.outcome === 'created' ? 201 : 200);
  });
  app.get('/:ref', async (c) => {
    const found = await schedules.find(refOf(c));
    return found.outcome === 'found' ? c.json({ schedule: found.view }) : refuse(c, found);
  });
  app.get('/:ref/next', async (c) => {
    const query = NextQuery.safeParse(c.req.query());
    if (!query.success) return badRequest(c, query.error);
    const result = await schedules.next(refOf(c), query.data.n);
    if (result.outcome !== 'ok') return refuse(c, result);
    return c.json({ schedules: result.views.map(({ view, next }) => ({ schedule: view, next })) });
  });
  app.delete('/:ref', async (c) => {
    const result = await schedules.remove(refOf(c), actorOf(c));
    return 'view' in result ? c.json({ outcome: result.outcome, schedule: result.view }) : refuse(c, result);
  });
  app.post('/:ref/pause', async (c) => {
    const body = PauseBody.safeParse((await readJson(c.req.raw)) ?? {});
    if (!body.success) return badRequest(c, body.error);
    return pauses(c, await schedules.pause(refOf(c), actorOf(c), body.data.reason));
  });
  app.post('/:ref/resume', async (c) => pauses(c, await schedules.resume(refOf(c), actorOf(c))));
  app.post('/:ref/snooze', async (c) => {
    const body = SnoozeBody.safeParse(await readJson(c.req.raw));
    if (!body.success) return badRequest(c, body.error);
    const result = await schedules.snooze(refOf(c), body.data.until, actorOf(c));
    return 'view' in result ? c.json({ outcome: result.outcome, schedule: result.view }) : refuse(c, result);
  });
  app.post('/:ref/skip', async (c) => {
    const result = await schedules.skipNext(refOf(c), actorOf(c));
    return 'view' in result ? c.json({ outcome: result.outcome, schedule: result.view }) : refuse(c, result);
  });
  app.post('/:ref/run', async (c) => {
    const result = await schedules.runNow(refOf(c), actorOf(c));
    if (result.outcome === 'accepted' || result.outcome === 'deduplicated') {
      return c.json({ outcome: result.outcome, run: result.run }, 202);
    }
    return isOfRun(result) ? answerProblem(c, problemOf(result)) : refuse(c, result);
  });
  return app;
}

type RunResult = Awaited<ReturnType<Schedules['runNow']>>;

/** What the runner says no to, rather than the schedules. */
function isOfRun(result: RunResult): result is Extract<Parameters<typeof problemOf>[0], RunResult> {
  return ['unknown_job', 'invalid_input', 'refused', 'queue_full', 'too_large'].includes(result.outcome);
}

async function requestOf(c: Answered): Promise<NewScheduleRequest | Response> {
  const body = NewScheduleBody.safeParse(await readJson(c.req.raw));
  if (!body.success) return badRequest(c, body.error);
  const { job, when, zone, input, words, destinations, name } = body.data;
  return {
    job,
    when,
    input: words ?? input,
    as: words === undefined ? 'json' : 'words',
    ...(zone === undefined ? {} : { zone }),
    ...(destinations === undefined ? {} : { destinations }),
    ...(name === undefined ? {} : { name }),
    actor: c.get('actor'),
  };
}

function pauses(c: Answered, result: Awaited<ReturnType<Schedules['pause']>>): Response {
  if (!('names' in result) || 'ref' in result) return refuse(c, result);
  return c.json({ outcome: result.outcome, names: result.names });
}

const KINDS: Record<Refused['outcome'], Pick<Problem, 'status' | 'code'>> = {
  unknown_job: { status: 404, code: 'JOB_UNKNOWN' },
  not_found: { status: 404, code: 'SCHEDULE_UNKNOWN' },
  ambiguous: { status: 409, code: 'SCHEDULE_AMBIGUOUS' },
  invalid: { status: 422, code: 'SCHEDULE_INVALID' },
  file_owned: { status: 409, code: 'SCHEDULE_FIXED' },
  limit: { status: 429, code: 'SCHEDULES_FULL' },
};

function refuse(c: Answered, refused: Refused): Response {
  const { problem, hint } = describeRefusal(refused, { jobs: 'bellhop jobs', schedules: 'bellhop schedules' });
  return answerProblem(c, { ...KINDS[refused.outcome], detail: problem, hint });
}

function badRequest(c: Answered, error: z.ZodError): Response {
  const issues = error.issues.slice(0, 20).map(({ path, message }) => ({ path: path.join('.'), message }));
  return answerProblem(c, { status: 400, code: 'USAGE', detail: 'The request was not understood.', issues });
}
