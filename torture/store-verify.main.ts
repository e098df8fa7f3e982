/**
 * Opens a store and holds it against ledger files: `node store-verify.main.ts DIR LIFE LEDGER…`. Prints the table of laws and one JSON line,
 * and exits 1 when harm was found.
 */
import { readFile } from 'node:fs/promises';
import { addEntries, newLedger } from './ledger.ts';
import { parseEntries } from './ledger-entries.ts';
import { inspect } from './store-inspection.ts';
import { createFindings, LAW_NAMES, tableOf, verdictOf } from './store-laws.ts';

const [dir, life, ...paths] = process.argv.slice(2);
if (dir === undefined || life === undefined) throw new Error('which folder, and after which life?');
const ledger = newLedger();
const found = createFindings();
for (const path of paths) addEntries(ledger, parseEntries(await readFile(path, 'utf8')), found);
const openMs = await inspect({ dir, life: Number(life), ledger, found, depth: 'whole' });
if (LAW_NAMES.some((law) => found.harms(law) > 0)) console.error(tableOf(found));
for (const law of LAW_NAMES) for (const text of found.texts(law)) console.error(`${law}: ${text}`);
const { counts } = verdictOf(found);
console.log(JSON.stringify({ acknowledged: ledger.answers, openMs, ...counts }));
process.exitCode = Object.values(counts).some((count) => count > 0) ? 1 : 0;
