import { describe, expect, it } from 'vitest';
import { CARD_ACTIONS, drawCard } from '../../src/render/card.ts';
import { describeRun, maskAddress } from '../../src/render/run.ts';
import { checkMessage } from '../../src/render/slack/check.ts';
import { Delivery, RUN_STATES } from '../../src/store/records.ts';
import type { DeliveryState, Run } from '../../src/store/records.ts';
import { sampleRun } from '../support/delivery-report.ts';

const AT = '2026-11-23T09:00:00.000Z';

function delivery(destination: Delivery['destination'], over: Partial<Delivery> = {}): Delivery {
  return Delivery.parse({
    id: 'dlv_01k9zzzzzzzzzzzzzzzzzzzz8d',
    mode: 'report',
    destination,
    runId: sampleRun().id,
    rev: 1,
    state: 'delivered',
    createdAt: AT,
    updatedAt: AT,
    fence: 1,
    attempts: 1,
    parts: [],
    ...over,
  });
}

const show = (run: Run, deliveries: Delivery[] = []): string => JSON.stringify(drawCard({ run, deliveries }));

describe('the card of a run', () => {
  it('says where the report was not sent, and why, beside where it was', () => {
    const sales = { kind: 'slack', channel: '#sales', onlyIf: 'changed' } as const;
    const mail = { kind: 'email', to: 'ana@example.com' } as const;
    const reason = 'nothing has changed since run 8dk2jf';
    const run = sampleRun({
      withheld: [
        { destination: sales, reason },
        { destination: mail, reason: '<!channel>' },
      ],
    });
    const said = show(run, [delivery({ kind: 'slack', channel: '#ops' })]);
    expect(said).toContain('#ops: delivered');
    expect(said).toContain(`#sales: not sent (${reason})`);
    expect(said).toContain('mail to a…@example.com: not sent (&lt;!channel&gt;)');
    expect(show(run)).toContain('📬 *Report*');
    expect(describeRun(run, []).delivery).toContain(`#sales: not sent (${reason})`);
    expect(checkMessage(drawCard({ run, deliveries: [] }))).toEqual([]);
  });
  it('says which schedule asked, when it was due and how late it is', () => {
    const schedule = { name: 'weekly-report', slot: '2026-11-22T08:00:00.000Z', zone: 'Europe/Berlin' };
    const actor = { kind: 'schedule', id: 'weekly-report' } as const;
    const inTime = sampleRun({ trigger: 'schedule', actor, schedule });
    expect(show(inTime)).toContain('asked by schedule weekly-report, due Sun 22 Nov 09:00 (Europe/Berlin) ·');
    const late = { ms: 49_500_000, reason: 'Bellhop was down 22:39-22:45 UTC' };
    const run = sampleRun({ ...inTime, schedule: { ...schedule, late } });
    expect(show(run)).toContain('due Sun 22 Nov 09:00 (Europe/Berlin), 13 h 45 min late');
    expect(describeRun(run, [])).toMatchObject({ actor: 'schedule weekly-report' });
  });

  it.each(RUN_STATES)('in state %s is a message that Slack takes, with the buttons that fit', (state) => {
    const card = drawCard({ run: sampleRun({ state }), deliveries: [] });
    expect(checkMessage(card)).toEqual([]);
    const final = ['completed', 'failed', 'cancelled'].includes(state);
    expect(JSON.stringify(card).includes(CARD_ACTIONS.cancel)).toBe(!final && state !== 'waiting');
    for (const action of [CARD_ACTIONS.approve, CARD_ACTIONS.deny])
      expect(JSON.stringify(card).includes(action)).toBe(state === 'waiting');
    expect(JSON.stringify(card).includes(CARD_ACTIONS.retry)).toBe(final);
    expect(JSON.stringify(card)).toContain(`"value":"${sampleRun().id}"`);
  });

  it('shows fifty steps with long names, a share and an error within the limits', () => {
    const steps = Array.from({ length: 50 }, (_, n) => ({
      title: `<!channel> ${'s'.repeat(180)}${n}`,
      state: n < 49 ? ('completed' as const) : ('running' as const),
      startedAt: AT,
      note: '<@U123> '.repeat(50),
    }));
    const error = { code: 'JOB_FAILED', message: '<!here> '.repeat(2_000), hint: 'x'.repeat(9_000) };
    const run = sampleRun({ state: 'running', progress: { steps, share: 0.42, note: '<!everyone>' }, error });
    const card = drawCard({ run, deliveries: [] });
    expect(checkMessage(card)).toEqual([]);
    expect(JSON.stringify(card)).toContain('30 earlier steps');
    expect(JSON.stringify(card)).toContain('42%');
  });

  it('marks a step that was under way when its run failed as failed', () => {
    const steps = [{ title: 'clone', state: 'running' as const, startedAt: AT }];
    expect(show(sampleRun({ state: 'failed', progress: { steps } }))).toContain('"status":"error"');
    expect(show(sampleRun({ state: 'running', progress: { steps } }))).toContain('"status":"in_progress"');
  });

  it('shows the run and its deliveries as two things, and masks mail addresses', () => {
    const receipt = {
      kind: 'slack' as const,
      at: AT,
      channel: 'C0SALES',
      ts: '1.2',
      permalink: 'https://x.slack.com/p1',
    };
    const deliveries = [
      delivery({ kind: 'slack', channel: 'C0SALES' }, { parts: [{ n: 1, state: 'sent', receipt }] }),
      delivery({ kind: 'email', to: 'ana.ferro@example.com' }, { state: 'sending' }),
    ];
    const card = show(sampleRun(), deliveries);
    expect(card).toContain('completed in 4.2 s');
    expect(card).toContain('<#C0SALES>: <https://x.slack.com/p1|delivered>');
    expect(card).toContain('mail to a…@example.com: sending');
    expect(card).not.toContain('ana.ferro');
  });

  it('lets no text of a job, an actor or an error mention anybody', () => {
    const evil = '<!channel> <@U999> <#C999>';
    const run = sampleRun({
      state: 'failed',
      actor: { kind: 'operator', id: evil, name: evil },
      error: { code: 'JOB_FAILED', message: evil, hint: evil },
      progress: { steps: [{ title: evil, state: 'failed', startedAt: AT, note: evil }] },
    });
    const failed = delivery(
      { kind: 'file', path: evil },
      { state: 'failed', error: { code: 'FILE_FAILED', message: evil } },
    );
    const card = drawCard({ run, deliveries: [failed] });
    expect(card.text).not.toMatch(/<[!@#]/);
    const mrkdwn = JSON.stringify(card).match(/"type":"mrkdwn","text":"(?:[^"\\]|\\.)*"/g) ?? [];
    expect(mrkdwn.length).toBeGreaterThan(2);
    for (const text of mrkdwn) expect(text).not.toMatch(/<(?:!channel|@U999|#C999)/);
  });

  it('mentions a Slack user only when there is no name', () => {
    expect(show(sampleRun({ actor: { kind: 'slack', id: 'U0ANA', name: 'ana' } }))).toContain('asked by ana');
    expect(show(sampleRun({ actor: { kind: 'slack', id: 'U0ANA' } }))).toContain('asked by <@U0ANA>');
    expect(show(sampleRun({ actor: { kind: 'slack', id: 'weird|id' } }))).toContain('asked by weird|id');
  });

  it('holds a hundred deliveries within the limits and says how many are left out', () => {
    const many = Array.from({ length: 100 }, () => delivery({ kind: 'file', path: 'r/'.repeat(100) }));
    const card = drawCard({ run: sampleRun(), deliveries: many });
    expect(checkMessage(card)).toEqual([]);
    expect(JSON.stringify(card)).toMatch(/· \d+ more"/);
  });
});

describe('a run in words', () => {
  it.each<[DeliveryState, string]>([
    ['pending', 'planned'],
    ['sending', 'sending'],
    ['delivered', 'delivered'],
    ['retrying', 'will be tried again'],
    ['unknown', 'may have arrived'],
    ['failed', 'failed'],
  ])('names a delivery in state %s', (state, words) => {
    expect(describeRun(sampleRun(), [delivery({ kind: 'slack', channel: '#sales' }, { state })]).delivery).toBe(
      `Report: #sales: ${words}`,
    );
  });

  it('says where the report went when the channel could not be posted to', () => {
    const receipt = { kind: 'slack' as const, at: AT, channel: 'D1', ts: '1.2', insteadOf: 'C0SALES' };
    const moved = delivery({ kind: 'slack', channel: 'C0SALES' }, { parts: [{ n: 1, state: 'sent', receipt }] });
    expect(describeRun(sampleRun(), [moved]).delivery).toContain('/invite @Bellhop');
  });

  it('masks an address so that its owner still knows it', () => {
    expect(maskAddress('ana@example.com')).toBe('a…@example.com');
    expect(maskAddress('nonsense')).toBe('…');
  });
});
