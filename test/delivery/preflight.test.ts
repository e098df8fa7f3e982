/** Many places, looked at within bounds, whatever they do. */
import { describe, expect, test } from 'vitest';
import { createIds } from '../../src/ids.ts';
import { silentLog } from '../../src/log.ts';
import { createPreflight } from '../../src/delivery/preflight.ts';
import type { CheckFacts, Transport } from '../../src/delivery/transport.ts';
import { createMemoryStore } from '../../src/store/memory.ts';
import { suppress } from '../../src/store/suppressions.ts';
import type { Destination } from '../../src/store/destinations.ts';
import { verdictOf, type Problem } from '../../src/store/preflight-records.ts';
import { manualClock } from '../support/clock.ts';
import { outboxBench, scriptedTransport, SLACK } from '../support/delivery-outbox.ts';

const { signal } = new AbortController();
const GONE: Problem = { code: 'PLACE_GONE', message: 'it is gone', hint: '', severity: 'fails' };
type Answer = (destination: Destination, facts: CheckFacts) => Promise<Problem[]>;

function lab(answer: Answer = () => Promise.resolve([])) {
  const clock = manualClock();
  const store = createMemoryStore({ clock, ids: createIds(clock), log: silentLog });
  const asked: Destination[] = [];
  let underWay = 0;
  let most = 0;
  const check: NonNullable<Transport['check']> = async (destination, facts) => {
    asked.push(destination);
    most = Math.max(most, ++underWay);
    return answer(destination, facts).finally(() => underWay--);
  };
  const slack: Transport = { ...scriptedTransport(clock).transport, check };
  const preflight = createPreflight({ store, transports: { slack }, clock, log: silentLog });
  return {
    clock,
    store,
    asked,
    most: () => most,
    look: (destinations: readonly Destination[], how: 'kept' | 'fresh' = 'kept') =>
      preflight.examine({ job: 'weekly-report', destinations, how }, signal),
  };
}

describe('a look', () => {
  test('answers for each place in its order', async () => {
    const { look } = lab((one) => Promise.resolve(one.kind === 'slack' && one.channel === 'C0TWO' ? [GONE] : []));
    const checked = await look([SLACK('C0ONE'), SLACK('C0TWO'), SLACK('C0THREE')]);
    expect(checked.map(({ problems }) => verdictOf(problems))).toEqual(['ok', 'fails', 'ok']);
  });

  test('says of a way that is off what a delivery would say, and of a way that nobody can look at that it is unknown', async () => {
    const clock = manualClock();
    const store = createMemoryStore({ clock, ids: createIds(clock), log: silentLog });
    const { check: _none, ...slack } = { check: undefined, ...scriptedTransport(clock).transport };
    const { examine } = createPreflight({ store, transports: { slack }, clock, log: silentLog });
    const destinations: Destination[] = [{ kind: 'email', to: 'ana@example.com' }, SLACK('C0ONE')];
    const [mail, chat] = await examine({ job: 'x', destinations, how: 'kept' }, signal);
    expect(mail?.problems).toEqual([
      {
        code: 'TRANSPORT_OFF',
        message: 'Delivery by email is not configured.',
        hint: 'Set SMTP_URL and BELLHOP_MAIL_FROM.',
        severity: 'fails',
      },
    ]);
    expect(chat?.problems).toMatchObject([{ code: 'CANNOT_LOOK', severity: 'unknown' }]);
  });

  test('that throws is unknown, and the others are looked at', async () => {
    const { look } = lab((one) =>
      one.kind === 'slack' && one.channel === 'C0ONE' ? Promise.reject(new Error('boom')) : Promise.resolve([]),
    );
    const checked = await look([SLACK('C0ONE'), SLACK('C0TWO')]);
    expect(checked.map(({ problems }) => verdictOf(problems))).toEqual(['unknown', 'ok']);
  });

  test('that does not come back is unknown after its time, and its way is not waited for again at once', async () => {
    const { look, clock, asked } = lab(() => new Promise(() => undefined));
    const first = look([SLACK('C0ONE')]);
    await clock.advance(8_000);
    expect((await first)[0]?.problems).toMatchObject([{ code: 'TIMED_OUT', severity: 'unknown' }]);
    const many = await look(Array.from({ length: 50 }, (_, n) => SLACK(`C0N${n}`)));
    expect(many.every(({ problems }) => problems[0]?.code === 'TIMED_OUT')).toBe(true);
    expect(asked).toHaveLength(1);
  });

  test('is kept for ten minutes, unless a person asks', async () => {
    const { look, clock, asked } = lab();
    await look([SLACK('C0ONE')]);
    await look([SLACK('C0ONE')]);
    expect(asked).toHaveLength(1);
    await look([SLACK('C0ONE')], 'fresh');
    expect(asked).toHaveLength(2);
    await clock.advance(10 * 60_000);
    await look([SLACK('C0ONE')]);
    expect(asked).toHaveLength(3);
  });

  test('at 200 places is four at a time, and no more than Slack allows: 20 at once, then 25 a minute', async () => {
    const { look, clock, asked, most } = lab();
    const looking = look(Array.from({ length: 200 }, (_, n) => SLACK(`C0N${n}`)));
    await clock.advance(1);
    expect(asked).toHaveLength(20);
    await clock.advance(60_000);
    expect(asked).toHaveLength(45);
    await clock.advance(10 * 60_000);
    expect(await looking).toHaveLength(200);
    expect(most()).toBeLessThanOrEqual(4);
  });
});

describe('what is known of a place', () => {
  async function factsAfter(receipts: 'arrived' | 'elsewhere'): Promise<CheckFacts> {
    const bench = outboxBench();
    bench.script.transport.send = (request) =>
      Promise.resolve({
        kind: 'slack',
        at: '2026-11-23T09:00:00.000Z',
        channel: 'C0SALES',
        ts: `1790000000.00000${request.n}`,
        ...(receipts === 'elsewhere' ? { insteadOf: '#sales' } : {}),
      });
    await bench.plan([SLACK('#sales')]);
    await using outbox = bench.outbox();
    outbox.start();
    await bench.clock.advance(100);
    let seen: CheckFacts = {};
    const check: Transport['check'] = (_destination, facts) => {
      seen = facts;
      return Promise.resolve([]);
    };
    const transports = { slack: { ...bench.script.transport, check } };
    const { examine } = createPreflight({ store: bench.store, transports, clock: bench.clock, log: silentLog });
    await examine({ job: 'weekly-report', destinations: [SLACK('#sales')], how: 'kept' }, signal);
    return seen;
  }

  test('is the last report and the channel in which it arrived', async () => {
    const facts = await factsAfter('arrived');
    expect(facts).toMatchObject({ channelId: 'C0SALES', report: { title: 'Weekly report' } });
  });

  test('is not the direct message to which a report went instead', async () => {
    expect((await factsAfter('elsewhere')).channelId).toBeUndefined();
  });

  test('is why its address gets no mail of this job; who unsubscribed from another one still gets this', async () => {
    const clock = manualClock();
    const store = createMemoryStore({ clock, ids: createIds(clock), log: silentLog });
    const at = '2026-11-22T09:00:00.000Z';
    const off = { why: 'unsubscribed', at } as const;
    await suppress(store, { address: 'Ana@Example.com', reason: { ...off, list: 'weekly' } });
    await suppress(store, { address: 'bo@example.com', reason: { ...off, list: 'daily' } });
    await suppress(store, { address: 'cy@example.com', reason: { why: 'rejected', answer: '550 no', at } });
    await suppress(store, { address: 'di@example.com', reason: { why: 'operator', at } });
    const seen: CheckFacts[] = [];
    const check: Transport['check'] = (_destination, facts) => {
      seen.push(facts);
      return Promise.resolve([]);
    };
    const email: Transport = { ...scriptedTransport(clock).transport, kind: 'email', check };
    const { examine } = createPreflight({ store, transports: { email }, clock, log: silentLog });
    for (const name of ['ana', 'bo', 'cy', 'di', 'eve']) {
      const destinations: Destination[] = [{ kind: 'email', to: `${name}@example.com` }];
      await examine({ job: 'weekly', destinations, how: 'kept' }, signal);
    }
    expect(seen.map(({ suppressed }) => suppressed)).toEqual([
      'its owner unsubscribed from weekly',
      undefined,
      'the mail server said there is no such mailbox (550 no)',
      'an operator put it on the suppression list',
      undefined,
    ]);
  });
});
