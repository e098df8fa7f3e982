import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const MAIN = join(import.meta.dirname, '../support/render-digests.main.ts');

/** The digest of each form of the sample report, made by a process of its own in this zone and language. */
async function digests(TZ: string, language: string): Promise<Record<string, string>> {
  const env = { ...process.env, TZ, LANG: language, LC_ALL: language };
  const { stdout } = await promisify(execFile)(process.execPath, [MAIN], { env, timeout: 120_000 });
  return JSON.parse(stdout);
}

test('a report is the same bytes in every form, picture and file, in another process, zone and language', async () => {
  const there = await digests('Asia/Kathmandu', 'tr_TR.UTF-8');
  expect(await digests('America/St_Johns', 'de_DE.UTF-8')).toEqual(there);
  expect(Object.keys(there)).toEqual(
    expect.arrayContaining(['slack', 'mail', 'terminal', 'csv', 'html', 'md', 'txt', 'json']),
  );
  expect(Object.keys(there).filter((name) => name.endsWith('.png'))).toHaveLength(4);
}, 300_000);
