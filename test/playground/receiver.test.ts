import { App } from '@slack/bolt';
import { beforeEach, describe, expect, it } from 'vitest';
import { createPlaygroundReceiver } from '../../src/playground/receiver.ts';
import { createWorkspace } from '../../src/playground/workspace.ts';
import type { Workspace } from '../../src/playground/workspace.ts';
import { manualClock } from '../support/clock.ts';
import type { ManualClock } from '../support/clock.ts';

const modal = {
  type: 'modal' as const,
  callback_id: 'form',
  title: { type: 'plain_text' as const, text: 'Run a job' },
  blocks: [],
};
const button = (actionId: string, value: string) => ({
  type: 'button' as const,
  action_id: actionId,
  value,
  text: { type: 'plain_text' as const, text: actionId },
});

describe('a real Bolt app in the playground', () => {
  let clock: ManualClock;
  let workspace: Workspace;
  let app: App;

  beforeEach(() => {
    clock = manualClock();
    workspace = createWorkspace({ clock });
    const receiver = createPlaygroundReceiver({ clock });
    app = new App({
      receiver,
      authorize: () =>
        Promise.resolve({ botToken: workspace.token, botId: workspace.bot.bot, botUserId: workspace.bot.user }),
      convoStore: false,
      clientOptions: { fetch: workspace.fetch, retryConfig: { retries: 0 } },
    });
    app.error(() => Promise.resolve());
    workspace.attach(receiver);
  });

  const say = (text: string) => workspace.slash({ user: 'U0ANA', channel: '#reports', text });

  it('gets the fields of a slash command and answers in its ack, seen by the asker alone', async () => {
    app.command('/jobs', async ({ command, ack }) =>
      ack(`${command.user_name} in ${command.channel_name}: ${command.text}`),
    );
    const ack = await say('list failed');
    expect(ack).toMatchObject({ ok: true, status: 200 });
    expect(workspace.ephemerals('U0ANA')).toMatchObject([
      { channel: 'C0REPORTS', text: 'ana in reports: list failed' },
    ]);
    expect(workspace.messages('reports')).toEqual([]);
  });

  it('answers to everybody with response_type in_channel', async () => {
    app.command('/jobs', async ({ ack }) => ack({ response_type: 'in_channel', text: 'hello all' }));
    await say('');
    expect(workspace.messages('reports')).toMatchObject([{ text: 'hello all' }]);
  });

  it('posts through the client of the handler', async () => {
    app.command('/jobs', async ({ ack, client, command }) => {
      await ack();
      await client.chat.postMessage({ channel: command.channel_id, text: 'a card' });
    });
    await say('run x');
    await clock.advance(0);
    expect(workspace.messages('reports')).toMatchObject([{ text: 'a card', botId: workspace.bot.bot }]);
  });

  it('takes five posts to a response_url, and no sixth', async () => {
    const outcomes: string[] = [];
    app.command('/jobs', async ({ ack, respond }) => {
      await ack();
      for (let n = 1; n <= 6; n++)
        await respond(`answer ${n}`).then(
          () => outcomes.push('ok'),
          () => outcomes.push('refused'),
        );
    });
    await say('x');
    for (let turn = 0; turn < 100 && outcomes.length < 6; turn++) await clock.advance(0);
    expect(outcomes).toEqual(['ok', 'ok', 'ok', 'ok', 'ok', 'refused']);
    expect(workspace.ephemerals('U0ANA')).toHaveLength(5);
    expect(workspace.violations).toMatchObject([{ rule: 'response_url' }]);
  });

  it('refuses a response_url after 30 minutes', async () => {
    let late: (() => Promise<unknown>) | undefined;
    app.command('/jobs', async ({ ack, respond }) => {
      await ack();
      late = () => respond('late');
    });
    await say('x');
    await clock.advance(30 * 60_000 + 1);
    await expect(late?.()).rejects.toThrow('404');
  });

  it('opens a modal with a trigger once, and within 3 s', async () => {
    const errors: unknown[] = [];
    let trigger = '';
    app.command('/jobs', async ({ ack, command }) => {
      trigger = command.trigger_id;
      await ack();
    });
    const open = () =>
      app.client.views
        .open({ token: workspace.token, trigger_id: trigger, view: modal })
        .catch((e: { data: unknown }) => errors.push(e.data));
    await say('x');
    await open();
    await open();
    await say('x');
    await clock.advance(3_001);
    await open();
    expect(workspace.views('U0ANA')).toHaveLength(1);
    expect(errors).toMatchObject([{ error: 'exchanged_trigger_id' }, { error: 'expired_trigger_id' }]);
  });

  it('submits a modal and hands over what the ack says', async () => {
    app.command('/jobs', async ({ ack, command, client }) => {
      await ack();
      await client.views.open({ trigger_id: command.trigger_id, view: modal });
    });
    app.view('form', async ({ ack, view }) => {
      const name = view.state.values['name']?.['input']?.value;
      await (name === 'good' ? ack() : ack({ response_action: 'errors', errors: { name: 'is not good' } }));
    });
    await say('x');
    for (let turn = 0; turn < 100 && workspace.views('U0ANA').length === 0; turn++) await clock.advance(0);
    const viewId = workspace.views('U0ANA')[0]?.id ?? '';
    const values = (value: string) => ({ name: { input: { type: 'plain_text_input', value } } });
    const refused = await workspace.submit({ user: 'U0ANA', viewId, values: values('bad') });
    expect(refused.body).toEqual({ response_action: 'errors', errors: { name: 'is not good' } });
    expect(workspace.views('U0ANA')).toHaveLength(1);
    await workspace.submit({ user: 'U0ANA', viewId, values: values('good') });
    expect(workspace.views('U0ANA')).toEqual([]);
  });

  it('clicks the button of a message, and replaces the message by its answer', async () => {
    const blocks = ['run_1', 'run_2'].map((run) => ({ type: 'actions' as const, elements: [button('cancel', run)] }));
    const { ts = '' } = await app.client.chat.postMessage({
      token: workspace.token,
      channel: 'C0REPORTS',
      text: 'card',
      blocks,
    });
    app.action('cancel', async ({ ack, action, respond, body }) => {
      await ack();
      const value = action.type === 'button' ? action.value : '';
      await respond({ replace_original: true, text: `${body.user.id} cancelled ${value}` });
    });
    await workspace.click({ user: 'U0BEN', channel: 'reports', ts, actionId: 'cancel', value: 'run_2' });
    for (let turn = 0; turn < 100 && workspace.messages('reports')[0]?.revision === 1; turn++) await clock.advance(0);
    expect(workspace.messages('reports')).toMatchObject([{ ts, text: 'U0BEN cancelled run_2', revision: 2 }]);
    await expect(workspace.click({ user: 'U0BEN', channel: 'reports', ts, actionId: 'cancel' })).rejects.toThrow(
      'has no element',
    );
  });

  it('notes an app that does not acknowledge within 3 s', async () => {
    app.command('/jobs', () => new Promise(() => undefined));
    const asked = say('slow');
    await clock.advance(3_000);
    expect(await asked).toMatchObject({ ok: false, status: 0, error: 'operation_timeout' });
    expect(workspace.violations).toMatchObject([{ rule: 'ack' }]);
  });
});
