/** Writes what the next life of the writers must know: `node store-heritage.main.ts LIFE HERITAGE.json LEDGER…`. */
import { readFile, writeFile } from 'node:fs/promises';
import { addEntries, newLedger } from './ledger.ts';
import { parseEntries } from './ledger-entries.ts';
import { heritageOf } from './store-heritage.ts';
import { createFindings } from './store-laws.ts';

const [life, heritagePath, ...paths] = process.argv.slice(2);
if (life === undefined || heritagePath === undefined) throw new Error('which life, and where does its heritage go?');
const ledger = newLedger();
for (const path of paths) addEntries(ledger, parseEntries(await readFile(path, 'utf8')), createFindings());
await writeFile(heritagePath, JSON.stringify(heritageOf(ledger, Number(life))));
