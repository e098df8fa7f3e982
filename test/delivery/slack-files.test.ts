import { describe, expect, it } from 'vitest';
import { toBodies } from '../../src/delivery/slack/body.ts';
import { createSlackTransport } from '../../src/delivery/slack/transport.ts';
import type { SlackClient } from '../../src/delivery/slack/call.ts';
import type { Fault } from '../../src/playground/faults.ts';
import type { FilePlan } from '../../src/render/file-plan.ts';
import type { SlackPart } from '../../src/render/slack/message.ts';
import { renderSlackReport } from '../../src/render/slack/report.ts';
import type { Delivery } from '../../src/store/records.ts';
import { manualClock } from '../support/clock.ts';
import { SLACK } from '../support/delivery-outbox.ts';
import { makeReport, sampleReport, sampleRun } from '../support/delivery-report.ts';
import { slackRig } from '../support/slack-rig.ts';

const blob = (name: string, digit = '1', alt?: string): FilePlan => ({
  name,
  mediaType: 'text/csv',
  title: `The file ${name}`,
  ...(alt === undefined ? {} : { alt }),
  source: { is: 'blob', sha256: digit.repeat(64) },
});
const HEAD: SlackPart = { text: 'head', blocks: [{ type: 'divider' }] };
const withFiles = (...files: FilePlan[]): SlackPart[] => [HEAD, { text: 'All the rows', files }];
const CSV = blob('weekly.csv');
const CHART: FilePlan = { ...blob('chart.png'), alt: 'Revenue rises', source: { is: 'chart', section: 0 } };
const receiptOf = (delivery: Delivery, n: number): unknown => delivery.parts[n]?.receipt;
const lines = (text: string | undefined): string[] => (text ?? '').split('\n');

const unasked = (): Promise<never> => Promise.reject(new Error('not to be asked'));

describe('the files of a report in Slack', () => {
  it('are shared by one call in the thread, each with its name, title and words', async () => {
    const { bench, workspace, settled } = slackRig({ parts: withFiles(CSV, blob('spark.png', '2', 'Orders rise')) });
    const { run } = await bench.plan([SLACK('C0REPORTS')]);
    await using outbox = bench.outbox();
    outbox.start();
    const delivery = await settled(run.id);
    expect(delivery.state).toBe('delivered');
    const [head] = workspace.messages('reports');
    const [, shared, ...more] = workspace.thread('reports', head?.ts ?? '');
    expect(more).toEqual([]);
    expect(shared?.text).toBe('All the rows');
    const stored = workspace.files();
    expect(stored).toMatchObject([
      { filename: 'weekly.csv', title: 'The file weekly.csv', shared: true },
      { filename: 'spark.png', title: 'The file spark.png', alt: 'Orders rise', shared: true },
    ]);
    expect(shared?.files).toEqual(stored.map(({ id }) => id));
    expect(stored.map(({ content }) => content?.toString())).toEqual(
      ['1', '2'].map((digit) => `bytes of ${digit.repeat(64)}`),
    );
    const asked = workspace.calls.filter(({ method }) => method === 'files.completeUploadExternal');
    expect(asked).toMatchObject([{ args: { channel_id: 'C0REPORTS', thread_ts: head?.ts } }]);
    expect(receiptOf(delivery, 1)).toMatchObject({
      kind: 'slack',
      channel: 'C0REPORTS',
      files: [{ id: stored[0]?.id, name: 'weekly.csv' }, { name: 'spark.png' }],
    });
    expect(receiptOf(delivery, 1)).not.toHaveProperty('degraded');
    expect(workspace.violations).toEqual([]);
  });

  it('go to the direct message that the head went to, by its id', async () => {
    const { bench, workspace, settled } = slackRig({ parts: withFiles(CSV) });
    const { run } = await bench.plan([SLACK('U0ANA')]);
    await using outbox = bench.outbox();
    outbox.start();
    expect((await settled(run.id)).state).toBe('delivered');
    const { id } = workspace.directMessage('U0ANA');
    expect(workspace.thread(id, workspace.messages(id)[0]?.ts ?? '')[1]?.files).toHaveLength(1);
  });

  it('stand under the message that the destination names', async () => {
    const { bench, workspace, settled } = slackRig({ parts: withFiles(CSV) });
    const root = await bench.plan([SLACK('C0REPORTS')]);
    await using outbox = bench.outbox();
    outbox.start();
    await settled(root.run.id);
    const threadTs = workspace.messages('reports')[0]?.ts ?? '';
    const { run } = await bench.plan([{ kind: 'slack', channel: 'C0REPORTS', threadTs }]);
    await settled(run.id);
    expect(workspace.thread('reports', threadTs).map(({ files }) => files.length)).toEqual([0, 1, 0, 1]);
  });

  it('more than ten of them are shared ten at a time', async () => {
    const files = Array.from({ length: 23 }, (_, n) => blob(`table-${n}.csv`));
    const { bench, workspace, settled } = slackRig({ parts: withFiles(...files) });
    const { run } = await bench.plan([SLACK('C0REPORTS')]);
    await using outbox = bench.outbox();
    outbox.start();
    await settled(run.id);
    const thread = workspace.thread('reports', workspace.messages('reports')[0]?.ts ?? '');
    expect(thread.map((one) => one.files.length)).toEqual([0, 10, 10, 3]);
  });

  it('are those that the destination asks for, as it wants its report', () => {
    const uploads = { readFile: unasked, fetch: unasked, apiUrl: 'https://slack.test/api/' };
    const transport = createSlackTransport({ client: { apiCall: unasked }, clock: manualClock(), uploads });
    const report = sampleReport();
    const run = sampleRun({ report });
    const options = { format: 'text', thread: 'all', attach: ['json'] } as const;
    const place = { kind: 'slack', channel: 'C0REPORTS' } as const;
    const destination = { ...place, ...options, attach: [...options.attach] };
    const about = { kind: 'run', run } as const;
    const bodies = transport.prepare({ delivery: { ...planned(), destination }, about, deliveries: [] });
    expect(bodies).toEqual(renderSlackReport(report, about, options).flatMap(toBodies));
    expect(bodies.at(-1)).toMatchObject({ files: [{ source: { is: 'report', format: 'json' } }] });
  });
});

const planned = (): Delivery => ({
  id: 'dlv_01k9zzzzzzzzzzzzzzzzzzzz8d',
  mode: 'report',
  destination: SLACK('C0REPORTS'),
  runId: 'run_01k9zzzzzzzzzzzzzzzzzzzz8d',
  rev: 0,
  state: 'sending',
  createdAt: '2026-11-23T09:00:00.000Z',
  updatedAt: '2026-11-23T09:00:00.000Z',
  fence: 1,
  attempts: 1,
  parts: [],
});

describe('a share whose answer was lost', () => {
  it.each<[string, Fault, { label: boolean }]>([
    ['the connection dropped after it', { kind: 'drop_after' }, { label: false }],
    ['the server failed after it', { kind: 'status', status: 500, accepted: true }, { label: false }],
    ['no answer came after it', { kind: 'hang', accepted: true }, { label: false }],
    ['the connection dropped before it', { kind: 'drop_before' }, { label: true }],
    ['Slack had an internal error', { kind: 'error', error: 'internal_error' }, { label: true }],
    ['Slack asked to wait', { kind: 'rate_limited', retryAfter: 3 }, { label: false }],
  ])('is made once when %s', async (_name, fault, wanted) => {
    const { bench, workspace, settled } = slackRig({ parts: withFiles(CSV) });
    workspace.faults.add({ method: 'files.completeUploadExternal', fault });
    const { run } = await bench.plan([SLACK('C0REPORTS')]);
    await using outbox = bench.outbox();
    outbox.start();
    const delivery = await settled(run.id);
    expect(delivery.state).toBe('delivered');
    expect(receiptOf(delivery, 1)).toMatchObject({ files: [{ name: 'weekly.csv' }] });
    const thread = workspace.thread('reports', workspace.messages('reports')[0]?.ts ?? '');
    expect(thread).toHaveLength(2);
    expect(thread[1]?.text.includes('sent again after an interruption')).toBe(wanted.label);
  });

  it('is made once more, marked, when the thread may not be read, and never a third time', async () => {
    const { bench, workspace, settled } = slackRig({ parts: withFiles(CSV) });
    workspace.faults.add({ method: 'files.completeUploadExternal', fault: { kind: 'drop_after' }, times: 2 });
    const denied: Fault = { kind: 'error', error: 'missing_scope' };
    workspace.faults.add({ method: 'conversations.replies', fault: denied, times: 1_000 });
    const { run } = await bench.plan([SLACK('C0REPORTS')]);
    await using outbox = bench.outbox();
    outbox.start();
    expect((await settled(run.id)).state).toBe('unknown');
    const [, first, second, ...more] = workspace.thread('reports', workspace.messages('reports')[0]?.ts ?? '');
    expect(more).toEqual([]);
    expect([first, second].map((one) => one?.text.includes('sent again'))).toEqual([false, true]);
  });

  it('is not taken for made because files of the same name stand there from before', async () => {
    const { bench, workspace, settled } = slackRig({ parts: withFiles(CSV) });
    const first = await bench.plan([SLACK('C0REPORTS')]);
    await using outbox = bench.outbox();
    outbox.start();
    await settled(first.run.id);
    const threadTs = workspace.messages('reports')[0]?.ts ?? '';
    workspace.faults.add({ method: 'files.completeUploadExternal', fault: { kind: 'drop_before' } });
    const { run } = await bench.plan([{ kind: 'slack', channel: 'C0REPORTS', threadTs }]);
    expect((await settled(run.id)).state).toBe('delivered');
    const shared = workspace.thread('reports', threadTs).filter(({ files }) => files.length > 0);
    expect(shared.map(({ text }) => text.includes('sent again'))).toEqual([false, true]);
  });
});

describe('the search for files', () => {
  const head = {
    kind: 'slack',
    at: '2026-11-23T09:00:00.000Z',
    channel: 'C0REPORTS',
    ts: '1700000000.000100',
  } as const;
  const search = async (messages: object[]): Promise<unknown> => {
    const apiCall: SlackClient['apiCall'] = async () => ({ ok: true, bot_id: 'B0', messages });
    const uploads = { readFile: unasked, fetch: unasked, apiUrl: 'https://slack.test/api/' };
    const transport = createSlackTransport({ client: { apiCall }, clock: manualClock(), uploads });
    const parts = [{ n: 2, state: 'sending' as const, body: { text: 'rows', files: [CSV] } }];
    const about = { kind: 'run', run: sampleRun() } as const;
    const request = { delivery: { ...planned(), parts }, about, n: 2, previous: [head], since: head.at };
    return transport.probe?.(request, new AbortController().signal);
  };
  const at = (ts: string, name: string | undefined, by = 'B0') => ({ ts, bot_id: by, files: [{ id: 'F1', name }] });

  it('finds the bot’s own by their names, behind the part before them', async () => {
    expect(await search([at('1700000000.000200', 'weekly.csv')])).toMatchObject({
      ts: '1700000000.000200',
      found: true,
    });
    expect(await search([at('1700000000.000200', 'weekly.csv', 'B1')])).toBe('absent');
    expect(await search([at('1700000000.000200', 'other.csv')])).toBe('absent');
    expect(await search([at('1700000000.000050', 'weekly.csv')])).toBe('absent');
  });

  it('does not say that they are absent when Slack hides the names of some', async () => {
    expect(await search([at('1700000000.000200', undefined)])).toBe('unknowable');
  });
});

describe('files that Slack does not take', () => {
  it('for want of the scope are named in the thread with the way to the report, and the delivery is delivered', async () => {
    const scopes = ['chat:write', 'channels:history'];
    const { bench, workspace, settled } = slackRig({ parts: withFiles(CSV, blob('b.csv')), workspace: { scopes } });
    const { run } = await bench.plan([SLACK('C0REPORTS')]);
    await using outbox = bench.outbox();
    outbox.start();
    const delivery = await settled(run.id);
    expect(delivery).toMatchObject({ state: 'delivered', attempts: 1 });
    const [head, told, ...more] = workspace.thread('reports', workspace.messages('reports')[0]?.ts ?? '');
    expect([head?.text, more]).toEqual(['head', []]);
    expect(lines(told?.text)).toEqual([
      'All the rows',
      '⚠️ Not attached: weekly.csv. Slack said missing_scope: install the app again with the optional scope files:write.',
      '⚠️ Not attached: b.csv. Slack said missing_scope: install the app again with the optional scope files:write.',
      `The whole report: \`bellhop runs show ${run.id}\``,
    ]);
    expect(receiptOf(delivery, 1)).toMatchObject({
      ts: told?.ts,
      degraded: [expect.stringContaining('weekly.csv'), expect.stringContaining('b.csv')],
    });
    expect(workspace.calls.filter(({ method }) => method.startsWith('files.'))).toHaveLength(1);
  });

  it.each<[string, { method: string; fault: Fault }, RegExp]>([
    [
      'one is too large',
      { method: 'files.getUploadURLExternal', fault: { kind: 'error', error: 'file_upload_size_restricted' } },
      /Not attached: weekly\.csv\. Slack said file_upload_size_restricted\./,
    ],
    [
      'its bytes are refused',
      { method: 'upload', fault: { kind: 'status', status: 400 } },
      /Not attached: weekly\.csv\. The upload of weekly\.csv was answered with HTTP 400\./,
    ],
  ])('are left out alone when %s', async (_name, fault, wanted) => {
    const { bench, workspace, settled } = slackRig({ parts: withFiles(CSV, blob('b.csv')) });
    workspace.faults.add(fault);
    const { run } = await bench.plan([SLACK('C0REPORTS')]);
    await using outbox = bench.outbox();
    outbox.start();
    const delivery = await settled(run.id);
    const [, shared, ...more] = workspace.thread('reports', workspace.messages('reports')[0]?.ts ?? '');
    expect(more).toEqual([]);
    expect(shared?.files).toHaveLength(1);
    expect(shared?.text).toMatch(wanted);
    expect(receiptOf(delivery, 1)).toMatchObject({
      files: [{ name: 'b.csv' }],
      degraded: [expect.stringMatching(wanted)],
    });
  });

  it('are named when the share itself is refused', async () => {
    const { bench, workspace, settled } = slackRig({ parts: withFiles(CSV) });
    const fault: Fault = { kind: 'error', error: 'file_uploads_disabled' };
    workspace.faults.add({ method: 'files.completeUploadExternal', fault });
    const { run } = await bench.plan([SLACK('C0REPORTS')]);
    await using outbox = bench.outbox();
    outbox.start();
    const delivery = await settled(run.id);
    expect(delivery.state).toBe('delivered');
    const thread = workspace.thread('reports', workspace.messages('reports')[0]?.ts ?? '');
    expect(thread[1]?.text).toContain('Not attached: weekly.csv. Slack said file_uploads_disabled.');
  });

  it('because no font can be read or a blob is gone are named, and their message stands', async () => {
    const { bench, workspace, settled } = slackRig({ parts: withFiles(CHART, blob('gone.csv', '0')) });
    const line = {
      type: 'line' as const,
      categories: ['Mon', 'Tue'],
      series: [{ name: 'Revenue', values: [1, null] }],
    };
    const report = makeReport({ sections: [{ kind: 'chart', alt: 'Revenue rises', chart: line }] });
    const { run } = await bench.plan([SLACK('C0REPORTS')], { report });
    await using outbox = bench.outbox();
    outbox.start();
    const delivery = await settled(run.id);
    expect(delivery.state).toBe('delivered');
    const thread = workspace.thread('reports', workspace.messages('reports')[0]?.ts ?? '');
    expect(thread[1]?.text).toMatch(/Not attached: chart\.png\. .*no font can be read/);
    expect(thread[1]?.text).toMatch(/Not attached: gone\.csv\. .*no longer in the store/);
    expect(workspace.files()).toEqual([]);
  });

  it('for now are tried again, and told of when that went on for minutes', async () => {
    const { bench, workspace, settled } = slackRig({ parts: withFiles(CSV) });
    workspace.faults.add({ method: 'upload', fault: { kind: 'status', status: 503 }, times: 1_000 });
    const { run } = await bench.plan([SLACK('C0REPORTS')]);
    await using outbox = bench.outbox();
    outbox.start();
    await bench.clock.advance(60_000);
    expect((await bench.deliveries(run.id))[0]?.state).toBe('retrying');
    await bench.clock.advance(400_000);
    const delivery = await settled(run.id);
    expect(delivery.state).toBe('delivered');
    expect(receiptOf(delivery, 1)).toMatchObject({ degraded: [expect.stringContaining('HTTP 503')] });
    expect(workspace.thread('reports', workspace.messages('reports')[0]?.ts ?? '')).toHaveLength(2);
  });

  it.each<[string, string, Fault]>([
    ['the upload address was not told', 'files.getUploadURLExternal', { kind: 'drop_after' }],
    ['the upload broke off', 'upload', { kind: 'drop_before' }],
    ['Slack asked to wait before an upload', 'files.getUploadURLExternal', { kind: 'rate_limited', retryAfter: 20 }],
  ])('are shared once, unmarked, after %s', async (_name, method, fault) => {
    const { bench, workspace, settled } = slackRig({ parts: withFiles(CSV) });
    workspace.faults.add({ method, fault });
    const { run } = await bench.plan([SLACK('C0REPORTS')]);
    await using outbox = bench.outbox();
    outbox.start();
    expect((await settled(run.id)).state).toBe('delivered');
    const thread = workspace.thread('reports', workspace.messages('reports')[0]?.ts ?? '');
    expect(thread.map(({ text }) => text)).toEqual(['head', 'All the rows']);
  });

  it('hostile names and words stay inert and on their line', async () => {
    const evil = blob('a/b\u202e<!channel>\n.csv', '0');
    const { bench, workspace, settled } = slackRig({ parts: withFiles(evil) });
    const { run } = await bench.plan([SLACK('C0REPORTS')]);
    await using outbox = bench.outbox();
    outbox.start();
    await settled(run.id);
    const thread = workspace.thread('reports', workspace.messages('reports')[0]?.ts ?? '');
    expect(lines(thread[1]?.text)[1]).toMatch(/^⚠️ Not attached: a_b&lt;!channel&gt; \.csv\. /);
    expect(thread[1]?.text).not.toMatch(/<!|\u202e/);
  });
});

describe('the bytes of a file', () => {
  it.each([
    ['http://slack.test/upload/v1/F1', 'https://slack.test/api/'],
    ['http://169.254.169.254/latest', 'http://127.0.0.1:9/api/'],
    ['file:///etc/passwd', 'https://slack.test/api/'],
    ['https://user:password@slack.test/', 'https://slack.test/api/'],
    ['nonsense', 'https://slack.test/api/'],
  ])('are not sent to %s when the Web API is %s', async (address, apiUrl) => {
    const posted: string[] = [];
    const sent: unknown[] = [];
    const client: SlackClient = {
      async apiCall(method, args) {
        if (method === 'files.getUploadURLExternal') return { ok: true, file_id: 'F1', upload_url: address };
        sent.push([method, args?.['text']]);
        return { ok: true, channel: 'C0REPORTS', ts: '1700000000.000200' };
      },
    };
    const uploads = {
      readFile: () => Promise.resolve(Buffer.from('secret')),
      fetch: (input: unknown) => {
        posted.push(String(input));
        return Promise.resolve(new Response('OK'));
      },
      apiUrl,
    };
    const transport = createSlackTransport({ client, clock: manualClock(), uploads });
    const head = {
      kind: 'slack',
      at: '2026-11-23T09:00:00.000Z',
      channel: 'C0REPORTS',
      ts: '1700000000.000100',
    } as const;
    const run = sampleRun({ report: makeReport() });
    const body = { text: 'All the rows', files: [CSV] };
    const request = {
      delivery: planned(),
      about: { kind: 'run', run } as const,
      n: 2,
      body,
      previous: [head],
      resent: false,
    };
    const receipt = await transport.send(request, new AbortController().signal);
    expect(posted).toEqual([]);
    expect(sent).toEqual([['chat.postMessage', expect.stringContaining('Not attached: weekly.csv')]]);
    expect(receipt).toMatchObject({ degraded: [expect.stringContaining('not https')] });
  });
});
