/** The whole product over loopback: a job mails its report, signed; its recipient unsubscribes with one click and gets no more. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Delivery } from '../../src/store/records.ts';
import { API_TOKEN, startApiServer } from '../support/api-server.ts';
import type { ApiServer } from '../support/api-server.ts';
import { checkDkim, dkimPair } from '../support/delivery-dkim.ts';
import { mimeTree } from '../support/delivery-mail.ts';
import { startPeerSmtp } from '../support/peer-smtp.ts';

const JOB = `import { defineJob } from 'bellhop';
import { z } from 'zod';
export default defineJob({
  name: 'weekly', description: 'A report by mail', input: z.object({}),
  destinations: ['ana@example.com', 'bo@example.com'],
  run: async () => 'All is well.',
});
`;

/** Runs the job and waits until both mails are over. */
async function mailed(api: ApiServer): Promise<Delivery[]> {
  const headers = { authorization: `Bearer ${API_TOKEN}`, 'content-type': 'application/json' };
  await fetch(`${api.url}/run`, { method: 'POST', headers, body: '{"job_type":"weekly"}' });
  const { outbox, store } = api.server.bellhop;
  await outbox.idle();
  const [run] = (await store.list({ limit: 1 })).items;
  return store.deliveries(run?.id ?? '');
}
const to = ({ destination }: Delivery): string => (destination.kind === 'email' ? destination.to : '');
const stateOf = (deliveries: readonly Delivery[]) =>
  Object.fromEntries(deliveries.map((one) => [to(one), one.error?.code ?? one.state]));

test('who unsubscribes with one click gets no more of that job; the others do, and an operator can undo it', async () => {
  await using peer = await startPeerSmtp();
  const { privateKey, publicKey } = dkimPair();
  const keyFile = { path: '' };
  await using api = await startApiServer({
    jobs: { 'weekly.ts': JOB },
    env: {
      SMTP_URL: peer.url,
      BELLHOP_MAIL_FROM: 'Bell <bell@example.org>',
      BELLHOP_PUBLIC_URL: 'https://bell.example.com',
      BELLHOP_DKIM_DOMAIN: 'example.org',
      BELLHOP_DKIM_SELECTOR: 'bell',
      BELLHOP_DKIM_KEY_FILE: 'dkim.pem',
    },
    prepare: (home) => {
      keyFile.path = join(home, 'dkim.pem');
      return writeFile(keyFile.path, privateKey.export({ type: 'pkcs8', format: 'pem' }));
    },
  });
  expect(stateOf(await mailed(api))).toEqual({ 'ana@example.com': 'delivered', 'bo@example.com': 'delivered' });
  const raw = peer.mails.find((mail) => mail.to.includes('ana@example.com'))?.raw ?? Buffer.alloc(0);
  expect(checkDkim(raw, publicKey)).toMatchObject({ body: 'same', headers: 'same' });
  const link = /<(https:[^>]+)>/.exec(mimeTree(raw).headers.get('list-unsubscribe') ?? '')?.[1] ?? '';
  const { search } = new URL(link);

  expect((await fetch(`${api.url}/unsubscribe${search}`)).status).toBe(200);
  expect(stateOf(await mailed(api))).toMatchObject({ 'ana@example.com': 'delivered' });
  const form = new URLSearchParams({ 'List-Unsubscribe': 'One-Click' });
  expect((await fetch(`${api.url}/unsubscribe${search}`, { method: 'POST', body: form })).status).toBe(200);
  expect(stateOf(await mailed(api))).toEqual({ 'ana@example.com': 'MAIL_SUPPRESSED', 'bo@example.com': 'delivered' });
  expect(api.log()).not.toContain(search.slice(3));

  const { subscriptions, operator } = api.server.bellhop;
  await subscriptions.allow('ana@example.com', operator);
  expect(stateOf(await mailed(api))).toMatchObject({ 'ana@example.com': 'delivered' });
});
