import { expect, test } from 'vitest';
import { type Terminal } from '../../src/cli/terminal.ts';
import { runsCommand } from '../../src/cli/commands.ts';
import type { Gateway } from '../../src/cli/gateway.ts';
import type { Receipt } from '../../src/store/destinations.ts';
import type { Delivery, Run } from '../../src/store/records.ts';
import { manualClock } from '../support/clock.ts';
import { makeReport, sampleRun } from '../support/delivery-report.ts';

const AT = '2026-11-23T09:00:05.000Z';

function deliveryOf(run: Run, receipt: Receipt): Delivery {
  const destination = { kind: 'slack', channel: '#sales' } as const;
  const parts = [{ n: 1, state: 'sent' as const, startedAt: AT, receipt }];
  const life = { rev: 1, state: 'delivered' as const, createdAt: AT, updatedAt: AT, fence: 1, attempts: 1 };
  return { id: 'dlv_01k9zzzzzzzzzzzzzzzzzzzz8d', mode: 'report', destination, runId: run.id, ...life, parts };
}

/** What `bellhop runs show last` prints. */
async function show(run: Run, deliveries: Delivery[]): Promise<{ out: string; err: string }> {
  const said: { out: string[]; err: string[] } = { out: [], err: [] };
  const terminal: Terminal = {
    out: (text) => said.out.push(text),
    err: (text) => said.err.push(text),
    width: 80,
    color: 'none',
    links: 'written',
    clock: manualClock(),
    signal: new AbortController().signal,
  };
  const find: Gateway['find'] = () => Promise.resolve({ outcome: 'found', run, deliveries });
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- `show` asks for nothing else
  await runsCommand(terminal, { find } as Gateway, { args: ['show', 'last'], json: false, yes: false });
  return { out: said.out.join('\n'), err: said.err.join('\n') };
}

test('a run is shown with its files, what is there in another form, and where its report was withheld', async () => {
  const attachments = [{ name: 'orders.csv', mediaType: 'text/csv', sha256: 'a'.repeat(64), bytes: 12_345 }];
  const rows = Array.from({ length: 30 }, (_, n) => ({ a: `row ${n}` }));
  const table = { kind: 'table' as const, caption: 'Orders', columns: [{ key: 'a', label: 'A' }], rows };
  const run = sampleRun({
    report: makeReport({ attachments, sections: [table] }),
    withheld: [{ destination: { kind: 'email', to: 'ana@example.com' }, reason: 'the report is the same as before' }],
  });
  const receipt: Receipt = {
    kind: 'slack',
    at: AT,
    channel: 'C1',
    ts: '1764000000.000100',
    files: [{ id: 'F1', name: 'orders.csv' }],
    degraded: ['the chart "Revenue" was refused and is shown as text'],
  };
  const { out, err } = await show(run, [deliveryOf(run, receipt)]);
  expect(out).toContain('- orders.csv (12.3 kB)');
  expect(out).toContain('Orders (20 of 30 rows)');
  expect(err).toContain('receipt   slack C1 1764000000.000100\n          with orders.csv (F1)');
  expect(err).toContain('degraded  the chart "Revenue" was refused and is shown as text');
  expect(err).toContain('withheld  mail to ana@example.com: the report is the same as before');
});

test('the receipt of a webhook is shown', async () => {
  const run = sampleRun({ report: makeReport() });
  const sent = { at: AT, url: 'https://hook.example/in', status: 204, bytes: 900, sha256: 'a'.repeat(64) };
  const { err } = await show(run, [deliveryOf(run, { kind: 'webhook', ...sent })]);
  expect(err).toContain('receipt   webhook https://hook.example/in HTTP 204 900 bytes');
});
