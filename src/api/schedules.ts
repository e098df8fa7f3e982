import { isAbsolute } from 'node:path';
import { Hono, type Context, type MiddlewareHandler } from 'hono';
import { z } from 'zod';
import { messageOf } from '../errors.ts';
import { describeRefusal } from '../runner/schedule-words.ts';
import type { NewScheduleRequest, Refused, Schedules } from '../runner/schedules.ts';
import type { Principal } from '../runner/tokens.ts';
import { parseTarget } from '../runner/targets.ts';
import type { Destination } from '../store/destinations.ts';
import { mayUse, needs } from './auth.ts';
import { readJson } from './body.ts';
import { answerProblem, misunderstood, type Problem } from './problem.ts';
import { otherJob, problemOf, type ApiEnv } from './runs.ts';

const Text = z.string().max(200);
/** Text or object, as everywhere; `origin` is a place where somebody asked, and here that is nowhere. */
const Place = z.unknown().transform((value, ctx): Destination => {
  try {
    const target = parseTarget(value);
    if (target !== 'origin') return target;
    ctx.addIssue({ code: 'custom', message: 'origin is no place of its own: name one' });
  } catch (error) {
    ctx.addIssue({ code: 'custom', message: messageOf(error) });
  }
  return z.NEVER;
});
const NewScheduleBody = z.strictObject({
  job: Text,
  when: Text,
  zone: Text.optional(),
  input: z.unknown().optional(),
  /** Inputs as texts, as people type them (`key=value`). */
  words: z.record(z.string().max(64), z.string().max(100_000)).optional(),
  destinations: z.array(Place).max(20).optional(),
  name: Text.optional(),
});
const PauseBody = z.strictObject({ reason: z.string().max(2_000).optional() });
const SnoozeBody = z.strictObject({ until: Text });
const NextQuery = z.object({ n: z.coerce.number().int().min(1).max(20).default(5) });

type Answered = Context<ApiEnv>;

/**
 * `/v1/schedules`: the verbs of schedules. Looking needs the scope read, running one now run, everything else manage. To a token of some
 * jobs the schedules of others are not there, and only the operator may send a report to an absolute path of this machine.
 */
export function scheduleRoutes({ schedules }: { schedules: Schedules }): Hono<ApiEnv> {
  const app = new Hono<ApiEnv>();
  const actorOf = (c: Answered) => c.get('actor');
  const refOf = (c: Answered): string => c.req.param('ref') ?? '';

  const own = ofOwnJob(schedules);

  app.get('/', needs('read'), async (c) => {
    const principal = c.get('principal');
    return c.json({ schedules: (await schedules.list()).filter(({ job }) => mayUse(principal, job)) });
  });
  app.post('/preview', needs('read'), async (c) => {
    const request = await requestOf(c);
    if (request instanceof Response) return request;
    const result = await schedules.preview(request);
    return result.outcome === 'ok' ? c.json({ schedule: result.view }) : refuse(c, result);
  });
  app.post('/', needs('manage'), async (c) => {
    const request = await requestOf(c);
    if (request instanceof Response) return request;
    const result = await schedules.create(request);
    if (!('view' in result)) return refuse(c, result);
    return c.json({ outcome: result.outcome, schedule: result.view }, result.outcome === 'created' ? 201 : 200);
  });
  app.get('/:ref', needs('read'), own, async (c) => {
    const found = await schedules.find(refOf(c));
    return found.outcome === 'found' ? c.json({ schedule: found.view }) : refuse(c, found);
  });
  app.get('/:ref/next', needs('read'), own, async (c) => {
    const query = NextQuery.safeParse(c.req.query());
    if (!query.success) return answerProblem(c, misunderstood(query.error));
    const result = await schedules.next(refOf(c), query.data.n);
    if (result.outcome !== 'ok') return refuse(c, result);
    return c.json({ schedules: result.views.map(({ view, next }) => ({ schedule: view, next })) });
  });
  app.delete('/:ref', needs('manage'), own, async (c) => {
    const result = await schedules.remove(refOf(c), actorOf(c));
    return 'view' in result ? c.json({ outcome: result.outcome, schedule: result.view }) : refuse(c, result);
  });
  app.post('/:ref/pause', needs('manage'), own, async (c) => {
    const body = PauseBody.safeParse(await readJson(c.req.raw));
    if (!body.success) return answerProblem(c, misunderstood(body.error));
    return pauses(c, await schedules.pause(refOf(c), actorOf(c), body.data.reason));
  });
  app.post('/:ref/resume', needs('manage'), own, async (c) => pauses(c, await schedules.resume(refOf(c), actorOf(c))));
  app.post('/:ref/snooze', needs('manage'), own, async (c) => {
    const body = SnoozeBody.safeParse(await readJson(c.req.raw));
    if (!body.success) return answerProblem(c, misunderstood(body.error));
    const result = await schedules.snooze(refOf(c), body.data.until, actorOf(c));
    return 'view' in result ? c.json({ outcome: result.outcome, schedule: result.view }) : refuse(c, result);
  });
  app.post('/:ref/skip', needs('manage'), own, async (c) => {
    const result = await schedules.skipNext(refOf(c), actorOf(c));
    return 'view' in result ? c.json({ outcome: result.outcome, schedule: result.view }) : refuse(c, result);
  });
  app.post('/:ref/run', needs('run'), own, async (c) => {
    const result = await schedules.runNow(refOf(c), actorOf(c));
    if (result.outcome === 'accepted' || result.outcome === 'deduplicated') {
      return c.json({ outcome: result.outcome, run: result.run }, 202);
    }
    return isOfRun(result) ? answerProblem(c, problemOf(result, c.get('principal'))) : refuse(c, result);
  });
  return app;
}

/** Lets pass who may use the job of the schedule; to others it is not there. */
function ofOwnJob(schedules: Schedules): MiddlewareHandler<ApiEnv> {
  return async (c, next) => {
    const { jobs } = c.get('principal');
    if (jobs === undefined) return next();
    const ref = (c.req.param('ref') ?? '').trim().toLowerCase();
    if (ref === 'all') {
      const detail = 'All schedules are of all jobs; this token is for some.';
      return answerProblem(c, { status: 403, code: 'FORBIDDEN', detail, hint: 'Name a schedule.' });
    }
    const found = await schedules.find(ref);
    const job = found.outcome === 'found' ? found.view.job : found.outcome === 'ambiguous' ? ref : undefined;
    if (job === undefined || !jobs.includes(job)) return refuse(c, { outcome: 'not_found', ref, suggestions: [] });
    return next();
  };
}

type RunResult = Awaited<ReturnType<Schedules['runNow']>>;

/** What the runner says no to, rather than the schedules. */
function isOfRun(result: RunResult): result is Extract<Parameters<typeof problemOf>[0], RunResult> {
  return ['unknown_job', 'invalid_input', 'refused', 'queue_full', 'too_large'].includes(result.outcome);
}

const ABSOLUTE_PATH: Problem = {
  status: 403,
  code: 'FORBIDDEN',
  detail: 'A token may send reports to files below the reports folder, not to an absolute path.',
  hint: 'Give a path like reports.md, or make the schedule on the machine with bellhop schedule.',
};

async function requestOf(c: Answered): Promise<NewScheduleRequest | Response> {
  const body = NewScheduleBody.safeParse(await readJson(c.req.raw));
  if (!body.success) return answerProblem(c, misunderstood(body.error));
  const { job, when, zone, input, words, destinations, name } = body.data;
  if (!mayUse(c.get('principal'), job)) return answerProblem(c, otherJob(job));
  const outside = destinations?.find((one) => one.kind === 'file' && isAbsolute(one.path));
  if (outside !== undefined && c.get('actor').kind !== 'operator') return answerProblem(c, ABSOLUTE_PATH);
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
  const { problem, hint } = describeRefusal(within(c.get('principal'), refused), {
    jobs: 'bellhop jobs',
    schedules: 'bellhop schedules',
  });
  return answerProblem(c, { ...KINDS[refused.outcome], detail: problem, hint });
}

/** The same for a token of some jobs, without the names of others. */
function within(principal: Principal, refused: Refused): Refused {
  if (principal.jobs === undefined || !('suggestions' in refused)) return refused;
  const isKnown = (name: string): boolean => refused.outcome === 'unknown_job' && mayUse(principal, name);
  return { ...refused, suggestions: refused.suggestions.filter(isKnown) };
}
