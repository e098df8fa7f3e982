import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { drawCard } from '../../src/render/card.ts';
import { mayNotApproveView } from '../../src/bot/views/owners.ts';
import type { Run } from '../../src/store/records.ts';
import { createHouse, saidIn, type House } from '../support/house.ts';

const JOB = `
import { defineJob } from 'bellhop';
import { z } from 'zod';
export default defineJob({
  name: 'publish',
  description: 'Changes the shop',
  guards: { approval: 'required' },
  input: z.object({ what: z.string().default('prices') }),
  run: () => Promise.resolve('Published.'),
});
`;

let house: House;
beforeEach(async () => {
  house = await createHouse({ 'publish.ts': JOB });
});
afterEach(async () => {
  expect(house.workspace.violations).toEqual([]);
  await house[Symbol.asyncDispose]();
});

async function newest(): Promise<Run> {
  const { items } = await house.store.list({ limit: 1 });
  const run = await house.store.get(items[0]?.id ?? '');
  if (run === undefined) throw new Error('there is no run');
  return run;
}

/** Posts the card of the run and clicks one of its buttons. */
async function click(actionId: string, user: string): Promise<string> {
  const card = drawCard({ run: await newest(), deliveries: [] });
  await house.workspace.fetch('https://slack.com/api/chat.postMessage', {
    method: 'POST',
    headers: { authorization: `Bearer ${house.workspace.token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ channel: 'C0GENERAL', ...card }),
  });
  const posted = house.workspace.messages('#general').at(-1);
  const before = house.workspace.ephemerals(user).length;
  await house.workspace.click({ user, channel: '#general', ts: posted?.ts ?? '', actionId });
  await expect.poll(() => house.workspace.ephemerals(user).length).toBe(before + 1);
  return saidIn(house.workspace.ephemerals(user).at(-1) ?? { text: '', blocks: [] });
}

describe('a run that needs an approval', () => {
  test('waits, says so, and shows what would begin on its card', async () => {
    const answer = saidIn(await house.type('run publish what=<!channel>'));
    expect(answer).toContain('waits for an approval');
    const run = await newest();
    expect(answer).toContain(`/jobs approve ${run.id.slice(-6)}`);
    expect(run).toMatchObject({ state: 'waiting', attemptsUsed: 0 });
    const card = JSON.stringify(drawCard({ run, deliveries: [] }));
    expect(card).toContain('waiting for approval');
    expect(card).toMatch(/publish starts with \{\\+"what/);
    expect(card).not.toContain('bellhop_cancel');
  });

  test('runs when an owner approves it, by button or by command, and says who did', async () => {
    await house.type('run publish');
    expect(await click('bellhop_approve', 'U0BEN')).toContain('Approved `publish`');
    await expect.poll(async () => (await newest()).state).toBe('completed');
    expect(await newest()).toMatchObject({ approvedBy: { kind: 'slack', id: 'U0BEN' }, actor: { id: 'U0ANA' } });
    expect(JSON.stringify(drawCard({ run: await newest(), deliveries: [] }))).toContain('approved by ben');
    await house.type('run publish');
    const { id } = await newest();
    expect(saidIn(await house.type(`approve ${id.slice(-6)}`, 'U0BEN'))).toContain('Approved `publish`');
    expect(saidIn(await house.type(`approve ${id}`, 'U0BEN'))).toContain('was approved by ben');
  });

  test('does not run when an owner denies it', async () => {
    await house.type('run publish');
    expect(await click('bellhop_deny', 'U0BEN')).toContain('it does not run');
    expect(await newest()).toMatchObject({ state: 'cancelled', cancelledBy: { id: 'U0BEN' } });
    const { id } = await newest();
    expect(saidIn(await house.type(`deny ${id}`, 'U0BEN'))).toContain('was denied by ben');
    expect(saidIn(await house.type(`approve ${id}`, 'U0BEN'))).toContain('was denied by ben');
  });

  test('stays as it is when somebody else answers, who is told who may', async () => {
    await house.type('run publish');
    const { id } = await newest();
    const answers = [
      await click('bellhop_approve', 'U0ANA'),
      await click('bellhop_deny', 'U0ANA'),
      saidIn(await house.type(`approve ${id}`)),
      saidIn(await house.type(`deny ${id}`)),
    ];
    for (const answer of answers) expect(answer).toContain('Only <@U0BEN> may approve');
    expect(await newest()).toMatchObject({ state: 'waiting' });
  });

  test('deny does not stop a run that was approved meanwhile', async () => {
    await house.type('run publish');
    const card = await newest();
    await house.runner.approve(card.id, { kind: 'operator', id: 'root@host' });
    expect(saidIn(await house.type(`deny ${card.id}`, 'U0BEN'))).toContain('was approved by root@host');
    await expect.poll(async () => (await newest()).state).toBe('completed');
  });

  test('a retry of it waits again', async () => {
    await house.type('run publish');
    await house.type('approve last', 'U0BEN');
    const { id } = await newest();
    await house.runner.approve(id, { kind: 'operator', id: 'root@host' });
    await expect.poll(async () => (await newest()).state).toBe('completed');
    await house.type('retry last');
    expect(await newest()).toMatchObject({ state: 'waiting', retryOf: id });
  });

  test('where no owner is named, the answer says how one is', () => {
    expect(mayNotApproveView([]).text).toContain('BELLHOP_OWNERS');
    expect(mayNotApproveView(Array.from({ length: 12 }, (_, n) => `U0OWNER${n}`)).text).toContain('and 2 more');
  });
});
