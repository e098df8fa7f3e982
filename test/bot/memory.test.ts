import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { drawMessage } from '../../src/playground/draw.ts';
import type { Message } from '../../src/playground/state.ts';
import { renderSlackReport } from '../../src/render/slack/report.ts';
import { checkMessage } from '../../src/render/slack/check.ts';
import { MemoryEntry } from '../../src/store/memory-records.ts';
import type { Run } from '../../src/store/records.ts';
import { clickAdvice } from '../../src/bot/commands/memory.ts';
import { createMemory } from '../../src/runner/memory.ts';
import { emptyMemoryView } from '../../src/bot/views/memory.ts';
import { makeReport } from '../support/delivery-report.ts';
import { createHouse, saidIn, type House } from '../support/house.ts';
import { adviceKey, AGENT, reporter, type Told } from '../support/memory-rows.ts';
import { messagesOf } from '../support/slack-blocks.ts';

let house: House;
let report: (told: Told) => Promise<Run>;
beforeEach(async () => {
  house = await createHouse();
  report = reporter({ store: house.store, clock: systemClock });
});
afterEach(async () => {
  expect(house.workspace.violations).toEqual([]);
  await house[Symbol.asyncDispose]();
});

/** Posts the report of the run as the bot would, and answers its message. */
async function post(run: Run): Promise<Message> {
  const items = [{ title: 'Reorder product 1', advice: { runId: run.id, key: adviceKey(1) } }];
  const parts = renderSlackReport(makeReport({ sections: [{ kind: 'actions', items }] }), { run });
  const [message] = messagesOf(parts);
  const body = JSON.stringify({ channel: 'C0GENERAL', text: message?.text, blocks: message?.blocks });
  await house.workspace.fetch('https://slack.com/api/chat.postMessage', {
    method: 'POST',
    headers: { authorization: `Bearer ${house.workspace.token}`, 'content-type': 'application/json' },
    body,
  });
  const posted = house.workspace.messages('#general').at(-1);
  if (posted === undefined) throw new Error('nothing was posted');
  return posted;
}

/** Clicks and answers what only that person then sees. */
async function click(message: Message, actionId: string, user = 'U0ANA'): Promise<Message> {
  const before = seen(user);
  const ack = await house.workspace.click({ user, channel: '#general', ts: message.ts, actionId });
  expect(ack.ok).toBe(true);
  await expect.poll(() => seen(user)).not.toBe(before);
  const answer = house.workspace.ephemerals(user).at(-1);
  if (answer === undefined) throw new Error('no answer');
  return answer;
}
const seen = (user: string): string =>
  house.workspace
    .ephemerals(user)
    .map(({ ts, revision }) => `${ts}/${revision}`)
    .join();

const rowOf = async (run: Run) => {
  const doc = await house.store.getDoc('memory', `${run.job}.${run.id}`);
  return MemoryEntry.parse(doc?.value).advice[0];
};

describe('the buttons of a report', () => {
  test('done is noted with who said it, answered to that person alone, and the report stays as it is', async () => {
    const run = await report({ advice: [1] });
    const message = await post(run);
    const before = structuredClone(message.blocks);
    const answer = await click(message, 'advice:done', 'U0BEN');
    expect(answer.text).toBe('Reorder product 1 is noted as done. The next report says what became of it.');
    expect(answer.ephemeralFor).toBe('U0BEN');
    expect(house.workspace.messages('#general').at(-1)?.blocks).toEqual(before);
    expect(await rowOf(run)).toMatchObject({ status: 'done', by: { kind: 'slack', id: 'U0BEN', name: 'ben' } });
  });

  test('what was noted is taken back with Undo, in place of the answer', async () => {
    const run = await report({ advice: [1] });
    const answer = await click(await post(run), 'advice:never');
    expect(answer.text).toContain('is not recommended again');
    expect(drawMessage(answer)).toContain('[ Undo ]');
    const undone = await click(answer, 'advice:open');
    expect(undone.ts).toBe(answer.ts);
    expect(undone.text).toContain('is open again');
    expect(await rowOf(run)).toMatchObject({ status: 'open' });
  });

  test('the second to say the same is told who said it', async () => {
    const run = await report({ advice: [1] });
    const message = await post(run);
    await click(message, 'advice:later');
    expect((await click(message, 'advice:later', 'U0BEN')).text).toMatch(
      /already put off by ana until \d{4}-\d\d-\d\d/,
    );
    expect((await click(message, 'advice:done', 'U0BEN')).text).toContain('noted as done');
  });

  test('a click on the report of a deleted run says that it was deleted', async () => {
    const run = await report({ advice: [1] });
    const message = await post(run);
    await house.store.remove(run.id, run.actor);
    expect((await click(message, 'advice:done')).text).toContain('That report was deleted');
  });

  test('a request that comes again after it was taken back does not do it again', async () => {
    const run = await report({ advice: [1] });
    const memory = createMemory({ store: house.store, clock: systemClock });
    const seenKeys = new Set<string>();
    const remember = (key: string) => Promise.resolve(seenKeys.has(key) ? false : Boolean(seenKeys.add(key)));
    const say = (actionId: string, key: string) =>
      clickAdvice(
        { memory, remember, runner: house.runner },
        { actor: run.actor, origin: undefined, key },
        {
          actionId,
          value: `${run.id}|${adviceKey(1)}`,
        },
      );
    expect((await say('advice:done', 'a'))?.text).toContain('noted as done');
    expect((await say('advice:open', 'b'))?.text).toContain('is open again');
    expect((await say('advice:done', 'a'))?.text).toContain('already carried out');
    expect(await rowOf(run)).toMatchObject({ status: 'open' });
  });

  test.each(['', '|', 'run_1|x', `run_${'0'.repeat(26)}|../../x`, '<!channel>|000000000001'])(
    'a value that no button of ours has changes nothing: %j',
    async (value) => {
      const memory = createMemory({ store: house.store, clock: systemClock });
      const deps = { memory, remember: () => Promise.resolve(true), runner: house.runner };
      const asked = { actor: { kind: 'slack', id: 'U0ANA' }, origin: undefined, key: 'a' } as const;
      const answer = await clickAdvice(deps, asked, { actionId: 'advice:done', value });
      expect(answer?.text).toContain('This button is from another time.');
    },
  );

  test('two clicks at the same moment are one act', async () => {
    const run = await report({ advice: [1] });
    const message = await post(run);
    const at = { user: 'U0ANA', channel: '#general', ts: message.ts } as const;
    await Promise.all([
      house.workspace.click({ ...at, actionId: 'advice:done' }),
      house.workspace.click({ ...at, actionId: 'advice:done' }),
    ]);
    await expect.poll(() => house.workspace.ephemerals('U0ANA').length).toBe(2);
    expect(
      house.workspace
        .ephemerals('U0ANA')
        .map(({ text }) => text.includes('already'))
        .sort(),
    ).toEqual([false, true]);
  });
});

describe('/jobs memory', () => {
  test('shows what is open with its buttons, and then what became of the rest', async () => {
    const first = await report({ advice: [1, 2, 3] });
    await click(await post(first), 'advice:done');
    await report({ advice: [2] });
    const answer = await house.type(`memory ${AGENT}`);
    expect(answer.text).toBe('weekly-merchandising: 2 open, 1 done');
    const drawn = drawMessage(answer);
    expect(drawn).toMatch(/Reorder product 2[^]*rested on Stock 2[^]*\[ Done \] \[ Not now \] \[ Never \]/);
    expect(drawn).toMatch(/1 done[^]*Reorder product 1 – done by ana/);
  });

  test('a click in the list is answered by the list as it then stands', async () => {
    const run = await report({ advice: [1, 2] });
    const list = await house.type(`memory ${AGENT}`);
    const after = await click(list, 'advice:done');
    expect(after.ts).toBe(list.ts);
    expect(after.text).toContain('is noted as done');
    expect(after.text).toContain('1 open, 1 done');
    expect(await rowOf(run)).toMatchObject({ status: 'done' });
  });

  test('a job without advice, one that is no agent, and one that is unknown each say so', async () => {
    expect(saidIn(await house.type('memory fate'))).toContain('fate is no agent');
    expect(saidIn(await house.type('memory faet'))).toContain('Did you mean `fate`?');
    expect(saidIn(await house.type('memory'))).toContain('No job here is an agent');
    expect(emptyMemoryView('weekly-merchandising', true).text).toBe(
      '`weekly-merchandising` has recommended nothing yet.',
    );
  });

  test('of an agent that is loaded says that it has recommended nothing yet, and then what it did', async () => {
    const agent = `import { agentJob } from 'bellhop';
export default agentJob({ name: 'shelf', description: 'Says what is on the shelf.', prompt: './shelf.md', tools: [], analyse: () => ({}) });
`;
    await house[Symbol.asyncDispose]();
    house = await createHouse({ 'shelf.ts': agent, 'shelf.md': 'Say what is on the shelf.' });
    expect(saidIn(await house.type('memory'))).toContain('Try `/jobs memory shelf`.');
    expect(saidIn(await house.type('memory shelf'))).toContain('`shelf` has recommended nothing yet.');
    const tell = reporter({ store: house.store, clock: systemClock });
    await tell({ job: 'shelf', advice: [1, 2] });
    await tell({ job: 'shelf', advice: [2, 3] });
    const list = await house.type('memory shelf');
    expect(list.text).toBe('shelf: 3 open');
    const later = await click(list, 'advice:later');
    expect(later.text).toMatch(/2 open, 1 dismissed/);
    expect(saidIn(later)).toContain('Reorder product 2 – put off by ana until');
  });

  test('two hundred and fifty rows with hostile titles fit a message that says what it leaves out', async () => {
    const evil = (n: number): string => `<!channel> *${n}* ${'&'.repeat(100)}`;
    for (let from = 0; from < 260; from += 20) {
      const advice = Array.from({ length: 20 }, (_, n) => from + n + 1);
      await report({ advice, titleOf: evil });
    }
    const answer = await house.type(`memory ${AGENT}`);
    expect(checkMessage(answer)).toEqual([]);
    // Heard, never parsed.
    const parsed = JSON.stringify(answer.blocks, (key, value: unknown) => (key === 'accessibility_label' ? '' : value));
    expect(parsed).not.toContain('<!channel>');
    expect(saidIn(answer)).toContain('and 190 more are open');
    expect(saidIn(answer)).toContain('These are the newest 200');
  });
});
