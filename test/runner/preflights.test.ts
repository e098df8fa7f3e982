/** Reports that will not arrive are told some hours before, once, where it can be read. */
import { describe, expect, test } from 'vitest';
import type { Examine } from '../../src/runner/preflights.ts';
import type { Problem } from '../../src/store/preflight-records.ts';
import type { Destination } from '../../src/store/destinations.ts';
import type { Store } from '../../src/store/store.ts';
import { manualClock } from '../support/clock.ts';
import { BEA, jobWith, OPS, scheduleHouse, type ScheduleHouse, type ScheduleParts } from '../support/schedule-house.ts';

const HOUR = 3_600_000;
const REMOVED: Problem = {
  code: 'NOT_IN_CHANNEL',
  message: 'I was removed from #sales',
  hint: 'Invite me with /invite @Bellhop in #sales.',
  severity: 'fails',
};
const BLIND: Problem = { code: 'CANNOT_LOOK', message: 'I cannot look', hint: '', severity: 'unknown' };
const keyOf = (one: Destination): string => (one.kind === 'slack' ? one.channel : one.kind === 'email' ? one.to : '');

/** A house where everybody is told what stands in the way of which place; Monday 2026-11-23, 09:00 UTC. */
function lab(parts: ScheduleParts & { schedule?: Record<string, unknown> } = {}) {
  const state: { problems: Record<string, Problem[]>; hangs: boolean; begun: number } = {
    problems: {},
    hangs: false,
    begun: 0,
  };
  const looked: string[] = [];
  const examine: Examine = async ({ destinations }, signal) => {
    state.begun++;
    if (state.hangs)
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
    looked.push(...destinations.map(keyOf));
    return destinations.map((destination) => ({ destination, problems: state.problems[keyOf(destination)] ?? [] }));
  };
  const schedule = { when: 'daily 20:00', zone: 'Europe/Berlin', ...parts.schedule };
  const house = scheduleHouse({
    jobs: [jobWith([schedule], { destinations: ['#sales'] })],
    clock: manualClock(Date.UTC(2026, 10, 23, 5)),
    alertsTo: [OPS],
    examine,
    preflightMs: 12 * HOUR,
    ...parts,
  });
  return {
    house,
    state,
    looked,
    told: async () => {
      const { items } = await house.store.listNotices({});
      return items.toReversed().map(({ notice, deliveries }) => ({
        kind: notice.kind,
        title: notice.report.title,
        summary: notice.report.summary,
        to: deliveries.map(({ destination }) => keyOf(destination)),
      }));
    },
  };
}
async function until(house: ScheduleHouse, hour: number, minute = 2): Promise<void> {
  await house.clock.advance(Date.UTC(2026, 10, 23, hour, minute) - house.clock.now());
}

describe('twelve hours before it is due', () => {
  test('the places of a report are looked at, once, and nobody is told when all is well', async () => {
    const { house, looked, told } = lab();
    await house.start();
    await until(house, 6, 50);
    expect(looked).toEqual([]);
    await until(house, 7);
    expect(looked).toEqual(['#sales']);
    await until(house, 18);
    expect(looked).toEqual(['#sales']);
    expect(await told()).toEqual([]);
    await house.stop();
  });

  test('who can mend it is told in words, with the time in the zone of the schedule, and not again an hour before', async () => {
    const { house, state, looked, told } = lab();
    state.problems['#sales'] = [REMOVED];
    await house.start();
    await until(house, 18);
    expect(await told()).toEqual([
      {
        kind: 'preflight',
        title: "Monday's report will fail: I was removed from #sales",
        summary: 'weekly is due Mon 23 Nov 20:00 (Europe/Berlin). Its report will reach nobody.',
        to: ['C0OPS'],
      },
    ]);
    // Seen again in the last hour, with where it is told each time.
    expect(looked.filter((one) => one === '#sales')).toHaveLength(2);
    const [view] = (await house.store.listNotices({})).items;
    expect(JSON.stringify(view?.notice.report.sections)).toContain('/invite @Bellhop');
    await house.stop();
  });

  test('one line says that it is well again, when it is an hour before', async () => {
    const { house, state, told } = lab();
    state.problems['#sales'] = [REMOVED];
    await house.start();
    await until(house, 8);
    state.problems['#sales'] = [];
    await until(house, 18);
    expect((await told()).map(({ title }) => title)).toEqual([
      "Monday's report will fail: I was removed from #sales",
      "Monday's report can arrive after all",
    ]);
    await house.stop();
  });

  test('what cannot be seen alarms nobody, ends no alarm, and is looked at again in the last hour', async () => {
    const { house, state, looked, told } = lab();
    state.problems['#sales'] = [BLIND];
    await house.start();
    await until(house, 17, 58);
    expect(looked).toEqual(['#sales']);
    state.problems['#sales'] = [REMOVED];
    await until(house, 18, 5);
    expect(await told()).toHaveLength(1);
    await house.stop();
  });

  test('what cannot be seen any more is not told as well again', async () => {
    const { house, state, told } = lab();
    state.problems['#sales'] = [REMOVED];
    await house.start();
    await until(house, 8);
    state.problems['#sales'] = [BLIND];
    await until(house, 18, 5);
    expect(await told()).toHaveLength(1);
    await house.stop();
  });

  test('of several places the one that fails is named', async () => {
    const jobs = [jobWith([{ when: 'daily 20:00' }], { destinations: ['#well', 'ana@example.com'] })];
    const { house, state, told } = lab({ jobs });
    state.problems['ana@example.com'] = [{ ...REMOVED, message: 'No mail is sent to this address: it bounced' }];
    await house.start();
    await until(house, 9);
    expect(await told()).toMatchObject([
      {
        title: "Monday's report will not reach ana@example.com: No mail is sent to this address: it bounced",
        summary: expect.stringContaining('It will not reach 1 of 2 places.'),
      },
    ]);
    await house.stop();
  });

  test('also what came due while Bellhop was down is looked at by the next life, and once over any restart', async () => {
    const { house, state, looked, told } = lab();
    await house.start();
    await until(house, 5, 5);
    await house.stop();
    state.problems['#sales'] = [REMOVED];
    await until(house, 15);
    for (let life = 0; life < 3; life++) {
      const next = house.again();
      await next.start();
      await house.clock.advance(5 * 60_000);
      await next.stop();
    }
    expect(looked.filter((one) => one === '#sales')).toHaveLength(1);
    expect(await told()).toHaveLength(1);
  });

  test('a crash between the notice and its record tells nobody twice', async () => {
    const dying: { store: boolean } = { store: true };
    const { house, state, told } = lab({
      wrapStore: (bare: Store): Store => ({
        ...bare,
        putDoc: (doc) =>
          doc.kind === 'preflight' && dying.store ? Promise.reject(new Error('dead')) : bare.putDoc(doc),
      }),
    });
    state.problems['#sales'] = [REMOVED];
    await house.start();
    await until(house, 8);
    dying.store = false;
    await until(house, 9);
    expect(await told()).toHaveLength(1);
    await house.stop();
  });
});

describe('it is told', () => {
  const broken = { '#sales': [REMOVED] };

  test('where the schedule says, else where the configuration says, else to who made it', async () => {
    const named = lab({ schedule: { tell: ['#boss'] } });
    named.state.problems = { ...broken };
    await named.house.start();
    await until(named.house, 8);
    expect((await named.told())[0]?.to).toEqual(['#boss']);
    await named.house.stop();

    const owned = lab({ jobs: [jobWith([], { destinations: ['#sales'] })], alertsTo: [] });
    owned.state.problems = { ...broken };
    const made = { job: 'weekly', when: 'daily 20:00', as: 'words', input: {}, actor: BEA } as const;
    expect((await owned.house.schedules.create(made)).outcome).toBe('created');
    await owned.house.start();
    await until(owned.house, 9);
    expect((await owned.told())[0]?.to).toEqual(['U0BEA']);
    await owned.house.stop();
  });

  test('never through a place that is broken itself while there is another', async () => {
    const { house, state, told } = lab({
      schedule: { tell: ['#sales', '#boss'] },
      alertsTo: [{ kind: 'email', to: 'ops@example.com' }],
    });
    // All of Slack is away: #boss is no place of the report, and is broken with it.
    state.problems = { ...broken, '#boss': [REMOVED] };
    await house.start();
    await until(house, 8);
    expect((await told())[0]?.to).toEqual(['ops@example.com']);
    await house.stop();
  });

  test('through a broken place when there is no other, and to nobody when the schedule says so', async () => {
    const only = lab({ alertsTo: [{ kind: 'slack', channel: '#sales' }] });
    only.state.problems = { ...broken };
    await only.house.start();
    await until(only.house, 8);
    expect((await only.told())[0]?.to).toEqual(['#sales']);
    await only.house.stop();

    const silent = lab({ schedule: { tell: [] } });
    silent.state.problems = { ...broken };
    await silent.house.start();
    await until(silent.house, 8);
    expect(await silent.told()).toEqual([]);
    await silent.house.stop();
  });
});

describe('it is looked at', () => {
  test('not for what is paused, snoozed or left out', async () => {
    for (const rest of ['pause', 'snooze', 'skipNext'] as const) {
      const { house, looked } = lab();
      await house.tick();
      if (rest === 'pause') await house.schedules.pause('weekly', BEA);
      if (rest === 'snooze') await house.schedules.snooze('weekly', '1d', BEA);
      if (rest === 'skipNext') await house.schedules.skipNext('weekly', BEA);
      await house.start();
      await until(house, 18);
      expect([rest, looked]).toEqual([rest, []]);
      await house.stop();
    }
  });

  test('again when the places change', async () => {
    const { house, looked } = lab();
    await house.start();
    await until(house, 8);
    house.registry.set([jobWith([{ when: 'daily 20:00', zone: 'Europe/Berlin' }], { destinations: ['#elsewhere'] })]);
    await until(house, 9);
    expect(looked).toEqual(['#sales', '#elsewhere']);
    await house.stop();
  });

  test('once in twelve hours for what comes every hour', async () => {
    const { house, looked } = lab({ schedule: { when: 'every hour' } });
    await house.start();
    await until(house, 16, 50);
    expect(looked).toHaveLength(1);
    await until(house, 17, 10);
    expect(looked).toHaveLength(2);
    await house.stop();
  });

  test('not at all with BELLHOP_PREFLIGHT_HOURS=0', async () => {
    const { house, looked } = lab({ preflightMs: 0 });
    await house.start();
    await until(house, 18);
    expect(looked).toEqual([]);
    await house.stop();
  });

  test('beside the planner: a look that hangs holds up no run, has no second beside it, and ends with the server', async () => {
    const { house, state } = lab();
    state.hangs = true;
    await house.start();
    await until(house, 19, 5);
    expect(await house.runs('weekly')).toHaveLength(1);
    expect(state.begun).toBe(1);
    await house.stop();
    expect(await house.store.getDoc('preflight', 'weekly')).toBeUndefined();
  });

  test('four schedules at a time when there are a thousand, and each once', async () => {
    let underWay = 0;
    let most = 0;
    let all = 0;
    const examine: Examine = async ({ destinations }) => {
      most = Math.max(most, ++underWay);
      all++;
      await Promise.resolve();
      underWay--;
      return destinations.map((destination) => ({ destination, problems: [] }));
    };
    const jobs = Array.from({ length: 50 }, (_, n) =>
      jobWith(
        Array.from({ length: 20 }, (_one, m) => ({
          when: `daily 20:${String(m).padStart(2, '0')}`,
          name: `m${m}`,
        })),
        { name: `j${n}` },
      ),
    );
    const { house } = lab({ jobs, examine });
    await house.tick();
    house.clock.step(5 * HOUR);
    await house.preflights.look();
    await house.preflights.look();
    expect([all, most]).toEqual([1_000, 4]);
  });
});

describe('by hand', () => {
  test('every place of the job and of its schedules is looked at, with whose it is, and nothing is stored or told', async () => {
    const jobs = [jobWith([{ when: 'daily 20:00', destinations: ['#sales', '#more'] }], { destinations: ['#sales'] })];
    const { house, state, told } = lab({ jobs });
    state.problems['#sales'] = [REMOVED];
    await house.tick();
    const result = await house.preflights.now('weekly');
    expect(result).toMatchObject({
      outcome: 'looked',
      verdict: 'fails',
      places: [
        { destination: { channel: '#sales' }, verdict: 'fails', of: ['the job', 'weekly'] },
        { destination: { channel: '#more' }, verdict: 'ok', of: ['weekly'] },
      ],
      leftOut: 0,
    });
    expect(await told()).toEqual([]);
    expect(await house.store.getDoc('preflight', 'weekly')).toBeUndefined();
    expect(await house.preflights.now('weekley')).toMatchObject({ outcome: 'unknown_job', suggestions: ['weekly'] });
  });
});
