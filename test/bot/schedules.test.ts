import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { drawMessage } from '../../src/playground/draw.ts';
import type { Message } from '../../src/playground/state.ts';
import { checkMessage } from '../../src/render/slack/check.ts';
import { Schedule } from '../../src/store/schedule-records.ts';
import { createHouse, saidIn, type House } from '../support/house.ts';

const job = (name: string, more = ''): string => `
import { defineJob } from 'bellhop';
import { z } from 'zod';
export default defineJob({ name: '${name}', description: 'does ${name}', input: z.object({ store: z.string().default('all') }), ${more} run: () => 'x' });`;
const JOBS = {
  'weekly.ts': job('weekly', "destinations: ['origin'],"),
  'stock.ts': job('stock', "destinations: ['#warehouse'],"),
  'mailer.ts': job('mailer', "input: z.object({ to: z.string() }), destinations: ['origin'],"),
  'silent.ts': job('silent', 'destinations: [],'),
};
const MENTION = /<!(?!date\^)|<@(?!U0ANA>)/;

let house: House;
beforeEach(async () => {
  house = await createHouse(JOBS);
});
afterEach(async () => {
  expect(house.workspace.violations).toEqual([]);
  await house[Symbol.asyncDispose]();
});

async function stored(name: string): Promise<Schedule> {
  const doc = await house.store.getDoc('schedule', name);
  if (doc === undefined) throw new Error(`there is no schedule ${name}`);
  return Schedule.parse(doc.value);
}
const names = async (): Promise<string[]> =>
  (await house.store.listDocs('schedule', { limit: 200 })).items.map(({ key }) => key);

/** Clicks below a question, and answers what then stands there. */
async function click(question: Message, actionId: string): Promise<string> {
  const before = house.workspace.calls.length;
  const ack = await house.workspace.click({ user: 'U0ANA', channel: question.channel, ts: question.ts, actionId });
  expect(ack.ok).toBe(true);
  await expect.poll(() => house.workspace.calls.length).toBeGreaterThan(before);
  return JSON.stringify(house.workspace.calls.slice(before));
}
async function schedule(text: string): Promise<string> {
  return click(await house.type(`schedule ${text}`), 'bellhop_schedule');
}
/** What a person reads. */
function drawn(message: Message): string {
  return drawMessage(message, { width: 400, edge: '', emphasis: 'plain', nameOf: () => undefined });
}

describe('/jobs schedule', () => {
  test('shows what, when, three next times in two zones and where the report goes, and stores nothing before the click', async () => {
    const question = await house.type('schedule weekly every monday 09:00 America/New_York store=berlin');
    const said = drawn(question);
    expect(said).toContain('Run `weekly` every Monday at 09:00?');
    expect(said).toContain('Time zone: America/New_York');
    expect(said.match(/Mon \d+ \w+ 09:00 \(America\/New_York\)/g)).toHaveLength(3);
    expect(saidIn(question).match(/<!date\^/g)).toHaveLength(3);
    expect(saidIn(question)).toContain('Report to: <#C0GENERAL>');
    expect(said).toContain('{"store":"berlin"}');
    expect(await names()).toEqual([]);

    expect(await click(question, 'bellhop_schedule')).toContain('Scheduled `weekly.every-monday-0900`');
    expect(await stored('weekly.every-monday-0900')).toMatchObject({
      origin: 'stored',
      createdBy: { kind: 'slack', id: 'U0ANA', name: 'ana' },
      spec: {
        job: 'weekly',
        cron: '0 9 * * 1',
        zone: 'America/New_York',
        input: { store: 'berlin' },
        origin: { kind: 'slack', channel: 'C0GENERAL' },
      },
    });
  });

  test('two clicks on one question, at once or one after the other, are one schedule and one act', async () => {
    const question = await house.type('schedule weekly "mon 09:00"');
    const later = await house.type('schedule weekly "mon 09:00"');
    forge(later, () => carriedBy(question));
    const [first, second] = await Promise.all([1, 2].map(() => click(question, 'bellhop_schedule')));
    expect([first, second].join()).toContain('Scheduled `weekly.mon-0900`');
    const { rev } = (await house.store.getDoc('schedule', 'weekly.mon-0900')) ?? {};
    expect(await click(later, 'bellhop_schedule')).toContain('It is scheduled already');
    expect((await house.store.getDoc('schedule', 'weekly.mon-0900'))?.rev).toBe(rev);
    expect(await names()).toEqual(['weekly.mon-0900']);
  });

  test("the zone is the one that is named, else the person's in Slack, else the usual one, and the question says which", async () => {
    expect(drawn(await house.type('schedule weekly mon 09:00'))).toContain(
      'Time zone: Europe/Berlin (your zone in Slack',
    );
    expect(drawn(await house.type('schedule weekly mon 09:00', 'U0BEN'))).toContain('Time zone: UTC (name another');
    for (const said of ['mon 09:00 asia/tokyo', 'mon 09:00 zone=Asia/Tokyo', 'mon 9am in Tokyo', 'mon 9am JST']) {
      const text = drawn(await house.type(`schedule weekly ${said}`));
      expect(text, said).toMatch(/Time zone: Asia\/Tokyo$|Did you mean Asia\/Tokyo\?/m);
    }
  });

  test('a job that names its places keeps them, and to= or mail= names others', async () => {
    expect(saidIn(await house.type('schedule stock daily 07:00'))).toContain('Report to: #warehouse');
    const other = await house.type(
      'schedule stock daily 07:00 to=<#C0REPORTS|reports> mail=<mailto:ana@example.com|ana@example.com>',
    );
    expect(saidIn(other)).toContain('Report to: <#C0REPORTS>, mail to ana@example.com');
    await click(other, 'bellhop_schedule');
    expect((await stored('stock.daily-0700')).spec.destinations).toEqual([
      { kind: 'slack', channel: 'C0REPORTS' },
      { kind: 'email', to: 'ana@example.com' },
    ]);
    const wanted = 'to=<#C0REPORTS|reports>?attach=csv,html&amp;onlyIf=changed,U0BEA';
    const asked = await house.type(`schedule stock daily 08:00 ${wanted}`);
    expect(saidIn(asked)).toContain('Report to: <#C0REPORTS> (`attach=csv,html&amp;onlyIf=changed`), <@U0BEA>');
    await click(asked, 'bellhop_schedule');
    expect((await stored('stock.daily-0800')).spec.destinations).toEqual([
      { kind: 'slack', channel: 'C0REPORTS', attach: ['csv', 'html'], onlyIf: 'changed' },
      { kind: 'slack', channel: 'U0BEA' },
    ]);
    expect(saidIn(await house.type('schedule stock daily 09:00 to=https://10.0.0.1/x'))).toContain(
      'people and addresses only',
    );
    expect(saidIn(await house.type('schedule silent daily 07:00'))).toContain('nobody – it is kept with its run');
    // An input of the job that has this name is the input.
    expect(saidIn(await house.type('schedule mailer daily 07:00 to=bea'))).toContain('to\\":\\"bea');
  });

  test('what is scheduled in a conversation of two is told to the person, for the bot is not in it', async () => {
    const { id } = house.workspace.directMessage('U0ANA');
    await house.workspace.slash({ user: 'U0ANA', channel: id, text: 'schedule weekly daily 07:00' });
    const question = house.workspace.ephemerals('U0ANA').at(-1);
    if (question === undefined) throw new Error('no answer');
    expect(saidIn(question)).toContain('Report to: <@U0ANA>');
    await click(question, 'bellhop_schedule');
    expect((await stored('weekly.daily-0700')).spec.origin).toEqual({ kind: 'slack', channel: 'U0ANA' });
  });

  test('a path on the machine is not for Slack, neither typed nor in a button', async () => {
    expect(saidIn(await house.type('schedule weekly daily 07:00 to=file:/etc/cron.d/x'))).toContain(
      'channels, people and addresses only',
    );
    const question = await house.type('schedule weekly daily 07:00');
    const to = [{ kind: 'file', path: '/etc/cron.d/x' }];
    forge(question, (carried) => ({ ...carried, to }));
    expect(await click(question, 'bellhop_schedule')).toContain('from another time');
    expect(await names()).toEqual([]);
  });

  test('a button that was tampered with, or is of another version, stores nothing', async () => {
    for (const value of ['', 'null', '{}', '[]', '{"job":"weekly"']) {
      const question = await house.type('schedule weekly daily 07:00');
      forge(question, () => value);
      expect(await click(question, 'bellhop_schedule'), value).toContain('from another time');
    }
    const question = await house.type('schedule weekly daily 07:00');
    forge(question, (carried) => ({ ...carried, when: '1-99999999 * * * *' }));
    expect(await click(question, 'bellhop_schedule')).toContain('too large');
    expect(await names()).toEqual([]);
  });

  test('what is there already is shown before it is changed, also when it came after the question', async () => {
    const late = await house.type('schedule weekly mon 09:00 store=paris');
    await schedule('weekly mon 09:00 store=berlin');
    expect(await click(late, 'bellhop_schedule')).toContain('is there already');
    expect((await stored('weekly.mon-0900')).spec.input).toEqual({ store: 'berlin' });
    const question = await house.type('schedule weekly mon 09:00 store=paris');
    expect(drawn(question)).toMatch(/is there already.*\{"store":"berlin"\}.*name=weekly\.second/s);
    expect(await click(question, 'bellhop_schedule')).toContain('Changed');
    expect((await stored('weekly.mon-0900')).spec.input).toEqual({ store: 'paris' });
    await schedule('weekly mon 09:00 name=weekly.second');
    expect(await names()).toEqual(['weekly.mon-0900', 'weekly.second']);
  });

  test.each([
    ['schedule', 'Which job, and when?'],
    ['schedule weekly', 'When shall “weekly” run?'],
    ['schedule wekly mon 09:00', 'Did you mean weekly?'],
    ['schedule weekly mon 25:00', '“25:00” is not understood'],
    ['schedule weekly mon 09:00 Europe/Berlim', 'Did you mean Europe/Berlin'],
    ['schedule weekly mon 09:00 EST', 'Did you mean America/New_York?'],
    ['schedule weekly mon 09:00 +02:00', 'is an offset and not a time zone'],
    ['schedule weekly monn 09:00 Europe/Berlin', '“monn” is not understood'],
    ['schedule weekly 0 9 1 * 1', 'schedules'],
    ['schedule weekly 0 0 31 2 *', 'no day 31 in February'],
    ['schedule weekly mon 09:00 colour=red', 'colour'],
    ['schedule weekly mon 09:00 name=all', 'must not be `status` or `all`'],
    ['schedule weekly mon 09:00 to=nowhere', 'is not a destination'],
    ['schedule weekly mon 09:00 to=#general?atach=csv', 'did you mean attach?'],
    [`schedule weekly mon 09:00 store=${'x'.repeat(2_000)}`, 'more than a button'],
  ])('%s is answered with the way out', async (text, way) => {
    const answer = await house.type(text);
    expect(saidIn(answer)).toContain(way);
    expect(checkMessage(answer)).toEqual([]);
    expect(await names()).toEqual([]);
  });

  test('what daylight saving time does to a time is said in words', async () => {
    const said = saidIn(await house.type('next weekly'));
    expect(said).toContain('has no schedule yet');
    // 02:30 on the last Sunday of March does not exist in Berlin, and comes twice on the last one of October.
    await schedule('weekly "30 2 25-31 3 *" Europe/Berlin');
    await schedule('weekly "30 2 25-31 10 *" Europe/Berlin');
    const text = drawn(await house.type('next weekly 20'));
    expect(text).toContain('its time does not exist that day, so it runs right after the gap');
    expect(text).toContain('its time comes twice that day, so it runs the first time only');
  });
});

describe('/jobs schedules and what is done to them', () => {
  test('nothing scheduled teaches how; one is shown with its words, zone, next time, last run and newest skip', async () => {
    expect(saidIn(await house.type('schedules'))).toContain('Nothing is scheduled yet.');
    expect(saidIn(await house.type('schedules weekly'))).toContain('/jobs schedule weekly every monday 09:00');
    expect(saidIn(await house.type('schedules wekly'))).toContain('Did you mean `weekly`?');
    await schedule('weekly mon 09:00');
    const listed = drawn(await house.type('schedules'));
    expect(listed).toContain('weekly.mon-0900 – `weekly` every Monday at 09:00 (Europe/Berlin)');
    expect(listed).toMatch(/next .*09:00 \(Europe\/Berlin\)/);
    expect(drawn(await house.type('list'))).toMatch(/weekly – does weekly\n.*never run · next /);
  });

  test('pause says by whom and why, resume when it comes next; each once', async () => {
    await schedule('weekly mon 09:00');
    expect(saidIn(await house.type('pause weekly stocktaking <!channel>'))).toContain('Paused `weekly.mon-0900`');
    expect(await stored('weekly.mon-0900')).toMatchObject({
      paused: { by: { id: 'U0ANA' }, reason: 'stocktaking <!channel>' },
    });
    expect(saidIn(await house.type('pause weekly'))).toContain('paused already');
    const listed = saidIn(await house.type('schedules'));
    expect(listed).toMatch(/paused by ana since .*: stocktaking &lt;!channel&gt;/);
    expect(listed).not.toMatch(MENTION);
    expect(saidIn(await house.type('resume weekly.mon-0900'))).toMatch(/runs again.*Next: /s);
    expect(saidIn(await house.type('resume weekly'))).toContain('not paused');
  });

  test('all asks first with how many, then does it', async () => {
    expect(saidIn(await house.type('pause all'))).toContain('no schedule that is not paused');
    await schedule('weekly mon 09:00');
    await schedule('stock daily 07:00');
    const question = await house.type('pause all holidays');
    expect(drawn(question)).toMatch(/Pause all 2 schedules\?.*Reason: holidays/s);
    expect((await stored('stock.daily-0700')).paused).toBeUndefined();
    expect(await click(question, 'bellhop_pause_all')).toContain('Paused 2 schedules');
    expect((await stored('stock.daily-0700')).paused).toMatchObject({ reason: 'holidays' });
    const back = await house.type('resume all');
    expect(drawn(back)).toContain('Resume all 2 schedules that are paused?');
    expect(await click(back, 'bellhop_schedule_keep')).toContain('Nothing was changed');
    expect(await click(await house.type('resume all'), 'bellhop_resume_all')).toContain('2 schedules run again');
    expect((await stored('weekly.mon-0900')).paused).toBeUndefined();
  });

  test('skip leaves out the next time however often it is asked, says what comes after, and resume takes it back', async () => {
    await schedule('weekly daily 09:00');
    const [first] = (await house.scheduler.schedules.list())[0]?.next ?? [];
    for (const _ of [1, 2]) {
      expect(saidIn(await house.type('skip weekly'))).toMatch(/leaves out .*Next: /s);
      expect((await stored('weekly.daily-0900')).skipNext?.slot).toBe(first?.at);
    }
    expect(drawn(await house.type('next weekly 1'))).toContain('leaves out');
    await house.type('resume weekly');
    expect((await house.scheduler.schedules.list())[0]?.next[0]).toEqual(first);
  });

  test('snooze takes a time to rest and says until when; what is no time is explained', async () => {
    await schedule('weekly daily 09:00');
    expect(saidIn(await house.type('snooze weekly'))).toContain('Until when?');
    expect(saidIn(await house.type('snooze weekly soon'))).toContain('is no time');
    expect(saidIn(await house.type('snooze weekly for 2d'))).toMatch(/rests until .*\/jobs resume weekly\.daily-0900/);
    expect(drawn(await house.type('schedules weekly'))).toContain('snoozed by ana until');
    expect(saidIn(await house.type('resume weekly'))).toContain('runs again');
    expect((await stored('weekly.daily-0900')).snoozed).toBeUndefined();
  });

  test('unschedule asks first, asks again when it was changed since, and removes once', async () => {
    await schedule('weekly mon 09:00 name=weekly.a');
    const question = await house.type('unschedule weekly');
    expect(drawn(question)).toContain('Remove the schedule weekly.a?');
    expect(await names()).toEqual(['weekly.a']);
    await schedule('weekly tue 10:00 name=weekly.a');
    expect(await click(question, 'bellhop_unschedule')).toContain('every Tuesday at 10:00');
    expect(await names()).toEqual(['weekly.a']);
    const [again, late] = [await house.type('unschedule weekly.a'), await house.type('unschedule weekly.a')];
    const [one, two] = await Promise.all([1, 2].map(() => click(again, 'bellhop_unschedule')));
    expect([one, two].join()).toContain('Removed the schedule');
    expect(await click(late, 'bellhop_unschedule')).toContain('gone already');
    expect(await names()).toEqual([]);
  });

  test('a schedule that a file defines is removed there, and can be paused here', async () => {
    await using own = await createHouse({
      'weekly.ts': job('weekly', "schedules: [{ when: 'mon 09:00', destinations: ['#ops'] }],"),
    });
    await own.scheduler.tick();
    expect(saidIn(await own.type('unschedule weekly'))).toMatch(
      /file of its job, weekly\.ts.*Change or remove it there/s,
    );
    expect(saidIn(await own.type('pause weekly'))).toContain('Paused `weekly`');
  });

  test('names that are not there are answered with those that were meant, and a job with several is asked about', async () => {
    await schedule('weekly mon 09:00');
    for (const verb of ['pause', 'resume', 'skip', 'unschedule', 'next', 'snooze']) {
      const answer = await house.type(
        `${verb} weekly.mon-0909 2d`.replace('next weekly.mon-0909 2d', 'next weekly.mon-0909'),
      );
      expect(saidIn(answer), verb).toContain('Did you mean weekly.mon-0900');
      expect(saidIn(await house.type(verb)), verb).toMatch(/Which (?:job or )?schedule\?/);
    }
    await schedule('weekly tue 09:00');
    expect(saidIn(await house.type('pause weekly'))).toContain('Name one of them: weekly.mon-0900, weekly.tue-0900');
    expect(saidIn(await house.type('next weekly'))).toContain('weekly.tue-0900');
    expect(saidIn(await house.type('next weekly 21'))).toContain('Ask for 1 to 20');
  });

  test('hostile words never become a mention, a link or a ping', async () => {
    await schedule('weekly mon 09:00');
    const hostile = '<!channel> <@U0BEN> <https://evil.example|x> \u202e';
    for (const text of [
      `schedule "${hostile}" mon 09:00`,
      `schedule weekly "${hostile}"`,
      `schedule weekly mon 09:00 "${hostile}"`,
      `schedule weekly mon 09:00 store="${hostile}"`,
      `schedule weekly mon 09:00 to="${hostile}"`,
      `schedule weekly mon 09:00 name="${hostile}"`,
      `schedules "${hostile}"`,
      `snooze weekly "${hostile}"`,
      `next "${hostile}"`,
      `pause "${hostile}"`,
      `pause weekly "${hostile}"`,
      `pause all "${hostile}"`,
      'schedules',
      'next weekly',
    ]) {
      const answer = await house.type(text);
      // What a button carries is not shown.
      const shown = saidIn(answer).replaceAll(/"value":"(?:[^"\\]|\\.)*"/g, '');
      expect(shown, text).not.toMatch(MENTION);
      expect(shown, text).not.toMatch(/<https:|\u202e/);
      expect(checkMessage(answer), text).toEqual([]);
    }
  });

  test('three hundred schedules with long reasons stay inside the limits of Slack', async () => {
    const many = Object.fromEntries(
      Array.from({ length: 20 }, (_, n) => [`job-${n}.ts`, job(`job-${n}-${'x'.repeat(50)}`)]),
    );
    await using big = await createHouse(many);
    const actor = { kind: 'slack', id: 'U0ANA', name: '&'.repeat(200) } as const;
    for (const { name } of big.runner.jobs()) {
      for (let n = 0; n < 15; n++) {
        const request = {
          job: name,
          when: `*/7 ${n} * * *`,
          name: `${name}.${n}`.slice(-80),
          input: {},
          as: 'json',
          actor,
        } as const;
        const made = await big.scheduler.schedules.create({
          ...request,
          destinations: [{ kind: 'slack', channel: '#ops' }],
        });
        expect(made.outcome).toBe('created');
      }
    }
    await big.scheduler.schedules.pause('all', actor, '<&>'.repeat(200));
    for (const text of ['schedules', 'resume all', 'list', `next job-0-${'x'.repeat(50)}`]) {
      const answer = await big.type(text);
      expect(checkMessage(answer), text).toEqual([]);
    }
    expect(saidIn(await big.type('schedules'))).toContain('and 280 more');
  });
});

const Button = z.looseObject({ action_id: z.string(), value: z.string() });

/** Puts another value into the first button, as nobody but Slack could. */
function forge(question: Message, change: (carried: Record<string, unknown>) => unknown): void {
  for (const block of question.blocks) {
    const elements = z.array(z.unknown()).safeParse(block['elements']);
    if (block['type'] !== 'actions' || !elements.success) continue;
    block['elements'] = elements.data.map((element) => {
      const button = Button.parse(element);
      if (button.action_id !== 'bellhop_schedule') return button;
      const carried = z.record(z.string(), z.unknown()).parse(JSON.parse(button.value));
      const changed = change(carried);
      return { ...button, value: typeof changed === 'string' ? changed : JSON.stringify(changed) };
    });
  }
}

function carriedBy(question: Message): string {
  const elements = question.blocks.flatMap((block) => z.array(Button).safeParse(block['elements']).data ?? []);
  return elements.find(({ action_id }) => action_id === 'bellhop_schedule')?.value ?? '';
}
