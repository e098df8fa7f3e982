/**
 * The server with one fault: it kills itself (SIGKILL) the first time it comes to CRASH_POINT. The product has no such hooks: the points
 * are before and after verbs of the port, which the composition lets a test wrap.
 */
import { existsSync, writeFileSync } from 'node:fs';
import { environment, loadConfig } from '../../src/config.ts';
import { startServer } from '../../src/main.ts';
import type { DeliveryMode } from '../../src/store/records.ts';
import type { Store } from '../../src/store/store.ts';

const env = environment();
const wanted = env['CRASH_POINT'] ?? '';
const marker = env['CRASH_MARKER'] ?? '';

function at(point: string): void {
  if (point !== wanted || existsSync(marker)) return;
  writeFileSync(marker, point);
  process.kill(process.pid, 'SIGKILL');
  for (;;); // nothing may happen between the signal and the end
}

function mined(store: Store): Store {
  const modes = new Map<string, DeliveryMode>();
  return {
    ...store,
    async submit(runs) {
      at('accept');
      const outcomes = await store.submit(runs);
      at('stored');
      return outcomes;
    },
    async claim(request) {
      const claimed = await store.claim(request);
      if (claimed.length > 0) at('claim');
      return claimed;
    },
    async settle(settlements) {
      at('before settle');
      const outcomes = await store.settle(settlements);
      at('settle');
      return outcomes;
    },
    async claimDeliveries(request) {
      const claimed = await store.claimDeliveries(request);
      for (const { delivery } of claimed) modes.set(delivery.id, delivery.mode);
      if (claimed.some(({ delivery }) => delivery.mode === 'report')) at('P0');
      return claimed;
    },
    async recordPart(change) {
      const report = modes.get(change.lease.deliveryId) === 'report';
      if (report && change.part?.state === 'sent') at('P3');
      const recorded = await store.recordPart(change);
      if (report && change.part?.state === 'sending') at('P1');
      if (report && change.part?.state === 'sent') at('P4');
      return recorded;
    },
  };
}

const config = loadConfig(env, process.cwd());
const server = await startServer(config, { env, wrapStore: mined });
server.bellhop.log.info('bellhop ready', { address: `${config.host}:${server.port}` });
