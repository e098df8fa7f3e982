import { WebClient } from '@slack/web-api';
import { toBodies } from '../../src/delivery/slack/body.ts';
import { createSlackTransport } from '../../src/delivery/slack/transport.ts';
import { createWorkspace } from '../../src/playground/workspace.ts';
import type { Workspace, WorkspaceOptions } from '../../src/playground/workspace.ts';
import type { SlackPart } from '../../src/render/slack/message.ts';
import type { Delivery } from '../../src/store/records.ts';
import { outboxBench } from './delivery-outbox.ts';
import type { Bench } from './delivery-outbox.ts';
import { quietLogger } from './peer-logger.ts';
import { uploadsOf } from './slack-uploads.ts';

export interface SlackRig {
  bench: Bench;
  workspace: Workspace;
  /** Lets time pass until the delivery is final (or the guard trips), through the real WebClient. */
  settled(runId: string, n?: number): Promise<Delivery>;
}

/**
 * The outbox, the Slack transport and the real WebClient against the fake workspace, on one manual clock. `parts` are sent instead of
 * what the report would be.
 */
export function slackRig(options: { parts?: SlackPart[]; workspace?: WorkspaceOptions } = {}): SlackRig {
  const made: { workspace?: Workspace } = {};
  const bench = outboxBench((clock) => {
    const workspace = createWorkspace({ clock }, options.workspace);
    made.workspace = workspace;
    const client = new WebClient(workspace.token, {
      fetch: workspace.fetch,
      retryConfig: { retries: 0 },
      rejectRateLimitedCalls: true,
      timeout: 300,
      logger: quietLogger,
    });
    const transport = createSlackTransport({ client, clock, uploads: uploadsOf(workspace) });
    const { parts } = options;
    if (parts === undefined) return { slack: transport };
    return { slack: { ...transport, prepare: () => parts.flatMap(toBodies) } };
  });
  const { workspace } = made;
  if (workspace === undefined) throw new Error('no workspace');
  return {
    bench,
    workspace,
    async settled(runId, n = 0) {
      const end = performance.now() + 20_000;
      for (;;) {
        await bench.clock.advance(200);
        const delivery = (await bench.deliveries(runId))[n];
        if (delivery !== undefined && ['delivered', 'failed', 'unknown'].includes(delivery.state)) return delivery;
        if (performance.now() > end) throw new Error(`still ${delivery?.state}: ${JSON.stringify(delivery?.error)}`);
      }
    },
  };
}
