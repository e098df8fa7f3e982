import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createSlack, type SlackSurface } from '../../src/bot/slack.ts';
import { systemClock } from '../../src/clock.ts';
import { DependencyError } from '../../src/errors.ts';
import { createIds } from '../../src/ids.ts';
import { createLog, silentLog } from '../../src/log.ts';
import { signedRequest } from '../../src/playground/sign.ts';
import { createMemory } from '../../src/runner/memory.ts';
import { createRegistry } from '../../src/runner/registry.ts';
import { createRunner, type Runner } from '../../src/runner/runner.ts';
import { createScheduler } from '../../src/runner/scheduler.ts';
import type { Schedules } from '../../src/runner/schedules.ts';
import { createScrub } from '../../src/scrub.ts';
import { createMemoryStore } from '../../src/store/memory.ts';
import type { Run } from '../../src/store/records.ts';
import type { Store } from '../../src/store/store.ts';

const SECRET = 'a-signing-secret-of-the-tests';
const JOB = `
import { defineJob } from 'bellhop';
export default defineJob({
  name: 'wait', description: 'Waits', retries: 0,
  run: (_, ctx) => new Promise((resolve) => ctx.signal.addEventListener('abort', resolve, { once: true })),
});`;

/** What happens at a verb of the store before it is carried out. */
let before: (verb: string) => Promise<void>;
let store: Store;
let runner: Runner;
let schedules: Schedules;
let server: Server;
let folder: string;
let logged: string[];
let slack: SlackSurface;
/** The surface as a process that was just started has it: it remembers only what is stored. */
let restart: () => void;

beforeEach(async () => {
  before = () => Promise.resolve();
  logged = [];
  folder = await mkdtemp(join(tmpdir(), 'bellhop-slack-'));
  await writeFile(join(folder, 'wait.ts'), JOB);
  const clock = systemClock;
  const ids = createIds(clock);
  const bare = createMemoryStore({ clock, ids, log: silentLog });
  store = {
    ...bare,
    submit: (runs) => before('submit').then(() => bare.submit(runs)),
    cancel: (id, actor) => before('cancel').then(() => bare.cancel(id, actor)),
    remove: (id, actor) => before('remove').then(() => bare.remove(id, actor)),
    putDoc: (doc) => before('putDoc').then(() => bare.putDoc(doc)),
  };
  const log = createLog({ write: (line) => logged.push(line), scrub: (text) => text, clock }, 'info');
  const registry = createRegistry({ dir: folder, clock, log });
  runner = createRunner({ store, registry, clock, log, ids, scrub: createScrub([]) }, { workerId: 'slack' });
  await runner.start();
  const remember = async (key: string): Promise<boolean> => {
    const expiresAt = new Date(clock.now() + 60_000).toISOString();
    return (await store.putDoc({ kind: 'inbound', key, rev: 0, value: {}, expiresAt })).outcome === 'stored';
  };
  const guards = { check: () => Promise.resolve({ ok: true } as const) };
  const parts = { store, registry, runner, guards, clock, ids, log, scrub: createScrub([]) };
  ({ schedules } = createScheduler(parts, { zone: 'UTC', alertsTo: [], host: 'house', pings: {} }));
  restart = () => {
    slack = createSlack(
      { runner, reader: store, schedules, memory: createMemory({ store, clock }), owners: [], remember, clock, log },
      { botToken: 'xoxb-1', signingSecret: SECRET, apiUrl: 'http://127.0.0.1:1/api/' },
    );
  };
  restart();
  server = createServer((req, res) => slack.handle(req, res));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterEach(async () => {
  server.closeAllConnections();
  server.close();
  await runner.stop({ graceMs: 0 });
  await store.close();
  await rm(folder, { recursive: true, force: true });
});

let nonce = 0;

interface Answered {
  status: number;
  text: string;
}
interface Signed {
  body: string;
  headers: Record<string, string>;
}

function sign(body: string, contentType = 'application/x-www-form-urlencoded'): Signed {
  const signed = signedRequest({ secret: SECRET, body, timestamp: Math.floor(systemClock.now() / 1000) });
  return { body, headers: { ...signed, 'content-type': contentType } };
}
async function post({ body, headers }: Signed): Promise<Answered> {
  const { port } = server.address() as AddressInfo; // a TCP server has an address object
  const answer = await fetch(`http://127.0.0.1:${port}/slack/events`, { method: 'POST', body, headers });
  return { status: answer.status, text: await answer.text() };
}
const send = (body: string, contentType?: string): Promise<Answered> => post(sign(body, contentType));
const type = (text: string, more: Record<string, string> = {}): Promise<Answered> =>
  send(
    new URLSearchParams({
      command: '/jobs',
      text,
      user_id: 'U0ANA',
      user_name: 'ana',
      channel_id: 'C0REPORTS',
      trigger_id: `t${++nonce}`,
      ...more,
    }).toString(),
  );
const payloadOf = (payload: Record<string, unknown>): string =>
  new URLSearchParams({ payload: JSON.stringify({ ...payload, nonce: ++nonce }) }).toString();
const interact = (payload: Record<string, unknown>): Promise<Answered> => send(payloadOf(payload));
const notify = (body: Record<string, unknown>): Promise<Answered> =>
  send(JSON.stringify({ ...body, nonce: ++nonce }), 'application/json');

const WHO = { user: { id: 'U0ANA', username: 'ana', team_id: 'T1' }, team: { id: 'T1', domain: 'x' } };
const clicked = (actionId: string, value: string): Record<string, unknown> => ({
  type: 'block_actions',
  ...WHO,
  container: { type: 'message', is_ephemeral: true },
  channel: { id: 'C0REPORTS' },
  actions: [{ type: 'button', action_id: actionId, block_id: 'b', value }],
  response_url: 'http://127.0.0.1:1/gone',
});
const click = (actionId: string, value: string): Promise<Answered> => interact(clicked(actionId, value));

async function begun(): Promise<Run> {
  await type('run wait');
  const [newest] = (await store.list({ limit: 1 })).items;
  await expect.poll(async () => (await store.get(newest?.id ?? ''))?.state).toBe('running');
  const run = await store.get(newest?.id ?? '');
  if (run === undefined) throw new Error('there is no run');
  return run;
}

describe('everything genuine is answered at once', () => {
  test.each([
    ['a global shortcut', { type: 'shortcut', callback_id: 'x' }],
    ['a message shortcut', { type: 'message_action', callback_id: 'x', channel: { id: 'C1' }, message: {} }],
    ['a submitted view', { type: 'view_submission', view: { id: 'V1', callback_id: 'c', state: { values: {} } } }],
    ['a closed view', { type: 'view_closed', view: { id: 'V1', callback_id: 'c' } }],
    ['a question for options', { type: 'block_suggestion', action_id: 'a', value: 'v' }],
    ['a button of an old attachment', { type: 'interactive_message', callback_id: 'x' }],
    ['a cancelled dialog', { type: 'dialog_cancellation', callback_id: 'x' }],
    ['a click without actions', { type: 'block_actions', actions: [] }],
    ['a click outside every container', { type: 'block_actions', actions: [{ type: 'button', action_id: 'x' }] }],
    [
      'a choice in a menu',
      { type: 'block_actions', actions: [{ type: 'static_select', action_id: 'x' }], container: {} },
    ],
    ['a payload of tomorrow', { type: 'hologram_waved' }],
    ['a payload without a type', {}],
  ])('%s', async (_name, payload) => {
    expect((await interact({ ...WHO, ...payload })).status).toBe(200);
  });

  test.each([
    ['a shortcut without a user', { type: 'shortcut' }],
    ['a click whose actions are null', { type: 'block_actions', ...WHO, actions: null }],
    ['a click in a channel that is null', { type: 'block_actions', ...WHO, actions: [{}], channel: null }],
    ['an event inside a payload', { event: null }],
  ])('%s is a bad request, not our failure', async (_name, payload) => {
    expect((await interact(payload)).status).toBe(400);
  });

  test('events without a listener are acknowledged, and odd ones are bad requests', async () => {
    for (const type of ['app_mention', 'message', 'app_home_opened', 'app_uninstalled', 'tokens_revoked']) {
      expect((await notify({ type: 'event_callback', event: { type, channel: 'C1' } })).status, type).toBe(200);
    }
    expect((await notify({ type: 'app_rate_limited' })).status).toBe(200);
    expect(JSON.parse((await notify({ type: 'url_verification', challenge: 'abc' })).text)).toEqual({
      challenge: 'abc',
    });
    expect((await notify({ type: 'event_callback', event: { type: 'reaction_added', item: 5 } })).status).toBe(400);
    expect((await send('ssl_check=1&token=x')).status).toBe(200);
    expect((await send('ssl_check=1&command=%2Fjobs&text=run+wait')).status).toBe(200);
    expect((await store.list({})).items).toEqual([]);
  });

  test('a name that is longer than a record takes is cut, and the run accepted', async () => {
    expect((await type('run wait', { user_name: '😀'.repeat(200) })).text).toContain('Queued');
    expect((await store.list({})).items[0]?.actor.name?.isWellFormed()).toBe(true);
  });
});

describe('a store that is full', () => {
  const full = (): Promise<never> =>
    Promise.reject(new DependencyError('The disk is full.', { code: 'STORE_FULL', hint: 'Make room.' }));

  test.each([
    ['run', 'submit', (): Promise<unknown> => type('run wait')],
    ['cancel, at its memory', 'putDoc', () => type('cancel last')],
    ['cancel', 'cancel', () => type('cancel last')],
  ])('%s says that nothing was done, and nothing was', async (_name, verb, act) => {
    const run = await begun();
    before = (asked) => (asked === verb ? full() : Promise.resolve());
    expect(await act()).toMatchObject({ status: 200, text: expect.stringContaining('nothing was done') as string });
    expect((await store.list({})).items.map(({ id, state }) => [id, state])).toEqual([[run.id, 'running']]);
  });

  test('retry says so too', async () => {
    await begun();
    await type('cancel last');
    before = (verb) => (verb === 'submit' ? full() : Promise.resolve());
    expect((await type('retry last')).text).toContain('nothing was done');
    expect((await store.list({})).items).toHaveLength(1);
  });

  test('a bug is not said to have done nothing', async () => {
    before = () => Promise.reject(new TypeError('x is not a function'));
    const answer = await type('run wait');
    expect(answer.text).toContain('this is a bug');
    expect(answer.text).not.toContain('nothing was done');
  });
});

describe('the acknowledgement', () => {
  test.each([
    ['of a command', 'submit', (): Promise<Answered> => type('run wait')],
    ['of a click', 'cancel', (run: Run) => click('bellhop_cancel', run.id)],
  ])('%s waits for the store', async (_name, verb, act) => {
    const run = await begun();
    const entered = Promise.withResolvers<void>();
    const durable = Promise.withResolvers<void>();
    before = (asked) => {
      if (asked !== verb) return Promise.resolve();
      entered.resolve();
      return durable.promise;
    };
    let answered = false;
    const first = act(run).then((answer) => {
      answered = true;
      return answer;
    });
    await entered.promise;
    // Two whole round trips: an answer that had been sent before the store was asked would have arrived.
    await type('help');
    await type('help');
    expect(answered).toBe(false);
    durable.resolve();
    expect((await first).status).toBe(200);
  });

  test('a click that was asked back once deletes nothing when it is sent again after a restart', async () => {
    const run = await begun();
    const captured = sign(payloadOf(clicked('bellhop_delete', `${run.id}|cancelled`)));
    await post(captured);
    await type('cancel last');
    restart();
    expect((await post(captured)).status).toBe(200);
    expect((await store.get(run.id))?.state).toBe('cancelled');
  });

  test('a pause that is sent again after a restart does not pause what was resumed since', async () => {
    const actor = { kind: 'operator', id: 'ops' } as const;
    const request = { job: 'wait', when: 'mon 09:00', as: 'words', actor } as const;
    const made = await schedules.create({ ...request, destinations: [{ kind: 'slack', channel: '#ops' }] });
    expect(made.outcome).toBe('created');
    const form = {
      command: '/jobs',
      text: 'pause wait',
      user_id: 'U0ANA',
      channel_id: 'C0REPORTS',
      trigger_id: 'once',
    };
    const captured = sign(new URLSearchParams(form).toString());
    expect((await post(captured)).text).toContain('Paused');
    expect((await type('resume wait')).text).toContain('runs again');
    restart();
    expect((await post(captured)).text).toContain('already carried out');
    expect((await schedules.list()).map(({ state }) => state)).toEqual(['active']);
  });

  test('who Slack does not answer about schedules in the usual zone, within the time of an acknowledgement', async () => {
    const answer = await type('schedule wait mon 09:00');
    expect(answer.status).toBe(200);
    expect(answer.text).toContain('Time zone: UTC');
  });

  test('an answer to a click that cannot be sent undoes nothing', async () => {
    const run = await begun();
    expect((await click('bellhop_cancel', run.id)).status).toBe(200);
    expect((await store.get(run.id))?.state).toBe('cancelled');
    await expect.poll(() => logged.join('')).toContain('an answer to a button could not be sent');
  });
});
