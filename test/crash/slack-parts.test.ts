import { describe, expect, test } from 'vitest';
import { createRemoteGateway } from '../../src/cli/remote.ts';
import { join } from 'node:path';
import type { Message } from '../../src/playground/state.ts';
import { DELIVERY_FINAL, type Delivery } from '../../src/store/records.ts';
import { waitFor } from '../support/peer-wait.ts';
import { setStage, type Stage } from '../support/stage.ts';

const TRIALS = [1, 2, 3];
/** A report of a headline and at least two messages in its thread, and a file. */
const JOB = `
import { defineJob } from 'bellhop';
import { z } from 'zod';
const words = (name) => Array.from({ length: 700 }, (_, n) => name + n).join(' ');
export default defineJob({
  name: 'long',
  description: 'Makes a long report',
  input: z.object({}),
  destinations: [{ kind: 'slack', channel: '#reports', attach: ['json'] }],
  async run() {
    return {
      title: 'A long report',
      summary: 'It has several parts.',
      sections: ['alpha', 'beta', 'gamma', 'delta'].map((name) => ({ kind: 'markdown', priority: 'detail', markdown: words(name) })),
    };
  },
});
`;

async function reportDelivery(stage: Stage): Promise<Delivery | undefined> {
  await using gateway = createRemoteGateway(join(stage.dataDir, 'bellhop.sock'));
  const { items } = await gateway.list({ limit: 10 });
  const views = await Promise.all(items.map(({ id }) => gateway.find(id)));
  const deliveries = views.flatMap((view) => (view.outcome === 'found' ? view.deliveries : []));
  return deliveries.find(({ mode }) => mode === 'report');
}

/** Everything that the bot posted under the report, and the report. */
function posts(stage: Stage): Message[] {
  const root = stage.workspace.messages('#reports').find(({ text }) => text.startsWith('A long report'));
  return root === undefined ? [] : stage.workspace.thread('#reports', root.ts);
}

async function trial(
  dies: (post: Message, so: Message[]) => boolean,
): Promise<{ stage: Message[]; delivery: Delivery }> {
  await using stage = await setStage({ 'long.ts': JOB });
  const first = await stage.serve();
  const stop = stage.workspace.on(({ type, message }) => {
    // The listener runs before the answer is written: Slack has accepted, and we have not read it.
    if (type === 'posted' && message !== undefined && dies(message, posts(stage))) process.kill(first.pid, 'SIGKILL');
  });
  await stage.type('run long');
  expect((await first.exited).signal).toBe('SIGKILL');
  stop();
  await using second = await stage.serve();
  const delivery = await waitFor('the delivery to end', async () => {
    const found = await reportDelivery(stage);
    return found !== undefined && DELIVERY_FINAL.includes(found.state) ? found : undefined;
  });
  await second.stop();
  expect(stage.workspace.violations.filter(({ rule }) => rule !== 'ack')).toEqual([]);
  return { stage: posts(stage), delivery };
}

describe.concurrent('a process killed with SIGKILL while it posts a report in parts', () => {
  test.each(TRIALS)('between the second and the third message posts the third, once (%i)', async () => {
    const { stage, delivery } = await trial((post, so) => post.threadTs !== undefined && so.length === 2);
    expect(delivery.state).toBe('delivered');
    const parts = stage.flatMap(({ metadata }) =>
      metadata === undefined ? [] : JSON.stringify(metadata['event_payload']),
    );
    expect(parts.length).toBeGreaterThanOrEqual(3);
    expect(new Set(parts).size).toBe(parts.length);
    expect(delivery.parts[1]?.receipt).toMatchObject({ found: true });
  });

  test.each(TRIALS)('when its files are shared and the answer is not read shares them once (%i)', async () => {
    const { stage, delivery } = await trial((post) => post.files.length > 0);
    expect(delivery.state).toBe('delivered');
    expect(stage.filter(({ files }) => files.length > 0)).toHaveLength(1);
    expect(delivery.parts.at(-1)?.receipt).toMatchObject({ found: true, files: [{}] });
  });
});
