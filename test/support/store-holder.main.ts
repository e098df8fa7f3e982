/** A process that holds a data folder until it is killed: `node store-holder.main.ts DIR`; prints `holding` or the code of its refusal. */
import { systemClock } from '../../src/clock.ts';
import { codeOf } from '../../src/errors.ts';
import { createIds } from '../../src/ids.ts';
import { silentLog } from '../../src/log.ts';
import { openStore } from '../../src/store/open.ts';
import { accept } from './store-harness.ts';

const dir = process.argv[2];
if (dir === undefined) throw new Error('which folder?');
try {
  const deps = { clock: systemClock, ids: createIds(systemClock), log: silentLog, version: '0.0.0-test' };
  const { store } = await openStore({ backend: 'lowdb', dir }, deps);
  const run = await accept(store);
  process.stdout.write(`holding ${run.id}\n`);
  setInterval(() => undefined, 60_000);
} catch (error) {
  process.stdout.write(`${codeOf(error) ?? 'failed'}\n`);
}
