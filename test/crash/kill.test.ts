import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { createRemoteGateway } from '../../src/cli/remote.ts';
import { DELIVERY_FINAL, isFinal, type Delivery, type Run } from '../../src/store/records.ts';
import type { PeerServer } from '../support/peer-server.ts';
import { waitFor } from '../support/peer-wait.ts';
import { setStage, type Stage } from '../support/stage.ts';

const TRIALS = 5;
const ENTRY = [join(import.meta.dirname, '../support/crash.main.ts')];

const JOB = `
import { existsSync, writeFileSync } from 'node:fs';
import { defineJob } from 'bellhop';
import { z } from 'zod';
export default defineJob({
  name: 'fragile',
  description: 'Dies once where it is told to',
  input: z.object({ marker: z.string().optional() }),
  async run({ marker }) {
    if (marker !== undefined && !existsSync(marker)) {
      writeFileSync(marker, 'exec');
      process.kill(process.pid, 'SIGKILL');
      for (;;);
    }
    return '# Report\\n\\nIt was made.';
  },
});
`;

interface Trial {
  stage: Stage;
  marker: string;
  /** Types the command; true when it was acknowledged before the process died. */
  ask: (text?: string) => Promise<boolean>;
}

/** What the server on the folder says, asked as an operator would: over the socket. */
async function records(dataDir: string): Promise<{ runs: Run[]; deliveries: Delivery[] }> {
  await using gateway = createRemoteGateway(join(dataDir, 'bellhop.sock'));
  const { items } = await gateway.list({ limit: 200 });
  const views = await Promise.all(items.map(({ id }) => gateway.find(id)));
  const found = views.flatMap((view) => (view.outcome === 'found' ? [view] : []));
  return { runs: found.map(({ run }) => run), deliveries: found.flatMap(({ deliveries }) => deliveries) };
}

async function died(server: PeerServer): Promise<void> {
  expect((await server.exited).signal).toBe('SIGKILL');
}

/** Starts a healthy server over what the dead one left, waits until everything has ended, and audits it. */
async function recoverAndAudit(trial: Trial, acknowledged: boolean): Promise<void> {
  const { stage } = trial;
  const server = await stage.serve();
  try {
    const { runs } = await records(stage.dataDir);
    if (acknowledged) expect(runs, 'an acknowledged command was lost').toHaveLength(1);
    if (runs.length === 0) await stage.type('run fragile');
    await waitFor('run and deliveries to end', async () => {
      const now = await records(stage.dataDir);
      const ended = now.runs.length > 0 && now.runs.every((run) => isFinal(run.state));
      return ended && now.deliveries.every((delivery) => DELIVERY_FINAL.includes(delivery.state));
    });
  } finally {
    await server.stop();
  }
  // Asked of another process: what it says is what the folder holds.
  await using last = await stage.serve();
  const { runs, deliveries } = await records(stage.dataDir);
  await last.stop();
  expect(runs).toHaveLength(1);
  expect(runs[0]?.state).toBe('completed');
  expect(runs[0]?.attempts.filter((attempt) => attempt.end === 'completed')).toHaveLength(1);
  expect(deliveries.map((delivery) => delivery.state)).toEqual(['delivered', 'delivered']);
  auditPosts(stage, deliveries);
}

/** From the peer's side, not from our store: each delivery was posted once. The probe may look, so there is no excuse for a second. */
function auditPosts(stage: Stage, deliveries: Delivery[]): void {
  const posted = new Map<string, number>();
  for (const message of stage.workspace.messages('#reports')) {
    const key = JSON.stringify(message.metadata?.['event_payload']);
    posted.set(key, (posted.get(key) ?? 0) + 1);
  }
  expect([...posted.values()], 'a message was posted twice').toEqual(deliveries.map(() => 1));
  for (const delivery of deliveries) expect([...posted.keys()].join()).toContain(delivery.id);
  expect(stage.workspace.violations.filter(({ rule }) => rule !== 'ack')).toEqual([]);
}

async function trial(prepare: (trial: Trial) => Promise<{ server: PeerServer; acknowledged: boolean }>): Promise<void> {
  await using stage = await setStage({ 'fragile.ts': JOB });
  const marker = join(stage.folder, 'died');
  const ask = (text = 'run fragile'): Promise<boolean> =>
    stage.type(text).then(
      () => true,
      () => false,
    );
  const setting: Trial = { stage, marker, ask };
  const { server, acknowledged } = await prepare(setting);
  await died(server);
  await recoverAndAudit(setting, acknowledged);
}

const times = Array.from({ length: TRIALS }, (_, index) => index + 1);

describe.concurrent('a process killed with SIGKILL', () => {
  describe.each(['accept', 'stored', 'claim', 'before settle', 'settle', 'P0', 'P1', 'P3', 'P4'])('at %s', (point) => {
    test.each(times)('loses nothing that was acknowledged and repeats nothing (%i)', async () => {
      await trial(async ({ stage, marker, ask }) => {
        const server = await stage.serve({ entry: ENTRY, env: { CRASH_POINT: point, CRASH_MARKER: marker } });
        const acknowledged = await ask();
        if (point === 'accept' || point === 'stored') expect(acknowledged).toBe(false);
        return { server, acknowledged };
      });
    });
  });

  test.each(times)('right after the acknowledgement loses nothing (%i)', async () => {
    await trial(async ({ stage, ask }) => {
      const server = await stage.serve();
      const acknowledged = await ask();
      server.signal('SIGKILL');
      expect(acknowledged).toBe(true);
      return { server, acknowledged };
    });
  });

  test.each(times)('inside the job is claimed again as the next attempt (%i)', async () => {
    await trial(async ({ stage, marker, ask }) => {
      const server = await stage.serve();
      return { server, acknowledged: await ask(`run fragile marker=${marker}`) };
    });
  });

  test.each(times)(
    'at P2, when Slack has accepted the report and the answer was not read, finds the post instead of repeating it (%i)',
    async () => {
      await trial(async ({ stage, ask }) => {
        const server = await stage.serve();
        let posts = 0;
        stage.workspace.on(({ type, message }) => {
          // The card is the first post, the report the second; the listener runs before the answer is written.
          if (type === 'posted' && message?.metadata !== undefined && ++posts === 2)
            process.kill(server.pid, 'SIGKILL');
        });
        return { server, acknowledged: await ask() };
      });
    },
  );
});
