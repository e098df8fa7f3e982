/** The whole product over the fake workspace: a look by hand, and one before a schedule is due. */
import { expect, test } from 'vitest';
import { createWorkspace } from '../../src/playground/workspace.ts';
import { systemClock } from '../../src/clock.ts';
import { API_TOKEN, startApiServer } from '../support/api-server.ts';

// Two hours from now: not due during the test, and within the twelve hours.
const SOON = new Date(systemClock.now() + 2 * 3_600_000).toISOString().slice(11, 16);
const JOB = `import { defineJob } from 'bellhop';
export default defineJob({
  name: 'weekly', description: 'A report every day', destinations: ['C0LOBBY'],
  schedules: [{ when: 'daily ${SOON}', tell: ['C0REPORTS'] }],
  run: async () => 'done',
});
`;

test('a channel the bot is not in is seen through the real client, told elsewhere, and never posted to', async () => {
  const workspace = createWorkspace({ clock: systemClock }, { rates: 'off' });
  await using api = await startApiServer({
    jobs: { 'weekly.ts': JOB },
    env: {
      SLACK_BOT_TOKEN: workspace.token,
      SLACK_SIGNING_SECRET: 'a-secret-of-these-tests',
      // Nobody: only the outbox speaks to the fake workspace here.
      SLACK_API_URL: 'http://127.0.0.1:1/api/',
    },
    seams: { fetch: workspace.fetch },
  });
  const { preflights } = api.server.bellhop.scheduler;
  const answer = await fetch(`${api.url}/v1/jobs/weekly/preflight`, {
    method: 'POST',
    headers: { authorization: `Bearer ${API_TOKEN}` },
  });
  expect(answer.status).toBe(200);
  expect(await answer.json()).toMatchObject({
    job: 'weekly',
    verdict: 'fails',
    places: [
      {
        destination: { kind: 'slack', channel: 'C0LOBBY' },
        verdict: 'fails',
        of: ['the job', 'weekly'],
        problems: [{ code: 'NOT_IN_CHANNEL', message: 'I am not in #lobby' }],
      },
    ],
  });
  const posted = (): unknown[] =>
    workspace.calls.filter(({ method }) => method === 'chat.postMessage').map(({ args }) => args['channel']);
  expect(posted()).toEqual([]);

  await preflights.look();
  await expect.poll(() => workspace.messages('reports').length).toBe(1);
  expect(JSON.stringify(workspace.messages('reports'))).toContain('report will fail: I am not in #lobby');
  expect(posted()).toEqual(['C0REPORTS']);
});
