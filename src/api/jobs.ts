import { Hono } from 'hono';
import type { Preflights } from '../runner/preflights.ts';
import type { Runner } from '../runner/runner.ts';
import { mayUse, needs } from './auth.ts';
import { answerProblem } from './problem.ts';
import { otherJob, problemOf, type ApiEnv } from './runs.ts';

/**
 * `/v1/jobs`: what can be run, and the files that define nothing. A preflight asks Slack and the mail server, so it needs the scope run,
 * though it changes nothing.
 */
export function jobRoutes(deps: {
  runner: Pick<Runner, 'jobs' | 'problems'>;
  preflights: Pick<Preflights, 'now'>;
}): Hono<ApiEnv> {
  const { runner, preflights } = deps;
  const app = new Hono<ApiEnv>();
  app.get('/', needs('read'), (c) => {
    const principal = c.get('principal');
    const jobs = runner.jobs().filter(({ name }) => mayUse(principal, name));
    // A file that defines no job may be anybody's.
    return c.json({ jobs, problems: principal.jobs === undefined ? runner.problems() : [] });
  });
  app.post('/:name/preflight', needs('run'), async (c) => {
    const name = c.req.param('name');
    const principal = c.get('principal');
    if (!mayUse(principal, name)) return answerProblem(c, otherJob(name));
    const result = await preflights.now(name);
    if (result.outcome === 'unknown_job') return answerProblem(c, problemOf(result, principal));
    const { job, verdict, places, leftOut } = result;
    return c.json({ job, verdict, places, leftOut });
  });
  return app;
}
