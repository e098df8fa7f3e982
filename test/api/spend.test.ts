import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createApi } from '../../src/api/app.ts';
import { systemClock } from '../../src/clock.ts';
import { silentLog } from '../../src/log.ts';
import { createTokens } from '../../src/runner/tokens.ts';
import { atTheEdge } from '../support/api-parts.ts';
import { createHouse, type House } from '../support/house.ts';
import { AGENT } from '../support/spending.ts';

const authorization = 'Bearer a-token-of-some-length';
let house: House;
beforeEach(async () => {
  house = await createHouse();
});
afterEach(() => house[Symbol.asyncDispose]());

function api() {
  const { store, runner, scheduler } = house;
  const { schedules } = scheduler;
  const tokens = createTokens({ store, clock: systemClock, log: silentLog }, { bootstrap: 'a-token-of-some-length' });
  return createApi({
    ...atTheEdge(house),
    runner,
    reader: store,
    schedules,
    tokens,
    readiness: () => 'ready',
    backup: () => Promise.reject(new Error('not here')),
    cron: { token: undefined, schedules, reader: store, clock: systemClock, log: silentLog },
    log: silentLog,
  });
}
const allow = (body: unknown) =>
  api().request('/v1/spend/allow', {
    method: 'POST',
    headers: { authorization, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });

describe('money over HTTP', () => {
  test('the caps stand in micro-dollars, the workspace first', async () => {
    const answer = await api().request('/v1/spend', { headers: { authorization } });
    expect(await answer.json()).toMatchObject({
      timeZone: 'UTC',
      pricesAsOf: '2026-11-22',
      standing: [
        { scope: 'day', used: 0, held: 0, cap: null },
        { scope: 'month', used: 0, held: 0, cap: null },
        { scope: 'job', job: AGENT, used: 0, held: 0, cap: 2_500_000, monthUsed: 0 },
      ],
    });
  });

  test('one run is allowed, and a second time it is said', async () => {
    expect(await (await allow({ job: AGENT })).json()).toMatchObject({ outcome: 'allowed', job: AGENT });
    expect(await (await allow({ job: AGENT })).json()).toMatchObject({ outcome: 'already_allowed', job: AGENT });
  });

  test.each([
    [{ job: 'nobody' }, 404, 'JOB_UNKNOWN'],
    [{ job: 'fate' }, 409, 'USAGE'],
    [{}, 400, 'USAGE'],
  ])('%o is refused with %i %s', async (body, status, code) => {
    const answer = await allow(body);
    expect([answer.status, await answer.json()]).toMatchObject([status, { code }]);
  });

  test('metrics come as the text format of Prometheus, 0.0.4', async () => {
    const answer = await api().request('/v1/metrics', { headers: { authorization } });
    expect(answer.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect(await answer.text()).toContain(`bellhop_spend_cap_micro_usd{scope="job",job="${AGENT}"} 2500000\n`);
  });
});
