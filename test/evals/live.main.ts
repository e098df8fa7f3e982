/**
 * `npm run eval:live`: the set of shops on the real model, for one dollar at most. Needs ANTHROPIC_API_KEY (exit code 78 without it).
 * ANTHROPIC_BASE_URL names a gateway; `--out FILE` is where the results are kept, and the last ones are read from.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { environment } from '../../src/config.ts';
import { CASES } from './cases.ts';
import { loadShipped } from './house.ts';
import { CAP_MICRO_USD, dollars, LiveResults, liveTable, runLive } from './live.ts';
import { table } from './table.ts';

const { values } = parseArgs({
  options: { out: { type: 'string', default: 'test/evals/live-results.json' }, only: { type: 'string' } },
});
const out = resolve(values.out);
const say = (text: string): void => void process.stdout.write(text);

async function lastTime(): Promise<LiveResults | undefined> {
  const text = await readFile(out, 'utf8').catch(() => undefined);
  return text === undefined ? undefined : LiveResults.parse(JSON.parse(text));
}

async function main(): Promise<number> {
  const { ANTHROPIC_API_KEY: apiKey = '', ANTHROPIC_BASE_URL: baseUrl = '' } = environment();
  if (apiKey === '') {
    process.stderr.write(
      'Not shown here: ANTHROPIC_API_KEY is not set, and no model can be asked. npm run eval needs none.\n',
    );
    return 78;
  }
  const job = await loadShipped();
  const names = values.only?.split(',');
  const cases = CASES.filter(({ name }) => names === undefined || names.includes(name));
  const before = await lastTime();
  const claude = { apiKey, ...(baseUrl !== '' && { baseUrl }) };
  const end = await runLive({ job, cases, claude }, ({ name, microUsd }) => say(`${name}  ${dollars(microUsd)}\n`));
  const shown = liveTable(end.rows, before?.rows ?? []);
  say(`\n${table(shown.head, shown.rows)}\n`);
  if (before !== undefined && before.promptSha256 !== job.prompt.sha256) say('The prompt has changed since.\n');
  if (end.left.length > 0) say(`Not run, for less was left than one run may cost: ${end.left.join(', ')}\n`);
  say(
    `${end.rows.length} of ${cases.length} shops on ${job.model}: ${dollars(end.microUsd)} of ${dollars(CAP_MICRO_USD)}\n`,
  );
  const results: LiveResults = { model: job.model, promptSha256: job.prompt.sha256, rows: end.rows };
  await writeFile(out, `${JSON.stringify(results, null, 2)}\n`);
  return end.rows.every(({ state, leaks }) => state === 'completed' && leaks === 0) ? 0 : 1;
}

process.exitCode = await main();
