/** Copies one folder to another in batches of a few records: `node store-copy.main.ts FROM TO`; prints a line a batch, and `copied`. */
import { systemClock } from '../../src/clock.ts';
import { createIds } from '../../src/ids.ts';
import { silentLog } from '../../src/log.ts';
import { copyStore } from '../../src/store/copy.ts';
import { openCopySource, openCopyTarget } from '../../src/store/open.ts';

const [from, to] = process.argv.slice(2);
if (from === undefined || to === undefined) throw new Error('from where, and to where?');
const deps = { clock: systemClock, ids: createIds(systemClock), log: silentLog, version: '0.0.0-test' };
const source = await openCopySource({ backend: 'lowdb', dir: from }, deps);
const target = await openCopyTarget({ backend: 'lowdb', dir: to }, deps);
const progress = ({ copied }: { copied: number }): void => void process.stdout.write(`batch ${copied}\n`);
const { signal } = new AbortController();
await copyStore({ source, target }, { now: systemClock.now(), signal, progress }, { items: 5, bytes: 65_536 });
await target.close();
process.stdout.write('copied\n');
