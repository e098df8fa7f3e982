import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import type { PeerServer } from '../support/peer-server.ts';
import { waitFor } from '../support/peer-wait.ts';
import { setStage, type Stage } from '../support/stage.ts';

const TOKEN = 'Kanarien-Vogel-im-Bergwerk';
const job = (name: string, body: string, more = ''): string => `
import { defineJob, PermanentError } from 'bellhop';
export default defineJob({
  name: '${name}', description: 'By hand', destinations: ['file:${name}.md'],
  schedules: [{ when: '0 0 1 1 *' }], ${more}
  run(_input, ctx) { ${body} },
});
`;

let stage: Stage;
let server: PeerServer;
let ears: Server;
const heard: { url: string; body: string }[] = [];

beforeAll(async () => {
  ears = createServer((req, res) => {
    let body = '';
    req.on('data', (text: Buffer) => (body += String(text)));
    req.on('end', () => {
      heard.push({ url: req.url ?? '', body });
      res.end('OK');
    });
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => ears.once('listening', resolve));
  const { port } = ears.address() as AddressInfo; // a TCP server has an address object
  stage = await setStage({
    'fine.ts': job(
      'fine',
      "return 'Targets: ' + ctx.targets.join(' ');",
      "guards: { allowedHosts: ['*.shop.example'] },",
    ),
    'bad.ts': job('bad', `throw new PermanentError('refused with ${TOKEN}');`),
    'shut.ts': job('shut', "return 'x';", "guards: { enabledBy: 'SHUT_ON' },"),
  });
  server = await stage.serve({
    env: {
      INTERNAL_HEALTH_TOKEN: TOKEN,
      HC_FINE: `http://127.0.0.1:${port}/geheim-1`,
      HC_BAD: `http://127.0.0.1:${port}/geheim-2`,
      BASE_URLS: '["https://de.shop.example", "nonsense", "https://else.example"]',
      LOG_LEVEL: 'debug',
    },
  });
});
afterAll(async () => {
  await server.stop();
  await stage[Symbol.asyncDispose]();
  await new Promise((resolve) => ears.close(resolve));
});

async function call(path: string, token = TOKEN): Promise<{ status: number; body: Record<string, unknown> }> {
  const answer = await fetch(`${server.url}/__cron/run/${path}`, { headers: { 'x-internal-health': token } });
  return { status: answer.status, body: z.record(z.string(), z.unknown()).parse(await answer.json()) };
}
const pinged = (key: string): string[] =>
  heard.filter(({ url }) => url.startsWith(`/${key}`)).map(({ url }) => url.replace(/\?.*/, ''));

test('breaking the glass runs a schedule: pings at its start and end, its status, and no secret anywhere', async () => {
  expect((await call('fine', 'wrong')).status).toBe(403);
  expect((await call('fine')).status).toBe(202);
  expect((await call('bad')).status).toBe(202);
  expect(await call('shut')).toMatchObject({
    status: 409,
    body: { ok: false, error: 'shut is switched off: SHUT_ON is not 1.' },
  });
  await waitFor('both ends', () => pinged('geheim-1').length === 2 && pinged('geheim-2').length === 2);
  expect(pinged('geheim-1')).toEqual(['/geheim-1/start', '/geheim-1']);
  expect(pinged('geheim-2')).toEqual(['/geheim-2/start', '/geheim-2/fail']);
  const { body } = await call('status');
  const tasks = z.array(z.record(z.string(), z.unknown())).parse(body['tasks']);
  expect(tasks).toMatchObject([
    { kind: 'bad', ok: false, status: 'failed' },
    { kind: 'fine', ok: true, status: 'completed' },
  ]);
  for (const task of tasks) expect(Object.keys(task)).toEqual(['kind', 'ok', 'status', 'ms', 'at', 'host']);
  expect(JSON.stringify([heard, body])).not.toContain(TOKEN);
  expect(server.output()).toContain('entry 2');
  expect(server.output()).not.toMatch(/Kanarien-Vogel|geheim-/);
});
