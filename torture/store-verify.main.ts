/**
 * Opens a store and holds it against ledger files: `node store-verify.main.ts DIR UNANSWERED.json LEDGER…`. Writes the keys that were never
 * answered for the next writer, prints one JSON line, and exits 1 when harm was found.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { systemClock } from '../src/clock.ts';
import { createIds } from '../src/ids.ts';
import { silentLog } from '../src/log.ts';
import { openStore } from '../src/store/open.ts';
import { addEntries, newLedger, parseEntries, unansweredOf } from './ledger.ts';
import { addFindings, auditAnswers, auditWhole } from './store-audit.ts';

const [dir, unansweredPath, ...paths] = process.argv.slice(2);
if (dir === undefined || unansweredPath === undefined) throw new Error('which folder, and where do the keys go?');
const ledger = newLedger();
for (const path of paths) addEntries(ledger, parseEntries(await readFile(path, 'utf8')));
await writeFile(unansweredPath, JSON.stringify(unansweredOf(ledger)));
const deps = { clock: systemClock, ids: createIds(systemClock), log: silentLog, version: '0.0.0-torture' };
const { store, report } = await openStore({ backend: 'lowdb', dir }, deps);
const found = await auditAnswers(store, ledger, () => true);
addFindings(found, await auditWhole(store, ledger));
found.corrupt.push(...report.quarantined.map(({ path, reason }) => `${path}: ${reason}`));
await store.close();
const harm = Object.values(found).flat();
for (const one of harm.slice(0, 10)) console.error(one);
const counts = Object.fromEntries(Object.entries(found).map(([kind, list]) => [kind, list.length]));
console.log(JSON.stringify({ acknowledged: ledger.answers, runs: report.runs, openMs: report.ms, ...counts }));
process.exitCode = harm.length === 0 ? 0 : 1;
