import { expect, test } from 'vitest';
import { BEA, jobWith, OPS, scheduleHouse } from '../support/schedule-house.ts';

const ASK = { job: 'weekly', when: 'mon 10:00', zone: 'UTC', input: {}, as: 'json', actor: BEA } as const;
const HOUR = 3_600_000;

test("the runs of a schedule that was made in a place have that place as their job's origin, also one that is run now", async () => {
  const house = scheduleHouse({ jobs: [jobWith([], { destinations: ['origin', 'ana@example.com'] })] });
  const made = await house.schedules.create({ ...ASK, origin: OPS });
  const places = [OPS, { kind: 'email', to: 'ana@example.com' }];
  expect(made).toMatchObject({ outcome: 'created', view: { destinations: 'job', places } });
  await house.tick();
  await house.clock.advance(HOUR);
  await house.tick();
  expect((await house.runs('weekly.mon-1000')).map(({ origin }) => origin)).toEqual([OPS]);
  expect(await house.schedules.runNow('weekly', BEA)).toMatchObject({ outcome: 'accepted', run: { origin: OPS } });
});

test('a schedule of a job that answers only where it was asked is refused where nobody could see its report', async () => {
  const house = scheduleHouse({ jobs: [jobWith([], { destinations: ['origin'] })] });
  expect(await house.schedules.create(ASK)).toMatchObject({ outcome: 'invalid', field: 'destinations' });
  expect(await house.schedules.create({ ...ASK, origin: OPS })).toMatchObject({ outcome: 'created' });
});
