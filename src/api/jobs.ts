import { Hono } from 'hono';
import type { Runner } from '../runner/runner.ts';
import { mayUse, needs } from './auth.ts';
import type { ApiEnv } from './runs.ts';

/** `/v1/jobs`: what can be run, and the files that define nothing. */
export function jobRoutes({ runner }: { runner: Pick<Runner, 'jobs' | 'problems'> }): Hono<ApiEnv> {
  const app = new Hono<ApiEnv>();
  app.get('/', needs('read'), (c) => {
    const principal = c.get('principal');
    const jobs = runner.jobs().filter(({ name }) => mayUse(principal, name));
    // A file that defines no job may be anybody's.
    return c.json({ jobs, problems: principal.jobs === undefined ? runner.problems() : [] });
  });
  return app;
}
