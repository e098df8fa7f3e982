/** Asks, as whatever user it is started by, what level holds, and runs a bounded bomb in it; prints both as JSON. */
import { spawnSync } from 'node:child_process';
import { systemClock } from '../../src/clock.ts';
import { createConfinement } from '../../src/runner/kinds/confine.ts';

const [path = ''] = process.argv.slice(2);
const confinement = createConfinement({ clock: systemClock, env: { PATH: path } });
const level = await confinement.ready();
const bomb = 'for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do sleep 2 & echo one; done';
const limits = { processes: 8 };
const { file, args } = confinement.wrap({ file: 'sh', args: ['-c', bomb], cwd: '/', limits, writable: [] });
const { stdout, stderr } = spawnSync(file, args, { cwd: '/', encoding: 'utf8', timeout: 20_000 });
process.stdout.write(JSON.stringify({ level, children: stdout.split('one').length - 1, stderr }));
confinement.stop();
