import { describe, expect, it } from 'vitest';
import type { Fault } from '../../src/playground/faults.ts';
import type { Message } from '../../src/playground/state.ts';
import type { SlackMessage } from '../../src/render/slack/message.ts';
import { SLACK } from '../support/delivery-outbox.ts';
import { slackRig } from '../support/slack-rig.ts';

const textOf = (value: unknown): string => JSON.stringify(value);
/** A message whose blocks say `name-0`, `name-1` … */
const message = (name: string, blocks = 8): SlackMessage => ({
  text: name,
  blocks: Array.from({ length: blocks }, (_, n) => ({
    type: 'section' as const,
    text: { type: 'mrkdwn' as const, text: `*${name}-${n}*` },
  })),
});
const refuse = (error: string, ...pointers: string[]): Fault => ({
  kind: 'error',
  error,
  detail: { response_metadata: { messages: pointers.map((one) => `[ERROR] bad thing [json-pointer:${one}]`) } },
});
/** Slack refuses what holds more than these many blocks. */
const tooLong = (most: number) => ({
  rule: { method: 'chat.postMessage', fault: refuse('msg_blocks_too_long', '/blocks'), times: 1_000 },
  when: ({ args }: { args: Record<string, unknown> }) => blocksIn(args['blocks']) > most,
});
function blocksIn(value: unknown): number {
  const blocks: unknown = typeof value === 'string' ? JSON.parse(value) : value;
  return Array.isArray(blocks) ? blocks.length : 0;
}
const saying = (posts: readonly Message[], word: string): Message[] =>
  posts.filter((one) => textOf(one).includes(word));

describe('a message that Slack refuses', () => {
  it('is sent with only block 4 as text when block 4 was refused', async () => {
    const { bench, workspace, settled } = slackRig({ parts: [message('head')] });
    workspace.faults.add({ method: 'chat.postMessage', fault: refuse('invalid_blocks', '/blocks/4/text/text') });
    const { run } = await bench.plan([SLACK('C0REPORTS')]);
    await using outbox = bench.outbox();
    outbox.start();
    const delivery = await settled(run.id);
    const [post, ...more] = workspace.messages('reports');
    expect(more).toEqual([]);
    expect(post?.blocks.map((block) => textOf(block).includes('mrkdwn'))).toEqual([
      true,
      true,
      true,
      true,
      false,
      true,
      true,
      true,
    ]);
    expect(textOf(post?.blocks[4])).toContain('head-4');
    expect(delivery).toMatchObject({ state: 'delivered', attempts: 1 });
    expect(textOf(delivery.parts[0]?.receipt)).toMatch(/degraded.*invalid_blocks.*json-pointer:\/blocks\/4/);
  });

  it('loses its layout block by block, three times, and is then one plain text that says so', async () => {
    const { bench, workspace, settled } = slackRig({ parts: [message('head')] });
    for (const n of [0, 2, 4, 6])
      workspace.faults.add({ method: 'chat.postMessage', fault: refuse('invalid_blocks', `/blocks/${n}`) });
    const { run } = await bench.plan([SLACK('C0REPORTS')]);
    await using outbox = bench.outbox();
    outbox.start();
    const delivery = await settled(run.id);
    const [post] = workspace.messages('reports');
    expect(workspace.calls.filter(({ method }) => method === 'chat.postMessage')).toHaveLength(5);
    expect(post?.blocks).toEqual([]);
    for (let n = 0; n < 8; n++) expect(post?.text).toContain(`head-${n}`);
    expect(post?.text).toContain('shown as plain text, because Slack refused its layout');
    expect(delivery.parts[0]?.receipt).toMatchObject({
      degraded: [{}, {}, {}, {}].map(() => expect.any(String) as string),
    });
  });

  it('has all refused blocks of one answer as text at once', async () => {
    const { bench, workspace, settled } = slackRig({ parts: [message('head')] });
    workspace.faults.add({ method: 'chat.postMessage', fault: refuse('invalid_blocks', '/blocks/1', '/blocks/6') });
    const { run } = await bench.plan([SLACK('C0REPORTS')]);
    await using outbox = bench.outbox();
    outbox.start();
    await settled(run.id);
    const [post] = workspace.messages('reports');
    const plain = post?.blocks.flatMap((block, n) => (textOf(block).includes('mrkdwn') ? [] : [n]));
    expect(plain).toEqual([1, 6]);
  });

  it('is sent in halves when it is too long, the second right behind the first in its thread', async () => {
    const { bench, workspace, settled } = slackRig({ parts: [message('head'), message('detail', 3)] });
    const { rule, when } = tooLong(5);
    workspace.faults.add(rule, when);
    const { run } = await bench.plan([SLACK('C0REPORTS')]);
    await using outbox = bench.outbox();
    outbox.start();
    const delivery = await settled(run.id);
    const [root, ...more] = workspace.messages('reports');
    expect(more).toEqual([]);
    const thread = workspace.thread('reports', root?.ts ?? '');
    expect(thread.map((one) => one.blocks.map((block) => /\w+-\d/.exec(textOf(block))?.[0]))).toEqual([
      ['head-0', 'head-1', 'head-2', 'head-3'],
      ['head-4', 'head-5', 'head-6', 'head-7'],
      ['detail-0', 'detail-1', 'detail-2'],
    ]);
    expect(delivery.state).toBe('delivered');
    expect(delivery.parts[0]?.receipt).toMatchObject({ ts: root?.ts, degraded: [expect.stringContaining('too long')] });
    expect(delivery.parts[1]?.receipt).not.toHaveProperty('degraded');
  });

  it('is halved again and again, and what cannot be halved is plain text', async () => {
    const { bench, workspace, settled } = slackRig({ parts: [message('head')] });
    const { rule, when } = tooLong(0);
    workspace.faults.add(rule, when);
    const { run } = await bench.plan([SLACK('C0REPORTS')]);
    await using outbox = bench.outbox();
    outbox.start();
    expect((await settled(run.id)).state).toBe('delivered');
    const thread = workspace.thread('reports', workspace.messages('reports')[0]?.ts ?? '');
    expect(thread.map(({ text }) => /head-\d/.exec(text)?.[0])).toEqual(
      Array.from({ length: 8 }, (_, n) => `head-${n}`),
    );
  });

  it.each<[string, Fault]>([
    ['the answer to the second half is lost', { kind: 'drop_after' }],
    ['the second half is lost', { kind: 'drop_before' }],
    ['Slack asks to wait a minute before the second half', { kind: 'rate_limited', retryAfter: 60 }],
    ['Slack asks to wait a moment before the second half', { kind: 'rate_limited', retryAfter: 2 }],
  ])('each half arrives once when %s', async (_name, fault) => {
    const { bench, workspace, settled } = slackRig({ parts: [message('head'), message('detail', 2)] });
    const { rule, when } = tooLong(5);
    workspace.faults.add(rule, when);
    workspace.faults.add({ method: 'chat.postMessage', fault, skip: 1 });
    const { run } = await bench.plan([SLACK('C0REPORTS')]);
    await using outbox = bench.outbox();
    outbox.start();
    expect((await settled(run.id)).state).toBe('delivered');
    const [root, ...more] = workspace.messages('reports');
    expect(more).toEqual([]);
    const thread = workspace.thread('reports', root?.ts ?? '');
    expect(saying(thread, 'head-0')).toHaveLength(1);
    expect(saying(thread, 'head-4')).toHaveLength(1);
    expect(thread).toHaveLength(3);
  });

  it('fails, saying that a part of it stands, when the second half is refused for good', async () => {
    const { bench, workspace, settled } = slackRig({ parts: [message('head')] });
    const { rule, when } = tooLong(5);
    workspace.faults.add(rule, when);
    workspace.faults.add({ method: 'chat.postMessage', fault: refuse('restricted_action'), skip: 1 });
    const { run } = await bench.plan([SLACK('C0REPORTS')]);
    await using outbox = bench.outbox();
    outbox.start();
    const { state, error } = await settled(run.id);
    expect(state).toBe('failed');
    expect(error?.message).toMatch(/posted in part.*restricted_action/);
  });
});

describe('messages of one delivery', () => {
  it('go on with the third, once, when the process ended between the second and the third', async () => {
    const { bench, workspace, settled } = slackRig({ parts: ['one', 'two', 'three'].map((name) => message(name, 2)) });
    const { run } = await bench.plan([SLACK('C0REPORTS')]);
    const first = bench.outbox({ graceMs: 0 });
    const stopped = new Promise<void>((resolve) => {
      workspace.on(({ message: posted }) => {
        if (posted?.text === 'two') void first.stop().then(resolve);
      });
    });
    first.start();
    while (workspace.calls.filter(({ method }) => method === 'chat.postMessage').length < 2)
      await bench.clock.advance(200);
    await bench.clock.advance(200);
    await stopped;
    await using second = bench.outbox();
    second.start();
    expect((await settled(run.id)).state).toBe('delivered');
    const thread = workspace.thread('reports', workspace.messages('reports')[0]?.ts ?? '');
    expect(thread.map(({ text }) => text)).toEqual(['one', 'two', 'three']);
  });

  it('stand under the message that the destination names, and so does what was lost and found', async () => {
    const { bench, workspace, settled } = slackRig({ parts: [message('head', 2), message('detail', 2)] });
    const asked = { channel: 'C0REPORTS', text: 'the thread of the week' };
    const root = await workspace.fetch('https://slack.test/api/chat.postMessage', {
      method: 'POST',
      headers: { authorization: `Bearer ${workspace.token}`, 'content-type': 'application/json' },
      body: JSON.stringify(asked),
    });
    const { ts: threadTs } = (await root.json()) as { ts: string };
    workspace.faults.add({ method: 'chat.postMessage', fault: { kind: 'drop_after' }, times: 2 });
    const { run } = await bench.plan([{ kind: 'slack', channel: 'C0REPORTS', threadTs }]);
    await using outbox = bench.outbox();
    outbox.start();
    const delivery = await settled(run.id);
    expect(delivery.parts.map(({ receipt }) => receipt)).toMatchObject([{ found: true }, { found: true }]);
    expect(workspace.messages('reports')).toHaveLength(1);
    expect(workspace.thread('reports', threadTs).map(({ text }) => text)).toEqual([asked.text, 'head', 'detail']);
  });

  it('fail with the way out when the message that the destination names is gone', async () => {
    const { bench, settled } = slackRig({ parts: [message('head', 2)] });
    const { run } = await bench.plan([{ kind: 'slack', channel: 'C0REPORTS', threadTs: '1700000000.000100' }]);
    await using outbox = bench.outbox();
    outbox.start();
    const { state, error } = await settled(run.id);
    expect(state).toBe('failed');
    expect(error?.message).toContain('thread_not_found');
    expect(error?.hint).toContain('threadTs');
  });
});
