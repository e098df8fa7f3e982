/** `node bench/run.ts NAME [--quick]`: runs one benchmark; its last line is one JSON object, and it exits 1 when a goal is missed. */
import { benchAck } from './ack.ts';
import { benchAgent } from './agent.ts';
import { benchApi } from './api.ts';
import { benchRender } from './render.ts';
import { printResult } from './result.ts';
import type { BenchResult } from './result.ts';
import { benchSchedules } from './schedules.ts';
import { benchSpecs } from './specs.ts';
import { benchStoreMillion } from './store-million.ts';
import { benchStore } from './store.ts';

const BENCHES: Readonly<Record<string, (options: { quick: boolean }) => Promise<BenchResult>>> = {
  ack: benchAck,
  agent: benchAgent,
  api: benchApi,
  render: benchRender,
  schedules: benchSchedules,
  specs: benchSpecs,
  store: benchStore,
  'store-million': benchStoreMillion,
};

const [name = '', ...flags] = process.argv.slice(2);
const bench = BENCHES[name];
if (bench === undefined || flags.some((flag) => flag !== '--quick')) {
  console.error(`usage: npm run bench -- ${Object.keys(BENCHES).join('|')} [--quick]`);
  process.exit(64); // EX_USAGE of sysexits.h
}
const result = await bench({ quick: flags.includes('--quick') });
printResult(result);
process.exitCode = result.short.length === 0 ? 0 : 1;
