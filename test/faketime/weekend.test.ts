import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { systemClock, type Clock } from '../../src/clock.ts';
import { createTwin } from '../../src/playground/twin.ts';
import { createWorkspace } from '../../src/playground/workspace.ts';
import { createFakeTime, faketimeLibrary, type FakeTime } from '../support/faketime.ts';
import { startPeerServer, type PeerServer } from '../support/peer-server.ts';
import { waitFor } from '../support/peer-wait.ts';

const JOB = `
import { defineJob } from 'bellhop';
export default defineJob({
  name: 'weekly',
  description: 'What the week brings',
  destinations: ['#reports'],
  schedules: [{ when: 'every monday at 9:00', zone: 'Europe/Berlin' }],
  run: () => '# The week\\n\\nIt was made.',
});
`;
const SECOND_MS = 1_000;
const HOUR_MS = 3_600_000;
/** Clocks in Berlin go from 02:00 to 03:00 on Sunday 29 March 2026. */
const SATURDAY_EVENING = Date.UTC(2026, 2, 28, 19);
const CLOCKS_CHANGE = Date.UTC(2026, 2, 29, 1);
const MONDAY_NINE = Date.UTC(2026, 2, 30, 7);
/** Hours of the weekend that pass in a second of the test. */
const FAST = 2;

/** Lets the clock of the server run fast until an instant. */
async function fastUntil(time: FakeTime, instant: number): Promise<void> {
  while (time.now() < instant) {
    await time.step(Math.min(FAST * HOUR_MS * 0.1, instant - time.now()));
    await systemClock.sleep(100);
  }
}

test('over a weekend on which the clocks change, the report of Monday nine is posted once, on Monday at nine', async () => {
  const library = faketimeLibrary();
  if (library === undefined) throw new Error('the Debian package faketime is not installed');
  const folder = await mkdtemp(join(tmpdir(), 'bellhop-weekend-'));
  await using stack = new AsyncDisposableStack();
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  const time = await createFakeTime({ library, file: join(folder, 'time'), startMs: SATURDAY_EVENING });
  // The times of the posts are those of this Slack, not what the server says of them.
  const clock: Clock = { ...systemClock, now: () => time.now() };
  const workspace = createWorkspace({ clock }, { rates: 'off' });
  const twin = stack.use(createTwin({ workspace }));
  await twin.start();
  const jobsDir = await mkdtemp(join(folder, 'jobs-'));
  await writeFile(join(jobsDir, 'weekly.ts'), JOB);
  const serve = async (): Promise<PeerServer> =>
    startPeerServer({
      dataDir: join(folder, 'data'),
      jobsDir,
      readyGuardMs: 60_000,
      env: {
        ...time.env,
        SLACK_BOT_TOKEN: workspace.token,
        SLACK_SIGNING_SECRET: 'a-signing-secret-of-the-tests',
        SLACK_API_URL: twin.apiUrl,
        BELLHOP_PROBE_DELAY_MS: '0',
      },
    });
  const posts = () => workspace.messages('#reports').filter(({ text }) => text.includes('The week'));

  const first = stack.use(await serve());
  await fastUntil(time, CLOCKS_CHANGE + 2 * HOUR_MS);
  await first.stop();
  const second = stack.use(await serve());
  await fastUntil(time, MONDAY_NINE - 12 * SECOND_MS);
  expect(posts(), 'nothing is posted before it is due').toEqual([]);
  await waitFor('the post of Monday nine', () => posts().length > 0, 90_000);
  await fastUntil(time, MONDAY_NINE + 30 * HOUR_MS);
  await second.stop();

  expect(posts()).toHaveLength(1);
  const postedAt = Number(posts()[0]?.ts) * 1_000;
  // Within what counts as on time: a machine may be busy, but an hour too early or too late is the wrong rule.
  expect(postedAt).toBeGreaterThanOrEqual(MONDAY_NINE - SECOND_MS);
  expect(postedAt).toBeLessThan(MONDAY_NINE + 90 * SECOND_MS);
});
