import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { checkMessage } from '../../src/render/slack/check.ts';
import { isFinal, type Run } from '../../src/store/records.ts';
import { createHouse, saidIn, type House } from '../support/house.ts';

let house: House;
beforeEach(async () => {
  house = await createHouse();
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
const ended = (): Promise<unknown> =>
  expect.poll(async () => isFinal((await newest()).state), { timeout: 5000 }).toBe(true);

describe('/jobs in Slack', () => {
  test('run stores the run with its card, its actor and its origin before it is answered', async () => {
    const answer = await house.type('run fate count=3 note="two words"');
    const run = await newest();
    expect(answer.text).toContain(`Queued \`fate\` as \`${run.id.slice(-6)}\``);
    expect(run).toMatchObject({
      job: 'fate',
      trigger: 'slack',
      actor: { kind: 'slack', id: 'U0ANA', name: 'ana' },
      input: { fate: 'complete', count: 3, note: 'two words' },
      origin: { kind: 'slack', channel: 'C0GENERAL' },
    });
    expect(run.deliveries[0]).toMatchObject({
      mode: 'live',
      destination: { channel: 'C0GENERAL' },
      fallbackUser: 'U0ANA',
    });
  });

  test('run without a job, with an unknown one, or with an input that does not fit says what would', async () => {
    expect(saidIn(await house.type('run'))).toContain('There are `fate`.');
    expect(saidIn(await house.type('run faet'))).toContain('Did you mean `fate`?');
    const wrong = saidIn(await house.type('run fate count=zero fate=maybe colour=red'));
    for (const path of ['count', 'fate', 'colour']) expect(wrong).toContain(`\`${path}\``);
    expect(saidIn(await house.type('run fate 7'))).toContain('“7” is not an input.');
    expect((await house.store.list({})).items).toEqual([]);
  });

  test('list shows jobs with their last run and recent runs under two headings, and runs only when filtered', async () => {
    expect(saidIn(await house.type('list'))).toContain('Nothing ran yet.');
    await house.type('run fate');
    await ended();
    const all = saidIn(await house.type('list'));
    expect(all).toContain('"Jobs"');
    expect(all).toContain('"Recent runs"');
    expect(all).toContain('completed');
    const failed = saidIn(await house.type('list failed'));
    expect(failed).toContain('No run fits.');
    expect(saidIn(await house.type('list job=fate state=completed'))).toContain('by ana');
    expect(saidIn(await house.type('list faild'))).toContain('Did you mean `failed`?');
    expect(saidIn(await house.type('list colour=red'))).toContain('no filter “colour”');
  });

  test('show names a run by last, by its end or by its id, and shows run and delivery as two things', async () => {
    expect(saidIn(await house.type('show last'))).toContain('You have not run anything yet');
    await house.type('run fate fate=fail');
    await ended();
    const run = await newest();
    for (const ref of ['last', run.id.slice(-6), run.id]) {
      const shown = saidIn(await house.type(`show ${ref}`));
      expect(shown).toContain('failed');
      expect(shown).toContain('Report');
    }
    expect(saidIn(await house.type('show last', 'U0BEN'))).toContain('You have not run anything yet');
    expect(saidIn(await house.type('show zzzzzz'))).toContain('There is no run “zzzzzz”');
    expect(saidIn(await house.type('show'))).toContain('Which run?');
  });

  test('cancel stops a run, and says so when it had already ended', async () => {
    await house.type('run fate fate=wait');
    await expect.poll(async () => (await newest()).state).toBe('running');
    expect(saidIn(await house.type('cancel last'))).toContain('Cancelled');
    expect((await newest()).state).toBe('cancelled');
    expect((await newest()).cancelledBy).toMatchObject({ id: 'U0ANA' });
    expect(saidIn(await house.type('cancel last'))).toContain('had already ended: cancelled');
  });

  test('retry makes a new run with the same input that names the first', async () => {
    await house.type('run fate fate=fail count=5');
    await ended();
    const first = await newest();
    await house.type('retry last');
    const second = await newest();
    expect(second).toMatchObject({ retryOf: first.id, input: first.input, trigger: 'retry' });
    expect(second.id).not.toBe(first.id);
  });

  test('retry of an unfinished run is refused', async () => {
    await house.type('run fate fate=wait');
    expect(saidIn(await house.type('retry last'))).toMatch(/still (queued|running)/);
    await house.type('cancel last');
  });

  test('delete asks first, showing job, state and what was delivered; two clicks delete once, for good', async () => {
    await house.type('run fate');
    await ended();
    const run = await newest();
    const question = await house.type(`delete ${run.id.slice(-6)}`);
    expect(saidIn(question)).toMatch(/Delete this run.*fate.*completed/s);
    expect(await house.store.get(run.id)).toBeDefined();
    const click = { user: 'U0ANA', channel: '#general', ts: question.ts, actionId: 'bellhop_delete' };
    const before = house.workspace.calls.length;
    await Promise.all([house.workspace.click(click), house.workspace.click(click)]);
    expect(await house.store.get(run.id)).toBeUndefined();
    await expect.poll(() => house.workspace.calls.length).toBe(before + 2);
    const answers = JSON.stringify(house.workspace.calls.slice(before));
    expect(answers).toMatch(/for good\..*already deleted/);
  });

  test('a run that changed since the question was asked is asked about again', async () => {
    await house.type('run fate fate=wait');
    await expect.poll(async () => (await newest()).state).toBe('running');
    const question = await house.type('delete last');
    expect(saidIn(question)).toContain('it is cancelled first');
    await house.type('cancel last');
    await house.workspace.click({ user: 'U0ANA', channel: '#general', ts: question.ts, actionId: 'bellhop_delete' });
    expect((await newest()).state).toBe('cancelled');
  });

  test('delete with the name of a job answers with the runs of that job', async () => {
    await house.type('run fate');
    await ended();
    expect(saidIn(await house.type('delete fate'))).toContain('is a job, not a run');
    expect((await house.store.list({})).items).toHaveLength(1);
  });

  test('help is short and has examples of this workspace; each verb and job explains itself', async () => {
    expect(saidIn(await house.type(''))).toContain('/jobs run fate');
    expect(saidIn(await house.type('help cancel'))).toContain('/jobs cancel last');
    expect(saidIn(await house.type('help fate'))).toContain('How it ends');
    expect(JSON.stringify((await house.type('help')).blocks).split('\\n').length).toBeLessThan(12);
  });

  test('what people type never becomes a mention, a link or a ping in an answer', async () => {
    const hostile = '<!channel> <@U0BEN> <https://evil.example|x> &lt;!here&gt;';
    for (const text of [
      hostile,
      `run ${hostile}`,
      `run fate note="${hostile}"`,
      `list "${hostile}"`,
      `show "${hostile}"`,
      `run fate "${hostile}"=1`,
    ]) {
      const answer = await house.type(text);
      expect(saidIn(answer).replace(/<!date\^[^>]*>/g, '')).not.toMatch(/<[!@#h]/);
      expect(checkMessage(answer)).toEqual([]);
    }
    await ended();
    expect(saidIn(await house.type('show last')).replace(/<!date\^[^>]*>/g, '')).not.toMatch(/<!|<@/);
    expect(saidIn(await house.type('list')).replace(/<!date\^[^>]*>/g, '')).not.toMatch(/<!|<@/);
  });

  test('a word of thousands of characters is repeated in part, and leaves room for the way out', async () => {
    const long = '😀<'.repeat(2_500);
    for (const [text, way] of [
      [`show ${long}`, '/jobs list'],
      [`run ${long}`, '/jobs list'],
      [`run fate ${long}`, 'key=value'],
      [`list ${long}`, 'States are'],
      [`list job=${long}`, 'No run fits.'],
      [long, 'Try `help`.'],
    ] as const) {
      const answer = await house.type(text);
      expect(checkMessage(answer)).toEqual([]);
      expect(saidIn(answer)).toContain(way);
      expect(saidIn(answer).isWellFormed()).toBe(true);
      expect(saidIn(answer).length).toBeLessThan(2_000);
    }
  });

  test('nothing that is typed turns an answer around or stands in it as Slack escaped it', async () => {
    for (const text of [
      'show \u202egnp',
      'run fate \u2066x',
      'list job=\u202ex',
      'run fate note=\u202ex',
      'show last',
    ]) {
      expect(saidIn(await house.type(text))).not.toMatch(/[\u202a-\u202e\u2066-\u2069]/);
    }
    expect((await house.type('a&amp;b')).text).toContain('“a&amp;b”');
    await ended();
  });

  test('the inputs of a job with many of them are shown to the last, or said to be more', async () => {
    const fields = Array.from({ length: 40 }, (_, index) => `f${index}: z.string().describe('${'&'.repeat(80)}')`);
    await using wide = await createHouse({
      'wide.ts': `import { defineJob } from 'bellhop'; import { z } from 'zod';
        export default defineJob({ name: 'wide', description: 'x', input: z.object({ ${fields.join(',')} }), run: () => 'x' });`,
    });
    const help = await wide.type('help wide');
    expect(checkMessage(help)).toEqual([]);
    for (const shown of ['`f29`', 'and 10 more inputs']) expect(saidIn(help)).toContain(shown);
    const wrong = await wide.type('run wide');
    expect(checkMessage(wrong)).toEqual([]);
    for (const shown of ['`f9`', 'and 10 more', '`f11`', '`/jobs help wide`']) expect(saidIn(wrong)).toContain(shown);
  });

  test('an unknown button and a button of another time are answered, not left hanging', async () => {
    await house.type('run fate');
    await ended();
    const question = await house.type('delete last');
    const kept = await house.workspace.click({
      user: 'U0ANA',
      channel: '#general',
      ts: question.ts,
      actionId: 'bellhop_keep',
    });
    expect(kept.ok).toBe(true);
    expect((await house.store.list({})).items).toHaveLength(1);
  });

  test('an answer with a hundred jobs and long names stays inside the limits of Slack', async () => {
    const jobs = Object.fromEntries(
      Array.from({ length: 100 }, (_, index) => [
        `job-${index}.yml`,
        `name: job-${index}\ndescription: "${'long words <&> '.repeat(15)}"\ncommand: [echo, hi]\n`,
      ]),
    );
    await using big = await createHouse(jobs);
    const answer = await big.type('list');
    expect(checkMessage(answer)).toEqual([]);
    expect(saidIn(answer)).toContain('and 80 more jobs');
  });

  test('a file that is no job is named with its reason in the list', async () => {
    await using broken = await createHouse({ 'bad.yml': 'name: Bad Name\n' });
    expect(saidIn(await broken.type('list'))).toContain('bad.yml');
  });
});
