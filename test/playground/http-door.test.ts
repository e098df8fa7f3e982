import { createServer } from 'node:http';
import { App, HTTPReceiver } from '@slack/bolt';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { createHttpDoor, formBody } from '../../src/playground/http-door.ts';
import { signedRequest } from '../../src/playground/sign.ts';
import { createTwin } from '../../src/playground/twin.ts';
import { createWorkspace } from '../../src/playground/workspace.ts';
import { quietLogger } from '../support/peer-logger.ts';

describe('a signed request', () => {
  it('is signed as the example of Slack’s documentation is', () => {
    // docs.slack.dev, "Verifying requests from Slack": the worked example with its published test secret.
    const body =
      'token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c';
    const signed = signedRequest({ secret: '8f742231b10e8888abcd99yyyzzz85a5', body, timestamp: 1531420618 });
    expect(signed['x-slack-signature']).toBe('v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503');
  });

  it('carries a click as one JSON field', () => {
    expect(formBody({ type: 'block_actions', a: 'ä&=' }, 'interaction')).toBe(
      `payload=${encodeURIComponent('{"type":"block_actions","a":"ä&="}')}`,
    );
  });
});

describe('the door to a server of its own', () => {
  const clock = systemClock;
  const workspace = createWorkspace({ clock });
  const twin = createTwin({ workspace });
  const signingSecret = 'a-signing-secret';
  const receiver = new HTTPReceiver({ signingSecret, logger: quietLogger });
  const server = createServer((request, response) => receiver.requestListener(request, response));
  let url = '';

  beforeAll(async () => {
    await twin.start();
    const app = new App({
      receiver,
      authorize: () =>
        Promise.resolve({ botToken: workspace.token, botId: workspace.bot.bot, botUserId: workspace.bot.user }),
      convoStore: false,
      logger: quietLogger,
      clientOptions: { slackApiUrl: twin.apiUrl },
    });
    app.command('/jobs', async ({ ack, respond, command }) => {
      await ack({ response_type: 'ephemeral', text: `you said ${command.text}` });
      await respond({ response_type: 'in_channel', text: 'and all can read this' });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    url = `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}/slack/events`;
  });
  afterAll(async () => {
    server.closeAllConnections();
    server.close();
    await twin.stop();
  });

  it('is verified by Bolt, and the answer of the ack and of the response_url come back', async () => {
    workspace.attach(createHttpDoor({ url, signingSecret, clock }));
    const heard = new Promise((resolve) =>
      workspace.on(({ type, message }) => type === 'posted' && resolve(message?.text)),
    );
    const ack = await workspace.slash({ user: 'U0ANA', channel: 'reports', text: 'häh & "x"' });
    expect(ack).toMatchObject({ ok: true, status: 200 });
    expect(workspace.ephemerals('U0ANA')).toMatchObject([{ text: 'you said häh & "x"' }]);
    expect(await heard).toBe('and all can read this');
  });

  it('is refused with another secret, and the workspace notes it', async () => {
    workspace.attach(createHttpDoor({ url, signingSecret: 'wrong', clock }));
    const ack = await workspace.slash({ user: 'U0ANA', channel: 'reports', text: 'x' });
    expect(ack).toMatchObject({ ok: false, status: 401 });
    expect(workspace.violations.at(-1)).toMatchObject({ rule: 'ack' });
  });

  it('says so when nothing listens', async () => {
    workspace.attach(createHttpDoor({ url: 'http://127.0.0.1:1/slack/events', signingSecret, clock }));
    const ack = await workspace.slash({ user: 'U0ANA', channel: 'reports', text: 'x' });
    expect(ack).toMatchObject({ ok: false, status: 0 });
  });
});
