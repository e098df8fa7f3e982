import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import type { AuditEntry } from '../../src/store/records.ts';
import type { Store } from '../../src/store/store.ts';
import { createIds } from '../../src/ids.ts';
import { silentLog } from '../../src/log.ts';
import { createMemoryStore } from '../../src/store/memory.ts';
import { manualClock } from '../support/clock.ts';
import { BEA, finish, jobWith, OPS, scheduleHouse, settle } from '../support/schedule-house.ts';
import type { ScheduleHouse, ScheduleParts } from '../support/schedule-house.ts';

const MINUTE = 60_000;
const CANARY = 'Kanarien-Vogel-77';
/** Sunday 2026-11-22 12:00 UTC. */
const SUNDAY = Date.UTC(2026, 10, 22, 12);

interface Audited extends ScheduleHouse {
  audit: Omit<AuditEntry, 'id' | 'at'>[];
}
function build(jobs: unknown[], more: ScheduleParts = {}): Audited {
  const clock = manualClock(SUNDAY - 30_000);
  const audit: Audited['audit'] = [];
  const bare = createMemoryStore({ clock, ids: createIds(clock), log: silentLog });
  const store: Store = {
    ...bare,
    appendAudit: (entry) => {
      audit.push(entry);
      return bare.appendAudit(entry);
    },
  };
  return { ...scheduleHouse({ clock, store, jobs, guarded: {}, ...more }), audit };
}
const ask = (house: ScheduleHouse, input: unknown = {}) =>
  house.runner.submit({ job: 'weekly', input, as: 'json', actor: BEA, trigger: 'slack' });
const minutely = (guards: unknown, more: Record<string, unknown> = {}): unknown =>
  jobWith([{ when: '* * * * *' }], { overlap: 'queue', guards, ...more });
async function tickAMinute(house: ScheduleHouse): Promise<void> {
  await house.clock.advance(MINUTE);
  await house.tick();
}

describe('a person who is refused', () => {
  test('gets the reason, no run is made, and the refusal is in the audit log', async () => {
    const house = build([jobWith([], { guards: { enabledBy: 'WEEKLY_ON' } })]);
    expect(await ask(house)).toMatchObject({
      outcome: 'refused',
      code: 'DISABLED',
      reason: 'weekly is switched off: WEEKLY_ON is not 1.',
      hint: 'Set WEEKLY_ON=1 and restart.',
    });
    expect((await house.store.list({})).items).toEqual([]);
    expect(house.audit).toEqual([
      { actor: BEA, act: 'refused', job: 'weekly', note: 'DISABLED: weekly is switched off: WEEKLY_ON is not 1.' },
    ]);
  });

  test.each([
    ['1', true],
    [' TRUE ', true],
    ['on', true],
    ['yes', true],
    ['', false],
    ['0', false],
    ['false', false],
    ['11', false],
  ])('a gate of “%s” is open: %s', async (value, open) => {
    const house = build([jobWith([], { guards: { enabledBy: 'GATE' } })], { guarded: { env: { GATE: value } } });
    expect((await ask(house)).outcome).toBe(open ? 'accepted' : 'refused');
  });

  test('a gate named like something that every object has is closed, and breaks nothing', async () => {
    for (const enabledBy of ['toString', '__proto__', 'constructor']) {
      const house = build([jobWith([], { guards: { enabledBy } })]);
      expect(await ask(house)).toMatchObject({ code: 'DISABLED' });
    }
  });

  test('a job that needs an approval is accepted and waits for it', async () => {
    const result = await ask(build([jobWith([], { guards: { approval: 'required' } })]));
    expect(result).toMatchObject({ outcome: 'accepted', run: { state: 'waiting' } });
  });
});

describe('expensive jobs', () => {
  const asked = async (mode: 'production' | 'development', guards: Record<string, unknown>) => {
    const house = build([jobWith([], { expensive: true, guards })], { guarded: { mode, env: { GATE: '1' } } });
    const result = await ask(house);
    return result.outcome === 'refused' ? result.code : result.outcome;
  };
  test('do not run in production without a gate and a cap', async () => {
    expect(await asked('production', {})).toBe('NO_GATE');
    expect(await asked('production', { enabledBy: 'GATE' })).toBe('NO_GATE');
    expect(await asked('production', { maxPerDay: 3 })).toBe('NO_GATE');
    expect(await asked('production', { enabledBy: 'GATE', maxPerDay: 3 })).toBe('accepted');
    expect(await asked('production', { enabledBy: 'SHUT', maxPerDay: 3 })).toBe('DISABLED');
  });
  test('run in development as they are', async () => {
    expect(await asked('development', {})).toBe('accepted');
  });
});

describe('hosts', () => {
  const hosted = jobWith([], {
    input: z.object({ url: z.string().optional(), list: z.array(z.number()).optional() }),
    guards: { allowedHosts: ['shop.example', '*.stage.example'] },
  });
  test('an input may name the listed hosts, and no other', async () => {
    const house = build([hosted]);
    for (const url of ['https://shop.example/a', 'https://x.stage.example', 'just words'])
      expect((await ask(house, { url })).outcome).toBe('accepted');
    expect(await ask(house, { url: 'https://evil.example/' })).toMatchObject({
      code: 'HOST_NOT_ALLOWED',
      reason: 'weekly may not talk to evil.example.',
      hint: 'It may talk to shop.example, *.stage.example.',
    });
  });
  test('an input that cannot be looked at in full is refused', async () => {
    const house = build([hosted]);
    const list = Array.from({ length: 120_000 }, () => 0);
    expect(await ask(house, { url: 'https://evil.example', list })).toMatchObject({ code: 'HOST_NOT_ALLOWED' });
    expect(await ask(house, { list })).toMatchObject({ code: 'HOST_NOT_ALLOWED' });
  });
  test('a secret in an address is in neither the answer nor the audit log, however it is written', async () => {
    const house = build([hosted], { secrets: [CANARY] });
    for (const url of [`https://${CANARY}.example/`, `https://evil.example/${CANARY}`]) {
      const result = await ask(house, { url });
      expect(result).toMatchObject({ reason: 'weekly may not talk to a host that its input names.' });
    }
    expect(JSON.stringify(house.audit).toLowerCase()).not.toContain(CANARY.toLowerCase());
  });
  test('an empty list is no host at all', async () => {
    const house = build([jobWith([], { input: z.object({ url: z.string() }), guards: { allowedHosts: [] } })]);
    expect(await ask(house, { url: 'https://a.example' })).toMatchObject({ hint: 'It may talk to no host.' });
  });
});

describe('a slot that is refused', () => {
  test('is a skip with the reason, and runs again when the gate is open', async () => {
    const env: Record<string, string> = {};
    const house = build([minutely({ enabledBy: 'GATE' })], { guarded: { env } });
    await house.tick();
    await tickAMinute(house);
    await tickAMinute(house);
    env['GATE'] = '1';
    await tickAMinute(house);
    expect(await house.skips('weekly')).toEqual([
      {
        from: '2026-11-22T12:00:00.000Z',
        to: '2026-11-22T12:01:00.000Z',
        count: 2,
        reason: 'weekly is switched off: GATE is not 1.',
      },
    ]);
    expect(await house.runs('weekly')).toHaveLength(1);
    expect(house.audit).toEqual([]);
  });

  test('one tick starts no more runs of a job than maxPerTick, over all its schedules', async () => {
    const schedules = Array.from({ length: 12 }, (_, at) => ({ when: '0 * * * *', name: `s${at}` }));
    const house = build([jobWith(schedules, { overlap: 'queue', guards: { maxPerTick: 5 } })]);
    await house.tick();
    await tickAMinute(house);
    const { items } = await house.store.list({ limit: 200 });
    expect(items).toHaveLength(5);
    const skipped = await Promise.all(schedules.map(({ name }) => house.skips(`weekly.${name}`)));
    expect(skipped.flat().map((skip) => skip.reason)).toEqual(
      Array.from({ length: 7 }, () => 'weekly starts at most 5 times in one planning.'),
    );
  });

  test('slots of one tick that the hour has no room for are skips, not runs that fail', async () => {
    const schedules = Array.from({ length: 6 }, (_, at) => ({ when: '0 * * * *', name: `s${at}` }));
    const burst = { when: '*/10 * * * *', name: 'burst', catchUp: { policy: 'all', burst: 4 } };
    const house = build([jobWith([...schedules, burst], { overlap: 'queue', guards: { maxPerHour: 3 } })]);
    await house.tick();
    await house.clock.advance(45 * MINUTE);
    await house.tick();
    expect((await house.store.list({ limit: 200 })).items).toHaveLength(3);
  });
});

describe('skipAfterFailure', () => {
  const guarded = (more: Record<string, unknown> = {}) => minutely({ skipAfterFailure: true }, more);
  async function failNewest(house: ScheduleHouse): Promise<string> {
    const run = (await house.runs('weekly')).at(-1);
    if (run === undefined) throw new Error('there is no run');
    await finish(house.store, run.id, 'failed');
    return run.id;
  }

  test('leaves out exactly one slot, tries again, and leaves one out after the next failure', async () => {
    const house = build([guarded()]);
    await house.tick();
    await tickAMinute(house);
    const first = await failNewest(house);
    await tickAMinute(house);
    expect(await house.runs('weekly')).toHaveLength(1);
    await tickAMinute(house);
    expect(await house.runs('weekly')).toHaveLength(2);
    const second = await failNewest(house);
    await tickAMinute(house);
    expect(await house.runs('weekly')).toHaveLength(2);
    await tickAMinute(house);
    const runs = await house.runs('weekly');
    expect(runs).toHaveLength(3);
    expect((await house.skips('weekly')).map(({ count, reason }) => ({ count, reason }))).toEqual([
      { count: 1, reason: `The run before it, ${first}, failed: it was fated` },
      { count: 1, reason: `The run before it, ${second}, failed: it was fated` },
    ]);
    await finish(house.store, runs.at(-1)?.id ?? '');
    await tickAMinute(house);
    expect(await house.runs('weekly')).toHaveLength(4);
  });

  test('leaves out one slot also when slots before it were left out for another reason', async () => {
    const house = build([guarded({ overlap: 'skip' })]);
    await house.tick();
    await tickAMinute(house);
    await tickAMinute(house);
    const failed = await failNewest(house);
    await tickAMinute(house);
    await tickAMinute(house);
    expect(await house.runs('weekly')).toHaveLength(2);
    expect((await house.skips('weekly')).map((skip) => skip.reason)).toEqual([
      `The run before it, ${failed}, is not over.`,
      `The run before it, ${failed}, failed: it was fated`,
    ]);
  });

  test('leaves out one of the slots that are made up for together', async () => {
    const house = build([
      jobWith([{ when: '*/10 * * * *', catchUp: { policy: 'all', burst: 4 } }], {
        overlap: 'queue',
        guards: { skipAfterFailure: true },
      }),
    ]);
    await house.tick();
    await tickAMinute(house);
    await failNewest(house);
    await house.clock.advance(41 * MINUTE);
    await house.tick();
    expect(await house.runs('weekly')).toHaveLength(4);
    expect((await house.skips('weekly')).map((skip) => skip.count)).toEqual([1]);
  });

  test('lets a person pass, and a slot after a run that was cancelled, removed, or is tried again', async () => {
    const house = build([guarded()]);
    await house.tick();
    await tickAMinute(house);
    const failed = await failNewest(house);
    expect((await ask(house)).outcome).toBe('accepted');
    await house.runner.remove(failed, BEA);
    await tickAMinute(house);
    const removed = await house.runs('weekly');
    expect(removed).toHaveLength(1);
    await house.runner.cancel(removed[0]?.id ?? '', BEA);
    await tickAMinute(house);
    const cancelled = await house.runs('weekly');
    expect(cancelled).toHaveLength(2);
    const error = { code: 'JOB_FAILED', message: 'once more' };
    await settle(house.store, cancelled[1]?.id ?? '', {
      end: 'failed',
      error,
      retryAt: new Date(house.clock.now() + 1000).toISOString(),
    });
    await tickAMinute(house);
    expect(await house.runs('weekly')).toHaveLength(3);
  });

  test('tells it once in the channel of the report, or where failures are told when there is none', async () => {
    const house = build([guarded(), jobWith([{ when: '* * * * *', destinations: ['#sales'] }], { name: 'other' })], {
      alertsTo: [OPS],
    });
    await house.tick();
    await tickAMinute(house);
    await failNewest(house);
    await tickAMinute(house);
    await house.again().tick();
    await tickAMinute(house);
    const notices = (await house.store.listNotices({})).items.map(({ notice }) => notice);
    expect(notices.map(({ kind, deliveries }) => [kind, deliveries.map((one) => one.destination)])).toEqual([
      ['refused', [{ kind: 'slack', channel: '#reports' }]],
    ]);
    expect(notices[0]?.report.summary).toContain('failed: it was fated');
  });

  test('is told once also when the planning breaks off before the skip is stored', async () => {
    const house = build([guarded()]);
    await house.tick();
    await tickAMinute(house);
    await failNewest(house);
    const { advance } = house.store;
    house.store.advance = () => Promise.reject(new Error('broken'));
    await expect(tickAMinute(house)).rejects.toThrow('could be planned');
    house.store.advance = advance;
    await house.tick();
    expect((await house.skips('weekly')).map((skip) => skip.count)).toEqual([1]);
    expect((await house.store.listNotices({})).items).toHaveLength(1);
  });
});
