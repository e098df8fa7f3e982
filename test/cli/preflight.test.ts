import { expect, test } from 'vitest';
import { z } from 'zod';
import { openShell } from '../support/cli.ts';

const JOB = `name: nightly
description: Says hello
command: [echo, hello]
destinations: ['file:nightly.html', 'ana@example.com']
`;
const GOOD = JOB.replace(", 'ana@example.com'", '').replace('nightly\n', 'good\n');
const Answer = z.object({
  job: z.string(),
  verdict: z.string(),
  places: z.array(z.object({ verdict: z.string(), of: z.array(z.string()), problems: z.array(z.looseObject({})) })),
});

test('each place of a job has its verdict and what to do, here and by a server, with an exit code', async () => {
  await using own = await openShell({ 'nightly.yml': JOB, 'good.yml': GOOD });
  const here = await own.type(['preflight', 'nightly']);
  expect(here.code).toBe(1);
  expect(here.stdout).toContain('Delivery by email is not configured. Set SMTP_URL and BELLHOP_MAIL_FROM.');
  expect(here.stdout).toMatch(/nightly\.html +ok +the job/);
  expect((await own.type(['preflight', 'good'])).code).toBe(0);
  const typo = await own.type(['preflight', 'nightli']);
  expect([typo.code, typo.stderr]).toEqual([64, expect.stringContaining('Did you mean nightly?')]);
  expect((await own.type(['preflight'])).code).toBe(64);

  const server = own.begin(['start']);
  await server.says('bellhop ready');
  const there = await own.type(['preflight', 'nightly', '--json']);
  expect(there.code).toBe(1);
  expect(Answer.parse(JSON.parse(there.stdout))).toMatchObject({
    job: 'nightly',
    verdict: 'fails',
    places: [
      { verdict: 'ok', of: ['the job'], problems: [] },
      { verdict: 'fails', of: ['the job'], problems: [{ code: 'TRANSPORT_OFF', severity: 'fails' }] },
    ],
  });
  expect((await own.type(['preflight', 'nowhere'])).code).toBe(64);
  server.signal('SIGTERM');
  await server.ended;
});
