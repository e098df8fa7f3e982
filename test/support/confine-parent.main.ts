/** A process with a runner of its own whose job leaves two sleepers with the given argument; the test kills it. */
import { systemClock } from '../../src/clock.ts';
import { createConfinement } from '../../src/runner/kinds/confine.ts';
import { buildHouse } from './runner-house.ts';

const [path = '', mark = ''] = process.argv.slice(2);
const confinement = createConfinement({ clock: systemClock, env: { PATH: path } });
const command = ['sh', '-c', `setsid sleep ${mark} & sleep ${mark}`];
const job = { name: 'tool', description: 'Leaves sleepers', kind: 'command', command };
const house = buildHouse({ jobs: [job], confinement });
await house.runner.start();
const run = await house.ask('tool');
await house.until(run.id);
