import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { createMailbox, type Mailbox } from '../../src/playground/mailbox.ts';
import { readMail } from '../../src/playground/mail-view.ts';
import type { Message } from '../../src/playground/state.ts';
import { saidIn } from '../support/house.ts';
import type { PeerServer } from '../support/peer-server.ts';
import { waitFor } from '../support/peer-wait.ts';
import { setStage, type Stage } from '../support/stage.ts';

const BIN = resolve(import.meta.dirname, '../../bin/bellhop.js');

const JOB = `
import { defineJob } from 'bellhop';
import { z } from 'zod';
export default defineJob({
  name: 'weekly',
  description: 'The weekly report',
  input: z.object({ fate: z.enum(['complete', 'wait']).default('complete') }),
  destinations: ['origin', 'ana@example.com'],
  async run({ fate }, ctx) {
    await ctx.step('count', () => undefined);
    if (fate === 'wait') await new Promise((resolve) => ctx.signal.addEventListener('abort', resolve, { once: true }));
    return {
      title: 'Weekly report', summary: 'All is well.',
      sections: [
        { kind: 'figures', figures: [{ label: 'Runs', value: 3, display: '3' }] },
        { kind: 'markdown', title: 'Detail', priority: 'detail', markdown: 'A <!channel> line.' },
      ],
    };
  },
});
`;

let stage: Stage;
let mailbox: Mailbox;
let server: PeerServer;

beforeAll(async () => {
  stage = await setStage({ 'weekly.ts': JOB, 'echo.yml': 'name: echo\ndescription: Says hi\ncommand: [echo, hi]\n' });
  mailbox = createMailbox({ clock: systemClock });
  await mailbox.start();
  server = await stage.serve({ env: { SMTP_URL: mailbox.url, BELLHOP_MAIL_FROM: 'Bell <bell@example.com>' } });
});
afterAll(async () => {
  await server.stop();
  await mailbox.stop();
  await stage[Symbol.asyncDispose]();
});

const channel = (): Message[] => stage.workspace.messages('#reports');
const card = (): Message | undefined =>
  channel().find((message) => JSON.stringify(message.blocks).includes('"actions"'));
const reports = (): Message[] =>
  channel().filter((message) => JSON.stringify(message.blocks).includes('Weekly report'));

async function cli(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const env = { ...process.env, BELLHOP_DATA_DIR: server.dataDir, BELLHOP_JOBS_DIR: stage.folder };
  try {
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [BIN, ...args], { cwd: stage.folder, env });
    return { code: 0, stdout, stderr };
  } catch (error) {
    const failed = error as { code: number; stdout: string; stderr: string }; // what execFile rejects with
    return { code: failed.code, stdout: failed.stdout, stderr: failed.stderr };
  }
}
async function lastRun(): Promise<{ run: Record<string, unknown>; deliveries: Record<string, unknown>[] }> {
  const shown = await cli('runs', 'list', '--json');
  const [newest] = (JSON.parse(shown.stdout) as { items: { id: string }[] }).items; // our own answer
  return JSON.parse((await cli('runs', 'show', newest?.id ?? '', '--json')).stdout) as Awaited<
    ReturnType<typeof lastRun>
  >;
}

describe('the server, spawned, over real HTTP', () => {
  test('a signed /jobs run gives one card that is edited, one report with its thread, one mail, and two receipts', async () => {
    const answer = await stage.type('run weekly');
    expect(answer.text).toContain('Queued `weekly`');
    await waitFor('the card to show both receipts', () => card()?.text.match(/delivered/g)?.length === 2);
    expect(channel()).toHaveLength(2);
    expect(card()?.revision).toBeGreaterThan(1);
    expect(reports()).toHaveLength(1);
    const [headline] = reports();
    expect(stage.workspace.thread('#reports', headline?.ts ?? '')).toHaveLength(2);
    expect(mailbox.mails).toHaveLength(1);
    const mail = readMail(mailbox.mails[0]?.raw ?? Buffer.alloc(0));
    expect(mail).toMatchObject({ to: 'ana@example.com', from: 'Bell <bell@example.com>' });
    expect(mail.text).toContain('All is well.');
    const { deliveries } = await lastRun();
    const receipts = deliveries.filter(({ mode }) => mode === 'report').map(({ parts }) => JSON.stringify(parts));
    expect(receipts).toHaveLength(2);
    expect(receipts[0]).toContain(`"ts":"${headline?.ts}"`);
    expect(receipts[1]).toContain(mail.messageId);
    expect(stage.workspace.violations).toEqual([]);
  });

  test('list, show, retry, cancel and delete go through the same door', async () => {
    expect(saidIn(await stage.type('list'))).toContain('weekly');
    expect(saidIn(await stage.type('show last'))).toContain('receipt');
    await stage.type('retry last');
    await waitFor('the second report', () => reports().length === 2);
    await stage.type('run weekly fate=wait');
    expect(saidIn(await stage.type('cancel last'))).toContain('Cancelled');
    const question = await stage.type('delete last');
    await stage.workspace.click({ user: 'U0ANA', channel: '#reports', ts: question.ts, actionId: 'bellhop_delete' });
    expect(saidIn(await stage.type('list cancelled'))).toContain('No run fits.');
  });

  test('the command line beside it speaks to it, and its exit code follows run and deliveries', async () => {
    const ran = await cli('run', 'weekly');
    expect(ran).toMatchObject({ code: 0 });
    expect(ran.stdout).toContain('Weekly report');
    expect(ran.stderr).toContain('queued on the server');
    expect((await cli('jobs')).stdout).toContain('echo');
    expect((await cli('runs')).stdout).toContain('completed');
    expect(await cli('run', 'wekly')).toMatchObject({ code: 64 });
    expect((await cli('run', 'weekly', 'fate=other')).stderr).toContain('fate');
    expect((await cli('runs', 'show', 'last')).stderr).toContain('receipt');
  });

  test('backup copies the folder while the server works, and the copy is a data folder', async () => {
    const copy = join(stage.folder, 'copy');
    expect(await cli('backup', copy)).toMatchObject({ code: 0 });
    const before = (await cli('runs')).stdout;
    const env = { ...process.env, BELLHOP_DATA_DIR: copy, BELLHOP_JOBS_DIR: stage.folder };
    const { stdout } = await promisify(execFile)(process.execPath, [BIN, 'runs'], { cwd: stage.folder, env });
    expect(stdout).toBe(before);
    expect((await cli('backup', copy)).code).toBe(64);
    expect((await cli('backup')).code).toBe(64);
  });

  test('a second server on the folder is refused at once and told who holds it', async () => {
    const second = await cli('start');
    expect(second.code).toBe(69);
    expect(second.stderr).toContain(String(server.pid));
  });

  test('health routes answer; nothing else does without a token', async () => {
    expect(await (await fetch(`${server.url}/healthz`)).text()).toBe('ok');
    expect(await (await fetch(`${server.url}/readyz`)).text()).toBe('ready');
    expect((await fetch(`${server.url}/v1/runs`)).status).toBe(500);
    expect((await fetch(`${server.url}/slack/events`)).status).toBe(404);
    expect((await fetch(server.slackUrl, { method: 'POST', body: 'command=/jobs' })).status).toBe(401);
  });

  test('a job dropped into the folder is callable without a restart', async () => {
    const { writeFile } = await import('node:fs/promises');
    await writeFile(join(stage.folder, 'fresh.yml'), 'name: fresh\ndescription: New\ncommand: [echo, fresh]\n');
    await waitFor('the new job', async () => saidIn(await stage.type('run fresh')).includes('Queued'));
  });

  test('no secret stands in the log or in the data folder', async () => {
    const { readdir } = await import('node:fs/promises');
    const names = await readdir(server.dataDir, { recursive: true, withFileTypes: true });
    const files = names.filter((name) => name.isFile()).map((name) => join(name.parentPath, name.name));
    // A run may be under way: a temporary file that was renamed meanwhile is read under its name.
    const texts = await Promise.all(files.map((file) => readFile(file, 'latin1').catch(() => '')));
    expect(texts.filter((text) => text !== '').length).toBeGreaterThan(5);
    for (const secret of [stage.workspace.token, 'a-signing-secret-of-the-tests']) {
      expect(texts.some((text) => text.includes(secret))).toBe(false);
      expect(server.output()).not.toContain(secret);
    }
  });
});

describe('stopping and starting', () => {
  test('SIGTERM lets running runs end, hands the rest back, and exits 0; they go on after the next start', async () => {
    await using own = await setStage({ 'weekly.ts': JOB });
    const first = await own.serve({ env: { BELLHOP_SHUTDOWN_MS: '100' } });
    await own.type('run weekly fate=wait');
    await waitFor('the run to start', async () =>
      JSON.stringify((await own.type('list running')).blocks).includes('weekly'),
    );
    expect(await first.stop()).toEqual({ code: 0, signal: null });
    const second = await own.serve();
    await waitFor('the run to go on', async () =>
      JSON.stringify((await own.type('list running')).blocks).includes('weekly'),
    );
    await own.type('cancel last');
    await second.stop();
  });

  test('a second SIGTERM, later than an echo of the first, exits at once', async () => {
    await using own = await setStage({ 'weekly.ts': JOB });
    const first = await own.serve({ env: { BELLHOP_SHUTDOWN_MS: '600000' } });
    await own.type('run weekly fate=wait');
    await waitFor('the run to start', async () =>
      JSON.stringify((await own.type('list running')).blocks).includes('weekly'),
    );
    first.signal('SIGTERM');
    await waitFor('the drain to begin', () => first.logs.some((line) => line['message'] === 'draining'));
    let gone = false;
    void first.exited.then(() => (gone = true));
    // The first ones may still be the echo of one signal; a later one is a second.
    await waitFor('the exit', () => (first.signal('SIGTERM'), gone));
    expect(await first.exited).toEqual({ code: 70, signal: null });
    await first.stop();
  });

  test('Slack away at the start means degraded, and commands are answered all the same', async () => {
    await using own = await setStage({ 'weekly.ts': JOB });
    own.workspace.faults.add({ method: 'auth.test', fault: { kind: 'drop_before' } });
    const alone = await own.serve();
    expect(await (await fetch(`${alone.url}/readyz`)).text()).toBe('degraded');
    expect(saidIn(await own.type('list'))).toContain('weekly');
    own.workspace.faults.clear();
    await waitFor('Slack to be back', async () => (await (await fetch(`${alone.url}/readyz`)).text()) === 'ready');
    await alone.stop();
  });

  test('a wrong configuration is one answer with every problem and exits 78', async () => {
    const env = { PATH: process.env['PATH'] ?? '', PORT: 'x', SLACK_BOT_TOKN: 'y', SLACK_BOT_TOKEN: 'xoxp-1' };
    const started = promisify(execFile)(process.execPath, [BIN, 'start'], { cwd: stage.folder, env });
    await expect(started).rejects.toMatchObject({
      code: 78,
      stderr: expect.stringMatching(/3 problems[\s\S]*PORT/) as string,
    });
  });
});
