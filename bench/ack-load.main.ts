/**
 * The load generator of the ack benchmark, in a process of its own so that it does not share a loop with what it measures. Open loop:
 * request i is due at i / rate, whatever became of those before, and its latency counts from then (no coordinated omission), or from when
 * it was sent where a timer fired too early: what was not yet due would seem to be answered before it was asked.
 */
import { Agent, request } from 'node:http';
import { signedRequest } from '../src/playground/sign.ts';
import type { LoadOrder, LoadReport } from './ack-load.ts';

let serial = 0;

process.on('message', (order: LoadOrder) => {
  fire(order).then(
    (report) => process.send?.(report),
    (error: unknown) => process.send?.({ latencies: [], failures: [String(error)] }),
  );
});
process.on('disconnect', () => process.exit(0));

async function fire(order: LoadOrder): Promise<LoadReport> {
  const total = Math.round(order.rate * order.seconds);
  const report: LoadReport = { latencies: [], failures: [] };
  const began = performance.now() + 50;
  const pending: Promise<void>[] = [];
  // Connections of its own: one that was idle while others had their turn may be closed by its server at the very moment of its next use.
  const agent = new Agent({ keepAlive: true, maxSockets: 64 });
  for (let index = 0; index < total; index++) {
    const due = began + (index * 1_000) / order.rate;
    const wait = due - performance.now();
    if (wait > 0.5) await new Promise((resolve) => setTimeout(resolve, wait));
    const from = Math.min(due, performance.now());
    pending.push(
      send(order, agent).then(
        () => void report.latencies.push(performance.now() - from),
        (error: unknown) => void report.failures.push(error instanceof Error ? error.message : 'failed'),
      ),
    );
  }
  await Promise.all(pending);
  agent.destroy();
  return report;
}

function send(order: LoadOrder, agent: Agent): Promise<void> {
  serial += 1;
  const body = new URLSearchParams({ ...order.fields, trigger_id: `${process.pid}.${serial}` }).toString();
  const headers = {
    'content-type': 'application/x-www-form-urlencoded',
    'content-length': Buffer.byteLength(body),
    ...signedRequest({ secret: order.secret, body, timestamp: Math.floor(Date.now() / 1_000) }),
  };
  return new Promise((resolve, reject) => {
    const call = request(order.url, { method: 'POST', agent, headers, timeout: 5_000 }, (response) => {
      response.resume();
      response.on('error', reject);
      response.on('end', () =>
        response.statusCode === 200 ? resolve() : reject(new Error(`HTTP ${response.statusCode}`)),
      );
    });
    call.on('timeout', () => call.destroy(new Error('no answer in 5 s')));
    call.on('error', reject);
    call.end(body);
  });
}
