import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Run } from '../../src/store/records.ts';
import { accept, lowdbHarness } from '../support/store-harness.ts';
import type { LowdbHarness } from '../support/store-harness.ts';

let h: LowdbHarness;
beforeEach(async () => {
  h = await lowdbHarness();
});
afterEach(() => h.dispose());

/** Kills the store, changes the text of its only segment, and opens it again. */
async function reopenDamaged(damage: (text: string) => string): Promise<string> {
  await h.faults.kill();
  const folder = join(h.dir, 'journal');
  const names = await readdir(folder);
  expect(names).toHaveLength(1);
  const path = join(folder, names[0] ?? '');
  const text = await readFile(path, 'utf8');
  expect(damage(text)).not.toBe(text);
  await writeFile(path, damage(text));
  await h.reopen('crash');
  return damage(text);
}
const there = async (runs: readonly Run[]): Promise<boolean[]> =>
  Promise.all(runs.map(async ({ id }) => (await h.store.get(id)) !== undefined));

describe('a journal', () => {
  for (const [which, week] of [
    ['first', 1],
    ['middle', 2],
  ] as const) {
    it(`whose ${which} line changed on the disk is kept as it is, its sound lines count, and health says so`, async () => {
      const runs = [
        await accept(h.store, { input: { week: 1 } }),
        await accept(h.store, { input: { week: 2 } }),
        await accept(h.store, { input: { week: 3 } }),
      ];
      // Still JSON, and still a run: only the checksum can tell.
      const damaged = await reopenDamaged((text) => text.replace(`"week":${week}`, '"week":9'));
      expect(await there(runs)).toEqual(runs.map(({ input }) => JSON.stringify(input) !== JSON.stringify({ week })));
      expect(h.report?.quarantined).toMatchObject([{ path: expect.stringContaining('journal') }]);
      expect(h.store.health().quarantined).toBe(1);
      const kept = (await readdir(join(h.dir, 'quarantine'))).filter((name) => !name.endsWith('.reason.txt'));
      expect(await readFile(join(h.dir, 'quarantine', kept[0] ?? ''), 'utf8')).toBe(damaged);
    });
  }
  it('of which a whole segment is damaged keeps it, and applies the one after it', async () => {
    const lost = await accept(h.store, { input: { week: 1 } });
    await h.faults.kill();
    const folder = join(h.dir, 'journal');
    const [name = ''] = await readdir(folder);
    const text = await readFile(join(folder, name), 'utf8');
    await h.reopen('crash');
    // This life writes its own segment, after the one that it found.
    const run = await accept(h.store);
    await h.faults.kill();
    await writeFile(join(folder, name), text.replaceAll('"week":1', '"week":9'));
    expect(await readdir(folder)).toHaveLength(2);
    await h.reopen('crash');
    expect(await there([lost, run])).toEqual([false, true]);
    expect(h.store.health().quarantined).toBe(1);
  });
  it('that ends in a torn line loses that line, which nobody was promised, and nothing is set aside', async () => {
    const run = await accept(h.store);
    const torn = await accept(h.store);
    await reopenDamaged((text) => text.slice(0, -10));
    expect(await there([run, torn])).toEqual([true, false]);
    expect(h.report?.quarantined).toEqual([]);
    const next = await accept(h.store);
    await h.reopen('crash');
    expect(await there([run, next])).toEqual([true, true]);
  });
});
