/** What stands in the way of a report file, seen before it. */
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createFileCheck } from '../../src/delivery/file-check.ts';
import { tempFolder } from '../support/runner-house.ts';

const { signal } = new AbortController();
const MB = 1_000_000;
const roomy = (): Promise<{ bavail: number; bsize: number }> => Promise.resolve({ bavail: 1_000, bsize: MB });

async function look(reportsDir: string, path: string, space = roomy) {
  const problems = await createFileCheck({ reportsDir, space })({ kind: 'file', path }, {}, signal);
  return problems.map(({ code, severity }) => `${severity} ${code}`);
}

test('a folder that may be written, or be made, is well, and nothing is made for it', async () => {
  await using home = await tempFolder();
  expect(await look(join(home.dir, 'reports'), '{job}/{date}.html')).toEqual([]);
  expect(await look(home.dir, join(home.dir, 'a', 'b', 'c.md'))).toEqual([]);
  expect(await readdir(home.dir)).toEqual([]);
});

test('a path out of the reports folder, a file in the place of a folder, and an ending nobody can write fail', async () => {
  await using home = await tempFolder();
  await writeFile(join(home.dir, 'taken'), '');
  expect(await look(home.dir, '../elsewhere.html')).toEqual(['fails FOLDER_UNWRITABLE']);
  expect(await look(home.dir, 'taken/x.html')).toEqual(['fails FOLDER_UNWRITABLE']);
  expect(await look(home.dir, 'x.docx')).toEqual(['fails FILE_FORMAT']);
});

test('a full disk fails, one that is nearly full degrades', async () => {
  await using home = await tempFolder();
  expect(await look(home.dir, 'x.html', () => Promise.resolve({ bavail: 0, bsize: MB }))).toEqual(['fails DISK_FULL']);
  expect(await look(home.dir, 'x.html', () => Promise.resolve({ bavail: 30, bsize: MB }))).toEqual([
    'degrades DISK_LOW',
  ]);
});
