import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { WebClient } from '@slack/web-api';
import { createEmailTransport } from '../../src/delivery/email/transport.ts';
import { createFileTransport } from '../../src/delivery/file.ts';
import { createSlackTransport } from '../../src/delivery/slack/transport.ts';
import { createWorkspace } from '../../src/playground/workspace.ts';
import { describeTransport } from '../contract/transport.ts';
import { manualClock } from '../support/clock.ts';
import { mailDeps } from '../support/delivery-mail.ts';
import { quietLogger } from '../support/peer-logger.ts';
import { uploadsOf } from '../support/slack-uploads.ts';
import { startPeerSmtp } from '../support/peer-smtp.ts';

describeTransport('Slack', async () => {
  const clock = manualClock();
  const workspace = createWorkspace({ clock }, { rates: 'off' });
  const client = new WebClient(workspace.token, {
    fetch: workspace.fetch,
    retryConfig: { retries: 0 },
    rejectRateLimitedCalls: true,
    timeout: 2_000,
    logger: quietLogger,
  });
  const fail = (error: string): Promise<void> => {
    workspace.faults.add({ method: 'chat.postMessage', fault: { kind: 'error', error } });
    return Promise.resolve();
  };
  return {
    transport: createSlackTransport({ client, clock, uploads: uploadsOf(workspace) }),
    destination: { kind: 'slack', channel: 'C0REPORTS' },
    arrived: async () =>
      workspace.messages('reports').map(({ text, blocks }) => {
        const own = blocks.filter((block) => !JSON.stringify(block).includes('sent again after an interruption'));
        return JSON.stringify({ text, blocks: own.map(({ block_id: _id, ...block }) => block) });
      }),
    refuse: () => fail('token_revoked'),
    refuseForNow: () => fail('ratelimited'),
    loseAnswer: async () => workspace.faults.add({ method: 'chat.postMessage', fault: { kind: 'drop_after' } }),
    names: (receipt) => receipt.kind === 'slack' && receipt.ts === workspace.messages('reports')[0]?.ts,
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
});

describeTransport('mail', async () => {
  const peer = await startPeerSmtp();
  return {
    transport: createEmailTransport(mailDeps(peer.port)),
    destination: { kind: 'email', to: 'ana@example.com' },
    arrived: async () => peer.mails.map((mail) => mail.raw.toString()),
    refuse: async () => peer.fail({ at: 'rcpt', code: 550 }),
    refuseForNow: async () => peer.fail({ at: 'rcpt', code: 451 }),
    names: (receipt) =>
      receipt.kind === 'email' && peer.mails[0]?.raw.toString().includes(`Message-ID: ${receipt.messageId}`) === true,
    [Symbol.asyncDispose]: () => peer.stop(),
  };
});

describeTransport('file', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'bellhop-transport-'));
  const path = join(dir, '{run}.html');
  const files = async (): Promise<string[]> => (await readdir(dir)).filter((name) => name.endsWith('.html'));
  return {
    transport: createFileTransport({
      reportsDir: dir,
      clock: manualClock(),
      readFile: () => Promise.resolve(Buffer.of()),
    }),
    destination: { kind: 'file', path },
    arrived: async () => Promise.all((await files()).map((name) => readFile(join(dir, name), 'utf8'))).catch(() => []),
    refuse: async () => {
      // A folder stands where the file should be.
      await mkdir(join(dir, 'run_01k9zzzzzzzzzzzzzzzzzzzz8d.html'));
      await writeFile(join(dir, 'run_01k9zzzzzzzzzzzzzzzzzzzz8d.html', 'x'), '');
    },
    names: (receipt) => receipt.kind === 'file' && receipt.path.startsWith(dir) && receipt.sha256.length === 64,
    [Symbol.asyncDispose]: () => rm(dir, { recursive: true, force: true }),
  };
});
