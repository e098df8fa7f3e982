/**
 * What happened in a git repository: commits, authors and the most changed files over the days before its newest commit, beside the
 * same number of days before these. All times are counted back from HEAD's commit date, so the same history gives the same report.
 */
import { existsSync } from 'node:fs';
import { defineJob, PermanentError, type JobContext } from 'bellhop';
import { z } from 'zod';
import { digest } from './_digest/report.ts';
import { readRecorded, readRepository } from './_digest/source.ts';
import type { History } from './_digest/history.ts';

const DAY_SECONDS = 86_400;

const input = z.object({
  repo: z.string().min(1).max(1000).default('.').describe('Folder of the repository'),
  days: z.number().int().min(1).max(365).default(7).describe('How many days back from the newest commit'),
  mail: z.email().optional().describe('Send the report to this address as well'),
  log: z
    .string()
    .max(1000)
    .optional()
    .describe('A recorded `git log` to read instead of a repository; `sample` is the one that is shipped'),
});

function read({ repo, days, log }: z.infer<typeof input>, ctx: JobContext): Promise<History> {
  if (log !== undefined) return ctx.step('Read the recorded history', () => readRecorded(log));
  const seconds = days * 2 * DAY_SECONDS;
  return ctx.step('Read the history', () => readRepository(repo, { seconds, signal: ctx.signal }));
}

/** Every Monday by itself, where there is a repository to read; WEEKLY_DIGEST_TO names a channel or an address for it. */
const weekly = (to = 'file:weekly-digest-{date}.html') => ({
  when: 'every monday 09:00',
  zone: 'Europe/Berlin',
  destinations: [to],
});

export default defineJob({
  name: 'repo-digest',
  description: 'Digests what happened in a git repository: commits, authors, most changed files.',
  input,
  timeout: '5m',
  retries: 1,
  schedules: (variable) => (existsSync('.git') ? [weekly(variable('WEEKLY_DIGEST_TO'))] : []),
  destinations: ({ mail }) => (mail === undefined ? ['origin'] : ['origin', mail]),
  async run(given, ctx) {
    const history = await read(given, ctx);
    if (history.commits.length === 0) {
      throw new PermanentError(`${history.name} has no commits`, {
        hint: 'there is nothing to digest before the first commit',
      });
    }
    return ctx.step('Write the digest', () => digest(history, given.days));
  },
});
