/** `node torture/run.ts NAME [--quick]`: runs one torture; its last line is one JSON object, and it exits 1 when harm was found. */
import { printResult } from './result.ts';
import type { TortureResult } from './result.ts';
import { tortureStore } from './store.ts';
import { tortureTime } from './time.ts';

const TORTURES: Readonly<Record<string, (options: { quick: boolean }) => Promise<TortureResult>>> = {
  store: tortureStore,
  time: tortureTime,
};

const [name = '', ...flags] = process.argv.slice(2);
const torture = TORTURES[name];
if (torture === undefined || flags.some((flag) => flag !== '--quick')) {
  console.error(`usage: npm run torture -- ${Object.keys(TORTURES).join('|')} [--quick]`);
  process.exit(64); // EX_USAGE of sysexits.h
}
const result = await torture({ quick: flags.includes('--quick') });
printResult(result);
process.exitCode = result.short.length === 0 ? 0 : 1;
