/** A report that a place wants only when it changes, through the spawned server and a fake Slack. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { saidIn } from '../support/house.ts';
import type { PeerServer } from '../support/peer-server.ts';
import { waitFor } from '../support/peer-wait.ts';
import { setStage, type Stage } from '../support/stage.ts';

const JOB = `
import { defineJob } from 'bellhop';
import { z } from 'zod';
export default defineJob({
  name: 'stock',
  description: 'What is in stock',
  input: z.object({ boxes: z.number().int().default(3) }),
  destinations: ['#general?onlyIf=changed'],
  run({ boxes }, ctx) {
    ctx.attach({ name: 'stock.csv', content: 'boxes\\n' + boxes + '\\n' });
    return {
      title: 'Stock', summary: 'There are ' + boxes + ' boxes.', generatedAt: new Date().toISOString(),
      sections: [{ kind: 'markdown', markdown: 'Counted.' }],
    };
  },
});
`;

let stage: Stage;
let server: PeerServer;
beforeAll(async () => {
  stage = await setStage({ 'stock.ts': JOB });
  server = await stage.serve();
});
afterAll(async () => {
  await server.stop();
  await stage[Symbol.asyncDispose]();
});

const posts = (): number =>
  stage.workspace.messages('#general').filter((post) => saidIn(post).includes('boxes')).length;
const cards = (): string[] => stage.workspace.messages('#reports').map(saidIn);

test('the same report twice is posted once, and the second run says why; another report is posted again', async () => {
  await stage.type('run stock');
  await waitFor('the first card to show its receipt', () => cards()[0]?.includes('delivered'));
  expect(posts()).toBe(1);
  await stage.type('run stock');
  await waitFor('the second card to say why', () => cards()[1]?.includes('not sent (nothing has changed since run'));
  expect(posts()).toBe(1);
  expect(saidIn(await stage.type('show last'))).toContain('not sent (nothing has changed since run');
  await stage.type('run stock boxes=4');
  await waitFor('the third card to show its receipt', () => cards()[2]?.includes('delivered'));
  expect(posts()).toBe(2);
});
