import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../src/clock.ts';
import { createHttpDoor } from '../../src/playground/http-door.ts';
import type { Message } from '../../src/playground/state.ts';
import { createTwin } from '../../src/playground/twin.ts';
import { createWorkspace, type Workspace, type WorkspaceOptions } from '../../src/playground/workspace.ts';
import { startPeerServer, type PeerServer, type PeerServerOptions } from './peer-server.ts';

export const SIGNING_SECRET = 'a-signing-secret-of-the-tests';

/** A fake Slack on loopback, a data folder and a jobs folder outside the clone, and servers spawned over them. */
export interface Stage extends AsyncDisposable {
  workspace: Workspace;
  folder: string;
  dataDir: string;
  /** Spawns a server over the stage's folders and points the workspace at it. */
  serve(options?: Pick<PeerServerOptions, 'env' | 'entry' | 'jobsDir'>): Promise<PeerServer>;
  /** Ana types `/jobs TEXT` in #reports; throws when it is not acknowledged; answers what only she sees. */
  type(text: string): Promise<Message>;
}

export async function setStage(
  jobs: Record<string, string>,
  options: WorkspaceOptions = { rates: 'off' },
): Promise<Stage> {
  const folder = await mkdtemp(join(tmpdir(), 'bellhop-stage-'));
  for (const [name, text] of Object.entries(jobs)) await writeFile(join(folder, name), text);
  const workspace = createWorkspace({ clock: systemClock }, options);
  const twin = createTwin({ workspace });
  await twin.start();
  return {
    workspace,
    folder,
    dataDir: join(folder, 'data'),
    async serve(peer = {}) {
      const server = await startPeerServer({
        ...peer,
        dataDir: join(folder, 'data'),
        jobsDir: peer.jobsDir ?? folder,
        env: {
          SLACK_BOT_TOKEN: workspace.token,
          SLACK_SIGNING_SECRET: SIGNING_SECRET,
          SLACK_API_URL: twin.apiUrl,
          BELLHOP_PROBE_DELAY_MS: '0',
          ...peer.env,
        },
      });
      workspace.attach(createHttpDoor({ url: server.slackUrl, signingSecret: SIGNING_SECRET, clock: systemClock }));
      return server;
    },
    async type(text) {
      const ack = await workspace.slash({ user: 'U0ANA', channel: '#reports', text });
      if (!ack.ok) throw new Error(`/jobs ${text} was not acknowledged: ${ack.error ?? ack.status}`);
      const answer = workspace.ephemerals('U0ANA').at(-1);
      if (answer === undefined) throw new Error(`/jobs ${text} had no answer`);
      return answer;
    },
    async [Symbol.asyncDispose]() {
      await twin.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
