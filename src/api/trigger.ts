/** `POST /trigger/{plugin}/{command}`: calls a plugin, and answers with its end when that comes soon. */
import { Hono } from 'hono';
import { z } from 'zod';
import type { Runner } from '../runner/runner.ts';
import type { WaitForRun } from '../runner/wait.ts';
import type { Run } from '../store/records.ts';
import { mayUse, needs } from './auth.ts';
import { readJson } from './body.ts';
import { answerRefusal } from './problem.ts';
import { failureOf, problemOf, type ApiEnv } from './runs.ts';

export interface TriggerDeps {
  runner: Runner;
  ended: WaitForRun;
}

const Body = z.strictObject({ payload: z.unknown().optional() });

/** The route of the triggers; answers are plain JSON, as its callers know them. */
export function triggerRoutes({ runner, ended }: TriggerDeps): Hono<ApiEnv> {
  const app = new Hono<ApiEnv>();
  app.post('/:plugin/:command', needs('run'), async (c) => {
    const { plugin, command } = c.req.param();
    const name = `${plugin}-${command}`;
    if (!mayUse(c.get('principal'), name)) return c.json({ error: 'forbidden' }, 403);
    const body = Body.safeParse(await readJson(c.req.raw)).data;
    if (body === undefined) return c.json({ error: 'The body must be JSON: {"payload": {…}}, or nothing.' }, 400);
    const job = runner.job(name)?.plugin;
    // Two splits of one name are two things: a-b with c is not a with b-c.
    if (job?.name !== plugin || job.command !== command) return c.json({ error: 'not found' }, 404);
    const asked = { job: name, input: body.payload, as: 'json', actor: c.get('actor'), trigger: 'api' } as const;
    const result = await runner.submit(asked);
    if (result.outcome === 'unknown_job') return c.json({ error: 'not found' }, 404);
    if (result.outcome !== 'accepted' && result.outcome !== 'deduplicated') {
      return answerRefusal(c, problemOf(result, c.get('principal')));
    }
    const end = await ended(result.run, c.req.raw.signal);
    if (end === 'gone') return c.json({ error: 'not found' }, 404);
    return end === 'unfinished' ? c.json({ job_id: result.run.id }, 202) : c.json(answerOf(end));
  });
  return app;
}

function answerOf(run: Run) {
  const { id, state, result = null, response = null } = run;
  if (state === 'completed') return { job_id: id, status: 'completed', result, error: null, response };
  return { job_id: id, status: 'failed', result, error: failureOf(run) ?? null, response };
}
