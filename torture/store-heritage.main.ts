/** Writes what the next life of the writers must know: `node store-heritage.main.ts HERITAGE.json LEDGER…`. */
import { readFile, writeFile } from 'node:fs/promises';
import { addEntries, newLedger } from './ledger.ts';
import { parseEntries } from './ledger-entries.ts';
import { heritageOf } from './store-heritage.ts';
import { createFindings } from './store-laws.ts';

const [heritagePath, ...paths] = process.argv.slice(2);
if (heritagePath === undefined) throw new Error('where does the heritage go?');
const ledger = newLedger();
for (const path of paths) addEntries(ledger, parseEntries(await readFile(path, 'utf8')), createFindings());
await writeFile(heritagePath, JSON.stringify(heritageOf(ledger)));
