import { describe, expect, it } from 'vitest';
import type { Fault } from '../../src/playground/faults.ts';
import { finishRun, SLACK } from '../support/delivery-outbox.ts';
import { makeReport, sampleReport } from '../support/delivery-report.ts';
import { slackRig } from '../support/slack-rig.ts';
import { newNotice } from '../support/store-notices.ts';

const textOf = (value: unknown): string => JSON.stringify(value);

describe('a report through Slack', () => {
  it('is one post in the channel and its details in the thread, with a receipt of each', async () => {
    const { bench, workspace, settled } = slackRig();
    const { run } = await bench.plan([SLACK('C0REPORTS')], { report: sampleReport() });
    await using outbox = bench.outbox();
    outbox.start();
    const delivery = await settled(run.id);
    expect(delivery.state).toBe('delivered');
    const [head, ...more] = workspace.messages('reports');
    expect(more).toEqual([]);
    expect(workspace.thread('reports', head?.ts ?? '')).toHaveLength(2);
    expect(delivery.parts[0]?.receipt).toMatchObject({ kind: 'slack', channel: 'C0REPORTS', ts: head?.ts });
    expect(textOf(delivery.parts[0]?.receipt)).toContain('permalink');
    expect(workspace.violations).toEqual([]);
  });

  it.each<[string, Fault, { posts: number; label: boolean }]>([
    ['the connection was refused', { kind: 'refuse' }, { posts: 1, label: false }],
    ['the connection dropped after the post', { kind: 'drop_after' }, { posts: 1, label: false }],
    ['the connection dropped before the post', { kind: 'drop_before' }, { posts: 1, label: true }],
    ['the server failed after the post', { kind: 'status', status: 500, accepted: true }, { posts: 1, label: false }],
    ['the server failed before the post', { kind: 'status', status: 503 }, { posts: 1, label: true }],
    ['a proxy refused', { kind: 'status', status: 403 }, { posts: 1, label: false }],
    ['the answer was a page', { kind: 'html', accepted: true }, { posts: 1, label: false }],
    ['the answer was cut', { kind: 'malformed_json', accepted: true }, { posts: 1, label: false }],
    ['no answer came after the post', { kind: 'hang', accepted: true }, { posts: 1, label: false }],
    ['no answer came at all', { kind: 'hang' }, { posts: 1, label: true }],
    ['Slack asked to wait', { kind: 'rate_limited', retryAfter: 3 }, { posts: 1, label: false }],
    ['Slack asked to wait without a time', { kind: 'rate_limited' }, { posts: 1, label: false }],
    ['Slack asked to wait a negative time', { kind: 'rate_limited', retryAfter: -5 }, { posts: 1, label: false }],
    [
      'Slack asked to wait until a date',
      { kind: 'rate_limited', retryAfter: 'Mon, 23 Nov 2026 09:00:09 GMT' },
      { posts: 1, label: false },
    ],
    ['Slack asked to wait a year', { kind: 'rate_limited', retryAfter: 31_536_000 }, { posts: 1, label: false }],
    ['Slack had an internal error', { kind: 'error', error: 'internal_error' }, { posts: 1, label: true }],
    ['Slack used an unknown word', { kind: 'error', error: 'brand_new_problem' }, { posts: 1, label: false }],
  ])('arrives once when %s', async (_name, fault, wanted) => {
    const { bench, workspace, settled } = slackRig();
    workspace.faults.add({ method: 'chat.postMessage', fault });
    const { run } = await bench.plan([SLACK('C0REPORTS')]);
    await using outbox = bench.outbox();
    outbox.start();
    expect((await settled(run.id)).state).toBe('delivered');
    const posts = workspace.messages('reports');
    expect(posts).toHaveLength(wanted.posts);
    expect(textOf(posts[0]).includes('sent again after an interruption')).toBe(wanted.label);
  });

  it('is not posted before the time that Slack asked to wait is over', async () => {
    const { bench, workspace, settled } = slackRig();
    workspace.faults.add({ method: 'chat.postMessage', fault: { kind: 'rate_limited', retryAfter: 20 } });
    const { run } = await bench.plan([SLACK('C0REPORTS')]);
    await using outbox = bench.outbox();
    outbox.start();
    await bench.clock.advance(19_000);
    expect(workspace.messages('reports')).toEqual([]);
    expect((await settled(run.id)).state).toBe('delivered');
  });

  it.each(['account_inactive', 'token_revoked', 'invalid_auth', 'restricted_action', 'team_access_not_granted'])(
    'ends at once when Slack says %s',
    async (error) => {
      const { bench, workspace, settled } = slackRig();
      workspace.faults.add({ method: 'chat.postMessage', fault: { kind: 'error', error } });
      const { run } = await bench.plan([SLACK('C0REPORTS')]);
      await using outbox = bench.outbox();
      outbox.start();
      const delivery = await settled(run.id);
      expect(delivery).toMatchObject({ state: 'failed', attempts: 1, error: { code: 'SLACK_REJECTED' } });
      expect(delivery.error?.message).toContain(error);
    },
  );

  it('is sent once more, marked, when the bot may not read the channel', async () => {
    const { bench, workspace, settled } = slackRig();
    workspace.faults.add({ method: 'chat.postMessage', fault: { kind: 'drop_after' } });
    const denied: Fault = { kind: 'error', error: 'missing_scope' };
    workspace.faults.add({ method: 'conversations.history', fault: denied, times: 100 });
    const { run } = await bench.plan([SLACK('C0REPORTS')]);
    await using outbox = bench.outbox();
    outbox.start();
    expect((await settled(run.id)).state).toBe('delivered');
    const labels = workspace.messages('reports').map((one) => textOf(one).includes('sent again'));
    expect(labels).toEqual([false, true]);
  });

  it('finds a lost part of the thread in the thread', async () => {
    const { bench, workspace, settled } = slackRig();
    workspace.faults.add({ method: 'chat.postMessage', fault: { kind: 'drop_after' }, skip: 1 });
    const { run } = await bench.plan([SLACK('C0REPORTS')], { report: sampleReport() });
    await using outbox = bench.outbox();
    outbox.start();
    const delivery = await settled(run.id);
    expect(delivery.parts[1]?.receipt).toMatchObject({ found: true });
    expect(workspace.thread('reports', workspace.messages('reports')[0]?.ts ?? '')).toHaveLength(2);
  });

  it('does not take another part or another delivery for the one that was lost', async () => {
    const { bench, workspace, settled } = slackRig();
    const first = await bench.plan([SLACK('C0REPORTS')], { report: sampleReport() });
    workspace.faults.add({ method: 'chat.postMessage', fault: { kind: 'drop_before' }, skip: 1, times: 2 });
    const second = await bench.plan([SLACK('C0REPORTS')]);
    await using outbox = bench.outbox();
    outbox.start();
    await settled(first.run.id);
    await settled(second.run.id);
    const posts = workspace.messages('reports');
    expect(posts).toHaveLength(2);
    const threads = posts.map((post) => workspace.thread('reports', post.ts).length);
    expect(threads.sort()).toEqual([1, 2]);
  });

  it('finds a lost post in a channel that was named by its name', async () => {
    const { bench, workspace, settled } = slackRig();
    workspace.faults.add({ method: 'chat.postMessage', fault: { kind: 'drop_after' } });
    const { run } = await bench.plan([SLACK('#reports')]);
    await using outbox = bench.outbox();
    outbox.start();
    expect((await settled(run.id)).parts[0]?.receipt).toMatchObject({ found: true, channel: 'C0REPORTS' });
    expect(workspace.messages('reports')).toHaveLength(1);
  });

  it.each(['C0LOBBY', 'C0ATTIC', 'C0NOWHERE'])(
    'goes to the actor with an invitation when %s cannot be posted to',
    async (channel) => {
      const { bench, workspace, settled } = slackRig();
      const { run } = await bench.plan([SLACK(channel)], { report: sampleReport(), fallbackUser: 'U0ANA' });
      await using outbox = bench.outbox();
      outbox.start();
      const delivery = await settled(run.id);
      expect(delivery.state).toBe('delivered');
      expect(delivery.parts.map((part) => part.receipt)).toMatchObject([
        { insteadOf: channel },
        { insteadOf: channel },
      ]);
      const direct = workspace.messages(workspace.directMessage('U0ANA').id);
      expect(direct).toHaveLength(1);
      expect(textOf(direct[0])).toContain('/invite @Bellhop');
      expect(workspace.violations).toEqual([]);
    },
  );

  it('fails with the way out when there is nobody to tell', async () => {
    const { bench, settled } = slackRig();
    const { run } = await bench.plan([SLACK('C0LOBBY')]);
    await using outbox = bench.outbox();
    outbox.start();
    const { state, error } = await settled(run.id);
    expect(state).toBe('failed');
    expect(error?.hint).toContain('/invite @Bellhop');
  });

  it('fails with the way into the channel when the direct message fails as well', async () => {
    const { bench, workspace, settled } = slackRig();
    const { run } = await bench.plan([SLACK('C0LOBBY')], { fallbackUser: 'U0ANA' });
    for (const error of ['not_in_channel', 'account_inactive'])
      workspace.faults.add({ method: 'chat.postMessage', fault: { kind: 'error', error } });
    await using outbox = bench.outbox();
    outbox.start();
    const { state, error } = await settled(run.id);
    expect(state).toBe('failed');
    expect(error?.message).toMatch(/not_in_channel.*account_inactive/);
    expect(error?.hint).toContain('/invite @Bellhop');
  });

  it.each([
    ['the answer was lost', { kind: 'drop_after' }],
    ['the post was lost', { kind: 'drop_before' }],
  ] as const)('a notice arrives once when %s, naming its schedule', async (_name, fault) => {
    const { bench, workspace, settled } = slackRig();
    workspace.faults.add({ method: 'chat.postMessage', fault });
    const { notice } = await bench.store.addNotice(newNotice({ destinations: [SLACK('C0REPORTS')] }));
    await using outbox = bench.outbox();
    outbox.start();
    expect((await settled(notice.id)).state).toBe('delivered');
    const [post, ...more] = workspace.messages('reports');
    expect(more).toEqual([]);
    expect(textOf(post)).toContain(`weekly-report · incident ${notice.id.slice(-6)}`);
    expect(textOf(post)).not.toContain('run ');
    expect(workspace.violations).toEqual([]);
  });

  it('a notice whose channel cannot be posted to fails with the way out, and goes to nobody else', async () => {
    const { bench, workspace, settled } = slackRig();
    const { notice } = await bench.store.addNotice(newNotice({ destinations: [SLACK('C0LOBBY')] }));
    await using outbox = bench.outbox();
    outbox.start();
    const { state, error } = await settled(notice.id);
    expect(state).toBe('failed');
    expect(error?.hint).toContain('/invite @Bellhop');
    expect(workspace.messages(workspace.directMessage('U0ANA').id)).toEqual([]);
  });

  it('is shown as plain text, saying so, when Slack refuses its blocks', async () => {
    const { bench, workspace, settled } = slackRig();
    const detail = { response_metadata: { messages: ['[ERROR] bad [json-pointer:/blocks/4]'] } };
    workspace.faults.add({ method: 'chat.postMessage', fault: { kind: 'error', error: 'invalid_blocks', detail } });
    const report = makeReport({ sections: [{ kind: 'markdown', markdown: 'the body <!channel> stays' }] });
    const { run } = await bench.plan([SLACK('C0REPORTS')], { report });
    await using outbox = bench.outbox();
    outbox.start();
    expect((await settled(run.id)).state).toBe('delivered');
    const [post] = workspace.messages('reports');
    expect(post?.text).toContain('the body &lt;!channel&gt; stays');
    expect(post?.text).toContain('json-pointer:/blocks/4');
  });
});

describe('the live card in Slack', () => {
  it('is posted, edited to the end, and names where the report is', async () => {
    const { bench, workspace, settled } = slackRig();
    const { run } = await bench.card('C0REPORTS');
    await using outbox = bench.outbox();
    outbox.start();
    for (let n = 0; n < 10; n++) await bench.clock.advance(400);
    const destination = SLACK('C0REPORTS');
    const plan = { id: 'dlv_01k9zzzzzzzzzzzzzzzzzzzz8d', mode: 'report' as const, destination };
    await finishRun(bench.store, run.id, { report: makeReport(), deliveries: [plan] });
    expect((await settled(run.id)).state).toBe('delivered');
    const [card, report, ...more] = workspace.messages('reports');
    expect(more).toEqual([]);
    expect(textOf(card)).toContain('completed');
    expect(textOf(card)).toContain('delivered');
    expect(textOf(card)).toContain('bellhop_retry');
    expect(textOf(report)).toContain('All is well.');
    expect(workspace.violations).toEqual([]);
  });
});
