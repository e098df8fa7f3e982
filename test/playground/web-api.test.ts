import { WebClient } from '@slack/web-api';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createTwin } from '../../src/playground/twin.ts';
import type { Twin } from '../../src/playground/twin.ts';
import { createWorkspace } from '../../src/playground/workspace.ts';
import type { Workspace } from '../../src/playground/workspace.ts';
import { manualClock } from '../support/clock.ts';
import { quietLogger } from '../support/peer-logger.ts';
import type { ManualClock } from '../support/clock.ts';

const section = (text: string) => ({ type: 'section' as const, text: { type: 'mrkdwn' as const, text } });
const ways = ['the in-process fetch', 'the HTTP twin'] as const;

describe.each(ways)('the fake Web API through %s', (way) => {
  let clock: ManualClock;
  let workspace: Workspace;
  let twin: Twin | undefined;
  let client: WebClient;

  function connect(token?: string): WebClient {
    return new WebClient(token ?? workspace.token, {
      ...(twin === undefined ? { fetch: workspace.fetch } : { slackApiUrl: twin.apiUrl }),
      retryConfig: { retries: 0 },
      rejectRateLimitedCalls: true,
      timeout: 5_000,
      logger: quietLogger,
    });
  }
  const failure = (call: Promise<unknown>): Promise<unknown> =>
    call.then(
      () => ({ nothing: 'failed' }),
      (error: unknown) => error,
    );

  beforeEach(async () => {
    clock = manualClock();
    workspace = createWorkspace({ clock });
    twin = undefined;
    if (way === 'the HTTP twin') {
      twin = createTwin({ workspace });
      await twin.start();
    }
    client = connect();
    return () => twin?.stop();
  });

  it('says who the bot is', async () => {
    const who = await client.auth.test();
    expect(who).toMatchObject({
      ok: true,
      user_id: workspace.bot.user,
      bot_id: workspace.bot.bot,
      team_id: workspace.team.id,
    });
  });

  it('refuses a missing, a wrong and a revoked token, each by its name', async () => {
    const anonymous = await fetchJson(workspace, 'auth.test');
    expect(anonymous).toMatchObject({ ok: false, error: 'not_authed' });
    expect(await failure(connect('xoxb-wrong').auth.test())).toMatchObject({ data: { error: 'invalid_auth' } });
    workspace.revokeToken();
    expect(await failure(client.auth.test())).toMatchObject({ data: { error: 'token_revoked' } });
  });

  it('posts blocks and metadata as the client encodes them, and answers with a ts', async () => {
    const metadata = { event_type: 'bellhop_delivery', event_payload: { id: 'dlv_1', part: 1 } };
    const posted = await client.chat.postMessage({
      channel: '#reports',
      text: 'Häh & <x>',
      blocks: [section('*hi*')],
      metadata,
    });
    expect(posted.channel).toBe('C0REPORTS');
    const [message] = workspace.messages('#reports');
    expect(message).toMatchObject({ ts: posted.ts, text: 'Häh & <x>', metadata, revision: 1 });
    expect(message?.blocks).toEqual([section('*hi*')]);
  });

  it('opens the direct message when it is given a user id', async () => {
    const posted = await client.chat.postMessage({ channel: 'U0ANA', text: 'hello' });
    expect(posted.channel).toBe(workspace.directMessage('U0ANA').id);
    const opened = await client.conversations.open({ users: 'U0ANA' });
    expect(opened.channel?.id).toBe(posted.channel);
  });

  it.each([
    ['C0NOWHERE', 'channel_not_found'],
    ['U0NOBODY', 'channel_not_found'],
    ['#lobby', 'not_in_channel'],
    ['C0BOARD', 'channel_not_found'],
    ['C0ATTIC', 'is_archived'],
  ])('refuses to post to %s with %s', async (channel, error) => {
    expect(await failure(client.chat.postMessage({ channel, text: 'x' }))).toMatchObject({ data: { error } });
  });

  it('lets the bot join a public channel and post there', async () => {
    await client.conversations.join({ channel: 'C0LOBBY' });
    await client.chat.postMessage({ channel: 'C0LOBBY', text: 'here' });
    expect(workspace.messages('lobby')).toHaveLength(1);
  });

  it('refuses a message without content', async () => {
    expect(await failure(client.chat.postMessage({ channel: 'C0REPORTS', text: '' }))).toMatchObject({
      data: { error: 'no_text' },
    });
  });

  it('points at the block that breaks a limit', async () => {
    const blocks = [section('fine'), section('x'.repeat(3_001))];
    const error = await failure(client.chat.postMessage({ channel: 'C0REPORTS', text: 'x', blocks }));
    expect(error).toMatchObject({ data: { error: 'invalid_blocks' } });
    expect(JSON.stringify(error)).toContain('[json-pointer:/blocks/1/text');
    expect(workspace.violations.map(({ rule }) => rule)).toEqual(['invalid_blocks']);
  });

  it('refuses 51 blocks, a task that is `completed`, and more text than all blocks may hold', async () => {
    const post = (blocks: unknown[]) =>
      failure(client.apiCall('chat.postMessage', { channel: 'C0REPORTS', text: 'x', blocks }));
    expect(await post(Array.from({ length: 51 }, () => section('x')))).toMatchObject({
      data: { error: 'invalid_blocks' },
    });
    const tasks = [{ type: 'task_card', task_id: 'a', title: 'a', status: 'completed' }];
    expect(await post([{ type: 'plan', title: 'p', tasks }])).toMatchObject({ data: { error: 'invalid_blocks' } });
    expect(await post(Array.from({ length: 5 }, () => section('x'.repeat(2_900))))).toMatchObject({
      data: { error: 'msg_blocks_too_long' },
    });
    expect(await post([])).toEqual({ nothing: 'failed' });
  });

  it('refuses blocks that are no list of blocks, and metadata without an event type', async () => {
    const post = (args: Record<string, unknown>) =>
      failure(client.apiCall('chat.postMessage', { channel: 'C0REPORTS', text: 'x', ...args }));
    expect(await post({ blocks: 'not json' })).toMatchObject({ data: { error: 'invalid_blocks_format' } });
    expect(await post({ metadata: { event_payload: {} } })).toMatchObject({
      data: { error: 'invalid_metadata_format' },
    });
  });

  it('edits and deletes its own messages only', async () => {
    const { ts = '' } = await client.chat.postMessage({ channel: 'C0REPORTS', text: 'one', blocks: [section('one')] });
    await client.chat.update({ channel: 'C0REPORTS', ts, text: 'two', blocks: [section('two')] });
    expect(workspace.messages('reports')).toMatchObject([{ text: 'two', revision: 2, blocks: [section('two')] }]);
    const lost = await failure(client.chat.update({ channel: 'C0REPORTS', ts: '1.000001', text: 'x' }));
    expect(lost).toMatchObject({ data: { error: 'message_not_found' } });
    await client.chat.delete({ channel: 'C0REPORTS', ts });
    expect(workspace.messages('reports')).toEqual([]);
  });

  it('keeps replies in their thread, out of the channel unless broadcast', async () => {
    const { ts = '' } = await client.chat.postMessage({ channel: 'C0REPORTS', text: 'root' });
    const reply = await client.chat.postMessage({ channel: 'C0REPORTS', text: 'reply', thread_ts: ts });
    await client.chat.postMessage({
      channel: 'C0REPORTS',
      text: 'nested',
      thread_ts: reply.ts ?? '',
      reply_broadcast: true,
    });
    const thread = await client.conversations.replies({ channel: 'C0REPORTS', ts });
    expect(thread.messages?.map(({ text }) => text)).toEqual(['root', 'reply', 'nested']);
    const history = await client.conversations.history({ channel: 'C0REPORTS' });
    expect(history.messages?.map(({ text }) => text)).toEqual(['nested', 'root']);
    expect(history.messages?.[1]).toMatchObject({ thread_ts: ts, reply_count: 2 });
    const lost = await failure(
      client.chat.postMessage({ channel: 'C0REPORTS', text: 'x', thread_ts: '1700000000.000001' }),
    );
    expect(lost).toMatchObject({ data: { error: 'thread_not_found' } });
  });

  it('gives metadata only to who asks for all of it', async () => {
    const metadata = { event_type: 'bellhop_delivery', event_payload: { id: 'dlv_1' } };
    await client.chat.postMessage({ channel: 'C0REPORTS', text: 'x', metadata });
    const plain = await client.conversations.history({ channel: 'C0REPORTS' });
    expect(plain.messages?.[0]).not.toHaveProperty('metadata');
    const full = await client.conversations.history({ channel: 'C0REPORTS', include_all_metadata: true });
    expect(full.messages?.[0]?.metadata).toEqual(metadata);
  });

  it('reads a span of time, with its bounds only when asked inclusively, in pages', async () => {
    const stamps: string[] = [];
    for (let n = 0; n < 5; n++) {
      stamps.push((await client.chat.postMessage({ channel: 'C0REPORTS', text: `m${n}` })).ts ?? '');
      await clock.advance(1_000);
    }
    const span = { channel: 'C0REPORTS', oldest: stamps[1] ?? '', latest: stamps[3] ?? '' };
    const texts = async (args: Parameters<typeof client.conversations.history>[0]) =>
      (await client.conversations.history(args)).messages?.map(({ text }) => text);
    expect(await texts(span)).toEqual(['m2']);
    expect(await texts({ ...span, inclusive: true })).toEqual(['m3', 'm2', 'm1']);
    const first = await client.conversations.history({ channel: 'C0REPORTS', limit: 3 });
    expect(first).toMatchObject({ has_more: true, messages: [{ text: 'm4' }, { text: 'm3' }, { text: 'm2' }] });
    const cursor = first.response_metadata?.next_cursor ?? '';
    expect(await texts({ channel: 'C0REPORTS', limit: 3, cursor })).toEqual(['m1', 'm0']);
    expect(await failure(client.conversations.history({ channel: 'C0REPORTS', cursor: 'zzz' }))).toMatchObject({
      data: { error: 'invalid_cursor' },
    });
  });

  it('shows an ephemeral message to nobody but its user, and in no history', async () => {
    await client.chat.postEphemeral({ channel: 'C0REPORTS', user: 'U0ANA', text: 'psst' });
    expect(workspace.ephemerals('U0ANA')).toMatchObject([{ text: 'psst' }]);
    expect(workspace.ephemerals('U0BEN')).toEqual([]);
    expect((await client.conversations.history({ channel: 'C0REPORTS' })).messages).toEqual([]);
  });

  it('answers 429 with Retry-After past one message a second and channel, and notes it', async () => {
    for (let n = 0; n < 5; n++) await client.chat.postMessage({ channel: 'C0REPORTS', text: `m${n}` });
    const refusal = await failure(client.chat.postMessage({ channel: 'C0REPORTS', text: 'too fast' }));
    expect(refusal).toMatchObject({ code: 'slack_webapi_rate_limited_error', retryAfter: 1 });
    await client.chat.postMessage({ channel: 'C0GENERAL', text: 'another channel' });
    await clock.advance(1_000);
    await client.chat.postMessage({ channel: 'C0REPORTS', text: 'in time' });
    expect(workspace.violations.map(({ rule }) => rule)).toEqual(['rate_limited']);
  });

  it('lists channels, people and permalinks', async () => {
    const { channels } = await client.conversations.list({
      types: 'public_channel,private_channel',
      exclude_archived: true,
    });
    expect(channels?.map(({ name }) => name)).toEqual(['general', 'reports', 'lobby']);
    expect((await client.conversations.info({ channel: 'C0LOBBY' })).channel).toMatchObject({
      name: 'lobby',
      is_member: false,
    });
    expect((await client.conversations.members({ channel: 'C0LOBBY' })).members).toEqual(['U0ANA', 'U0BEN']);
    expect((await client.users.info({ user: 'U0ANA' })).user).toMatchObject({ name: 'ana', real_name: 'Ana Ferro' });
    const { ts = '' } = await client.chat.postMessage({ channel: 'C0REPORTS', text: 'x' });
    const link = await client.chat.getPermalink({ channel: 'C0REPORTS', message_ts: ts });
    expect(link.permalink).toMatch(new RegExp(`/archives/C0REPORTS/p${ts.replace('.', '')}$`));
  });

  it('takes a file in three steps and shows it in the thread', async () => {
    const { ts = '' } = await client.chat.postMessage({ channel: 'C0REPORTS', text: 'root' });
    await client.filesUploadV2({
      channel_id: 'C0REPORTS',
      thread_ts: ts,
      filename: 'report.md',
      content: '# Häh',
      initial_comment: 'the rest',
    });
    expect(workspace.files()).toMatchObject([{ filename: 'report.md', shared: true }]);
    expect(workspace.files()[0]?.content?.toString('utf8')).toBe('# Häh');
    expect(workspace.thread('C0REPORTS', ts)).toMatchObject([
      {},
      { text: 'the rest', files: [workspace.files()[0]?.id] },
    ]);
  });

  it('refuses to share a file twice, under a message that is not there, or in the name of a user', async () => {
    const upload = async (filename: string, alt?: string): Promise<string> => {
      const args = { filename, length: 3, ...(alt === undefined ? {} : { alt_txt: alt }) };
      const { upload_url: url = '', file_id: id = '' } = await client.files.getUploadURLExternal(args);
      await (twin === undefined ? workspace.fetch : fetch)(url, { method: 'POST', body: 'abc' });
      return id;
    };
    const share = (id: string, over: object = {}): Promise<unknown> =>
      failure(client.apiCall('files.completeUploadExternal', { files: [{ id }], channel_id: 'C0REPORTS', ...over }));
    const id = await upload('a.csv');
    expect(await share(id, { thread_ts: '1700000000.000100' })).toMatchObject({ data: { error: 'thread_not_found' } });
    expect(await share(id, { channel_id: 'U0ANA' })).toMatchObject({ data: { error: 'channel_not_found' } });
    expect(await share(id, { channel_id: 'C0LOBBY' })).toMatchObject({ data: { error: 'not_in_channel' } });
    expect(await share(id)).toMatchObject({ nothing: 'failed' });
    expect(await share(id)).toMatchObject({ data: { error: 'file_not_found' } });
    expect(workspace.violations).toEqual([]);
    await upload('chart.png', 'Revenue rises');
    expect(workspace.violations).toEqual([]);
    await upload('chart.png');
    expect(workspace.violations).toMatchObject([{ rule: 'alt_text' }]);
    const { messages } = await client.conversations.history({ channel: 'C0REPORTS' });
    expect(messages?.[0]?.files).toMatchObject([{ id, name: 'a.csv', size: 3 }]);
  });

  it('says what the token may do where it may not do everything, and refuses the rest', async () => {
    const narrow = createWorkspace({ clock }, { scopes: ['chat:write'] });
    const poor = new WebClient(narrow.token, { fetch: narrow.fetch, retryConfig: { retries: 0 }, logger: quietLogger });
    expect((await poor.auth.test()).response_metadata?.scopes).toEqual(['chat:write']);
    const asked = poor.apiCall('files.getUploadURLExternal', { filename: 'a', length: 1 });
    expect(await failure(asked)).toMatchObject({ data: { error: 'missing_scope', needed: 'files:write' } });
  });

  it('adds a reaction once', async () => {
    const { ts = '' } = await client.chat.postMessage({ channel: 'C0REPORTS', text: 'x' });
    await client.reactions.add({ channel: 'C0REPORTS', timestamp: ts, name: 'bell' });
    expect(workspace.messages('reports')[0]?.reactions).toEqual([{ name: 'bell', user: workspace.bot.user }]);
    const again = await failure(client.reactions.add({ channel: 'C0REPORTS', timestamp: ts, name: 'bell' }));
    expect(again).toMatchObject({ data: { error: 'already_reacted' } });
  });

  it('tells the card’s life to who listens', async () => {
    const life: string[] = [];
    const stop = workspace.on(({ type, message }) => life.push(`${type} ${message?.text} ${message?.revision}`));
    const { ts = '' } = await client.chat.postMessage({ channel: 'C0REPORTS', text: 'queued' });
    await client.chat.update({ channel: 'C0REPORTS', ts, text: 'running' });
    stop();
    await client.chat.update({ channel: 'C0REPORTS', ts, text: 'done' });
    expect(life).toEqual(['posted queued 1', 'edited running 2']);
  });
});

describe('the memory of the workspace', () => {
  it('is bounded: the oldest messages are forgotten, and counted', async () => {
    const clock = manualClock();
    const workspace = createWorkspace({ clock }, { maxMessages: 3, rates: 'off' });
    const client = new WebClient(workspace.token, { fetch: workspace.fetch });
    for (let n = 0; n < 5; n++) await client.chat.postMessage({ channel: 'C0REPORTS', text: `m${n}` });
    expect(workspace.messages('reports').map(({ text }) => text)).toEqual(['m2', 'm3', 'm4']);
    expect(workspace.snapshot()).toMatchObject({ forgotten: 2 });
  });
});

describe('the control of the twin', () => {
  const clock = manualClock();
  const workspace = createWorkspace({ clock });
  const twin = createTwin({ workspace });
  beforeAll(() => twin.start());
  afterAll(() => twin.stop());

  it('sets faults and shows what the workspace holds', async () => {
    const rules = [{ method: 'chat.postMessage', fault: { kind: 'error', error: 'fatal_error' } }];
    const set = await fetch(`${twin.origin}/_faults`, { method: 'POST', body: JSON.stringify({ rules }) });
    expect(await set.json()).toEqual({ ok: true, pending: 1 });
    const client = new WebClient(workspace.token, { slackApiUrl: twin.apiUrl, retryConfig: { retries: 0 } });
    await expect(client.chat.postMessage({ channel: 'C0REPORTS', text: 'x' })).rejects.toThrow('fatal_error');
    await client.chat.postMessage({ channel: 'C0REPORTS', text: 'y' });
    const state = await (await fetch(`${twin.origin}/_state`)).json();
    expect(state).toMatchObject({
      messages: [{ text: 'y' }],
      calls: [{ method: 'chat.postMessage' }, { channel: 'C0REPORTS' }],
    });
  });

  it('refuses a fault that it does not know', async () => {
    const rules = [{ method: '*', fault: { kind: 'earthquake' } }];
    const set = await fetch(`${twin.origin}/_faults`, { method: 'POST', body: JSON.stringify({ rules }) });
    expect(set.status).toBe(400);
  });
});

async function fetchJson(workspace: Workspace, method: string): Promise<unknown> {
  return (await workspace.fetch(`https://slack.com/api/${method}`, { method: 'POST' })).json();
}
