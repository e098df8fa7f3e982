import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import type { PeerServer } from '../support/peer-server.ts';
import { setStage, type Stage } from '../support/stage.ts';

const TOKEN = 'a-token-of-some-length';
const JOB = `
import { defineJob } from 'bellhop';
import { z } from 'zod';
export default defineJob({
  name: 'weekly', description: 'The weekly report', destinations: [],
  input: z.object({ wait: z.boolean().default(false) }),
  async run({ wait }, ctx) {
    if (wait) await new Promise((resolve) => ctx.signal.addEventListener('abort', resolve, { once: true }));
    return 'All is well.';
  },
});
`;

let stage: Stage;
let server: PeerServer;
beforeAll(async () => {
  stage = await setStage({ 'weekly.ts': JOB });
  server = await stage.serve({ env: { BELLHOP_API_TOKEN: TOKEN, BELLHOP_RUN_WAIT_MS: '300' } });
});
afterAll(async () => {
  await server.stop();
  await stage[Symbol.asyncDispose]();
});

async function call(what: string, body?: unknown): Promise<{ status: number; body: Record<string, unknown> }> {
  const [method = '', path = ''] = what.split(' ');
  const answer = await fetch(`${server.url}${path}`, {
    method,
    headers: { authorization: `Bearer ${TOKEN}` },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: answer.status, body: z.record(z.string(), z.unknown()).parse(await answer.json()) };
}

test('A1 A17 over a real server a job is run, listed, read and deleted, and queues and deliveries are processed', async () => {
  // Until its end, which a machine under load may not see within the wait.
  const run = await call('POST /run', { job_type: 'weekly' });
  const id = String(run.body['job_id']);
  expect([200, 202]).toContain(run.status);
  await expect.poll(async () => (await call(`GET /jobs/${id}`)).body['status'], { timeout: 20_000 }).toBe('completed');
  expect((await call(`GET /jobs/${id}`)).body).toMatchObject({ report: expect.stringContaining('All is well.') });
  expect((await call('GET /jobs')).body).toMatchObject({ jobs: [{ job_id: id, job_type: 'weekly' }] });
  const long = await call('POST /run', { job_type: 'weekly', params: { wait: true } });
  expect(long).toMatchObject({ status: 202, body: { job_id: expect.stringMatching(/^run_/) } });
  expect((await call('POST /v1/queues/weekly/process')).body).toMatchObject({ queue: 'weekly', remaining: 0 });
  expect((await call('POST /v1/deliveries/process?limit=50')).body).toEqual({ started: 0, remaining: 0 });
  for (const one of [id, String(long.body['job_id'])]) {
    expect(await call(`DELETE /jobs/${one}`)).toEqual({ status: 200, body: { deleted: true } });
    expect(await call(`GET /jobs/${one}`)).toEqual({ status: 404, body: { error: 'not found' } });
  }
  const queued = await call('POST /jobs', { job_type: 'weekly' });
  expect(queued.status).toBe(202);
});
