import { expect, test } from 'vitest';
import { describeReceipt } from '../../src/render/run.ts';

test('a receipt names the files that were attached, and says on one line each what is not as it was asked for', () => {
  const at = '2026-11-23T09:00:00.000Z';
  const degraded = ['Not attached: b.csv.\u001b[2J\nSlack said missing_scope.'];
  const slack = { kind: 'slack', at, channel: 'C0REPORTS', ts: '1700000000.000100' } as const;
  expect(describeReceipt(slack)).toBe('Slack C0REPORTS ts 1700000000.000100');
  expect(describeReceipt({ ...slack, files: [{ id: 'F1', name: 'a.csv' }], degraded })).toBe(
    'Slack C0REPORTS ts 1700000000.000100 · files a.csv · ⚠️ Not attached: b.csv. Slack said missing_scope.',
  );
  const mail = { kind: 'email', at, to: 'ana@example.com', messageId: '<1@x>', response: '250 ok' } as const;
  expect(describeReceipt({ ...mail, degraded })).toMatch(/^mail <1@x> · 250 ok · ⚠️ Not attached: b\.csv\./);
});
