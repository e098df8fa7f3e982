import { expect, test } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { signedRequest } from '../../src/playground/sign.ts';
import { SIGNING_SECRET, setStage } from '../support/stage.ts';

const JOB = `
import { defineJob } from 'bellhop';
export default defineJob({
  name: 'wait', description: 'Waits', retries: 0, concurrency: 5,
  run: (_, ctx) => new Promise((resolve) => ctx.signal.addEventListener('abort', resolve, { once: true })),
});`;

interface Captured {
  body: string;
  headers: Record<string, string>;
}

function capture(fields: Record<string, string>): Captured {
  const body = new URLSearchParams(fields).toString();
  const signed = signedRequest({ secret: SIGNING_SECRET, body, timestamp: Math.floor(systemClock.now() / 1000) });
  return { body, headers: { ...signed, 'content-type': 'application/x-www-form-urlencoded' } };
}
const command = (text: string): Captured =>
  capture({ command: '/jobs', text, user_id: 'U0ANA', user_name: 'ana', channel_id: 'C0REPORTS', trigger_id: text });

async function send(url: string, { body, headers }: Captured): Promise<string> {
  const answer = await fetch(url, { method: 'POST', body, headers });
  expect(answer.status).toBe(200);
  return await answer.text();
}

test('genuine bytes that are sent again after a crash change nothing: run, cancel and delete', async () => {
  await using stage = await setStage({ 'wait.ts': JOB });
  await using first = await stage.serve();
  const lines = (text: string): string[] => [...new Set(text.match(/`[0-9a-z]{6}`/g))];
  const run = command('run wait');
  const [id = ''] = /[0-9a-z]{6}(?=`\.)/.exec(await send(first.slackUrl, run)) ?? [];
  const cancel = command('cancel last');
  const [runId = ''] = /run_[0-9a-z]{26}/.exec(await send(first.slackUrl, cancel)) ?? [];
  expect(runId.endsWith(id)).toBe(true);
  const confirm = capture({
    payload: JSON.stringify({
      type: 'block_actions',
      user: { id: 'U0ANA', username: 'ana', team_id: 'T1' },
      team: { id: 'T1', domain: 'x' },
      container: { type: 'message', is_ephemeral: true },
      channel: { id: 'C0REPORTS' },
      actions: [{ type: 'button', action_id: 'bellhop_delete', block_id: 'b', value: `${runId}|cancelled` }],
    }),
  });
  await send(first.slackUrl, confirm);
  const later = command('run wait  ');
  await send(first.slackUrl, later);
  const list = await send(first.slackUrl, command('list job=wait'));
  expect(lines(list)).toHaveLength(1);
  await first.kill();

  await using second = await stage.serve();
  expect(await send(second.slackUrl, later)).toContain('was already asked for');
  expect(await send(second.slackUrl, run)).not.toContain('Queued');
  expect(await send(second.slackUrl, cancel)).toContain('already carried out');
  await send(second.slackUrl, confirm);
  expect(lines(await send(second.slackUrl, command('list job=wait ')))).toEqual(lines(list));
  expect(await send(second.slackUrl, command('list cancelled'))).toContain('No run fits.');
});
