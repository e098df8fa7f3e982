/** Every value of a plugin's key is masked; where it is also the name of a place or a kind of a block, the report still arrives there. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createFileTransport } from '../../src/delivery/file.ts';
import { createFileReader } from '../../src/delivery/files.ts';
import { createOutbox } from '../../src/delivery/outbox.ts';
import type { SendRequest, Transport } from '../../src/delivery/transport.ts';
import { createWebhookTransport } from '../../src/delivery/webhook.ts';
import { silentLog } from '../../src/log.ts';
import { createScrub } from '../../src/scrub.ts';
import type { Destination } from '../../src/store/destinations.ts';
import { makeReport } from '../support/delivery-report.ts';
import { outboxBench } from '../support/delivery-outbox.ts';

/** Delivers a report to one place by an outbox that takes these values for secrets. */
async function deliver(transport: Transport, to: { destination: Destination; secrets: string[] }) {
  const bench = outboxBench();
  const report = makeReport({ summary: `Kept at ${to.secrets.join(' and ')}.` });
  const { run } = await bench.plan([to.destination], { report });
  const { store, clock } = bench;
  const scrub = createScrub(to.secrets);
  const transports = { [transport.kind]: transport };
  await using outbox = createOutbox({ store, clock, log: silentLog, scrub, transports }, { workerId: 'test' });
  outbox.start();
  await outbox.idle();
  return (await bench.deliveries(run.id))[0];
}

test('a report file is written where it was to go, though that folder is the value of a key, and its words are masked', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'bellhop-masked-'));
  try {
    const rasteriser = { png: () => Promise.reject(new Error('no charts')), problem: () => undefined };
    const blobs = { get: () => Promise.resolve(undefined) };
    const readFiles = createFileReader({ blobs, rasteriser });
    const clock = { now: () => 0 };
    const transport = createFileTransport({ reportsDir: join(folder, 'reports'), clock, readFile: readFiles });
    const path = join(folder, '{job}.txt');
    const delivery = await deliver(transport, { destination: { kind: 'file', path }, secrets: [folder] });
    expect(delivery).toMatchObject({ state: 'delivered' });
    const written = await readFile(join(folder, 'weekly-report.txt'), 'utf8');
    expect(written).toContain('Kept at [secret].');
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

test('a webhook is posted to its address, though its host is the value of a key, and what it says is masked', async () => {
  const asked: { url: string; body: string }[] = [];
  const fetch: typeof globalThis.fetch = async (input, init) => {
    const request = new Request(input, init);
    asked.push({ url: request.url, body: await request.text() });
    return new Response('ok');
  };
  const clock = { now: () => 0, after: () => ({ cancel: () => undefined }) };
  const terms = { secret: `whsec_${Buffer.alloc(32, 7).toString('base64')}`, hosts: ['hooks.example.com'] };
  const destination = { kind: 'webhook', url: 'https://hooks.example.com/in' } as const;
  const delivery = await deliver(createWebhookTransport({ clock, fetch }, terms), {
    destination,
    secrets: ['hooks.example.com'],
  });
  expect(delivery).toMatchObject({ state: 'delivered' });
  expect(asked.map(({ url }) => url)).toEqual(['https://hooks.example.com/in']);
  expect(asked[0]?.body).toContain('Kept at [secret].');
});

test('kinds of blocks and of files stay what they are, whatever word is the value of a key', async () => {
  const sent: SendRequest['body'][] = [];
  const bench = outboxBench();
  const transport: Transport = {
    ...bench.script.transport,
    prepare: () => [{ blocks: [{ type: 'section', text: 'section' }], files: [{ source: { is: 'report' } }] }],
    send: (request) => {
      sent.push(request.body);
      const at = '2026-11-23T09:00:00.000Z';
      return Promise.resolve({ kind: 'slack', at, channel: 'C0SALES', ts: '1790000000.000001' });
    },
  };
  await deliver(transport, { destination: { kind: 'slack', channel: 'C0SALES' }, secrets: ['section', 'report'] });
  expect(sent).toEqual([{ blocks: [{ type: 'section', text: '[secret]' }], files: [{ source: { is: 'report' } }] }]);
});
