/**
 * What a team should know before its stand-up: what was committed since the last working day, where, by whom, and which branches lie
 * idle. An agent like the weekly report of a shop, over git: code reads and counts, a model, where there is a key, words it.
 */
import { existsSync } from 'node:fs';
import { agentJob, splitTargets } from 'bellhop';
import { z } from 'zod';
import { analyse, followUp, LIMITS } from './_standup/analyse.ts';
import { standupTools } from './_standup/tools.ts';

export default agentJob({
  name: 'standup-digest',
  description: 'Says before the stand-up what came into a git repository since the last working day.',
  input: z.object({
    repo: z.string().min(1).max(1000).default('.').describe('Folder of the repository'),
    days: z.number().int().min(1).max(30).default(1).describe('How many working days back'),
    log: z
      .string()
      .max(1000)
      .optional()
      .describe('A recorded `git log` to read instead of a repository; `sample` is the one that is shipped'),
  }),
  prompt: './_standup/prompt.md',
  tools: standupTools,
  baseline: ({ days }) => [
    { tool: 'recent_commits', input: { days } },
    { tool: 'changed_areas', input: { days } },
    { tool: 'stale_branches', input: { days: LIMITS.staleDays } },
  ],
  requires: ['recent_commits'],
  actions: {
    review: { target: 'area', label: 'Review' },
    tidy: { target: 'branch', label: 'Tidy up' },
  },
  analyse,
  followUp,
  whenModelFails: 'figures',
  budget: { usd: 0.1, turns: 4, toolCalls: 6 },
  timeout: '5m',
  retries: 1,
  // It may cost money each day: by itself it runs only where there is a repository, and somebody said who reads it.
  schedules: (variable) => {
    const to = variable('STANDUP_DIGEST_TO');
    return existsSync('.git') && to !== undefined ? [{ when: 'weekdays 08:30', destinations: splitTargets(to) }] : [];
  },
});
