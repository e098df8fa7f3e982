import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createBot } from '../../src/bot/app.ts';
import { interactiveOptions } from '../../src/bot/slack.ts';
import { systemClock } from '../../src/clock.ts';
import { createIds } from '../../src/ids.ts';
import { silentLog } from '../../src/log.ts';
import { createPlaygroundReceiver } from '../../src/playground/receiver.ts';
import type { Message } from '../../src/playground/state.ts';
import { createWorkspace, type Workspace } from '../../src/playground/workspace.ts';
import { createMemory } from '../../src/runner/memory.ts';
import { createRegistry } from '../../src/runner/registry.ts';
import { createRunner, type Runner } from '../../src/runner/runner.ts';
import { createScheduler, type Scheduler } from '../../src/runner/scheduler.ts';
import { createScrub } from '../../src/scrub.ts';
import { createMemoryStore } from '../../src/store/memory.ts';
import type { Store } from '../../src/store/store.ts';

/** Bot, runner and store over a fake workspace, with jobs whose files are given as text; nothing is delivered. */
export interface House extends AsyncDisposable {
  workspace: Workspace;
  store: Store;
  runner: Runner;
  scheduler: Scheduler;
  /** Types `/jobs TEXT` in #general as Ana and answers the message that only she sees. */
  type(text: string, user?: string): Promise<Message>;
}

/** May approve in the house. */
export const OWNERS: string[] = ['U0BEN'];

export const FATE_JOB = `
import { defineJob, PermanentError } from 'bellhop';
import { z } from 'zod';
export default defineJob({
  name: 'fate',
  description: 'Does what its input says <!channel>',
  retries: 0,
  input: z.object({
    fate: z.enum(['complete', 'fail', 'wait']).default('complete').describe('How it ends'),
    count: z.number().int().min(1).default(1),
    note: z.string().optional(),
  }),
  async run({ fate, note }, ctx) {
    if (fate === 'fail') throw new PermanentError('it was <!channel> fated', { hint: 'Choose another fate.' });
    if (fate === 'wait') await new Promise((resolve) => ctx.signal.addEventListener('abort', resolve, { once: true }));
    return 'Done. ' + (note ?? '');
  },
});
`;

/** What Slack knows of where people are; of Ben it knows nothing. */
const zoneOf: Record<string, string> = { U0ANA: 'Europe/Berlin' };

export async function createHouse(jobs: Record<string, string> = { 'fate.ts': FATE_JOB }): Promise<House> {
  const dir = await mkdtemp(join(tmpdir(), 'bellhop-house-'));
  for (const [name, text] of Object.entries(jobs)) await writeFile(join(dir, name), text);
  const clock = systemClock;
  const ids = createIds(clock);
  const log = silentLog;
  const store = createMemoryStore({ clock, ids, log });
  const registry = createRegistry({ dir, clock, log });
  const runner = createRunner({ store, registry, clock, log, ids, scrub: createScrub([]) }, { workerId: 'house' });
  const guards = { check: () => Promise.resolve({ ok: true } as const) };
  const scheduler = createScheduler(
    { store, registry, runner, guards, clock, ids, log, scrub: createScrub([]) },
    { zone: 'UTC', alertsTo: [], host: 'house', pings: {} },
  );
  const workspace = createWorkspace({ clock }, { rates: 'off' });
  const receiver = createPlaygroundReceiver({ clock });
  const remembered = new Set<string>();
  createBot({
    receiver,
    authorizer: { authorize: () => Promise.resolve({ botToken: workspace.token }) },
    runner,
    reader: store,
    schedules: scheduler.schedules,
    memory: createMemory({ store, clock }),
    owners: OWNERS,
    zones: { of: (userId) => Promise.resolve(zoneOf[userId]) },
    remember: (key) => Promise.resolve(remembered.has(key) ? false : Boolean(remembered.add(key))),
    clock,
    log,
    clientOptions: { ...interactiveOptions('https://slack.com/api/'), fetch: workspace.fetch },
  });
  workspace.attach(receiver);
  await runner.start();
  return {
    workspace,
    store,
    runner,
    scheduler,
    async type(text, user = 'U0ANA') {
      const ack = await workspace.slash({ user, channel: '#general', text });
      if (!ack.ok) throw new Error(`no acknowledgement: ${ack.error ?? ack.status}`);
      const answer = workspace.ephemerals(user).at(-1);
      if (answer === undefined) throw new Error('no answer');
      return answer;
    },
    async [Symbol.asyncDispose]() {
      await runner.stop({ graceMs: 0 });
      await store.close();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

/** Everything a message says, as one text. */
export function saidIn(message: { text: string; blocks: readonly unknown[] }): string {
  return `${message.text}\n${JSON.stringify(message.blocks)}`;
}
