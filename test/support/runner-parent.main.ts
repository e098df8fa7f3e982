/** A process with a runner of its own that starts the job `apart` of the given folder; the test kills it. */
import { systemClock } from '../../src/clock.ts';
import { silentLog } from '../../src/log.ts';
import { createRegistry } from '../../src/runner/registry.ts';
import { buildHouse } from './runner-house.ts';

const registry = createRegistry({ dir: process.argv[2] ?? '', clock: systemClock, log: silentLog });
const house = buildHouse({ registry });
await house.runner.start();
const run = await house.ask('apart');
await house.until(run.id);
