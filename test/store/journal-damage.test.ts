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
    await reopenDamaged((text) => text.trimEnd().slice(0, -10));
    expect(await there([run, torn])).toEqual([true, false]);
    expect(h.report?.quarantined).toEqual([]);
    const next = await accept(h.store);
    await h.reopen('crash');
    expect(await there([run, next])).toEqual([true, true]);
  });
  /** Three commits that were written in one go, which begins with the second line. */
  async function batch(): Promise<Run[]> {
    await accept(h.store);
    await h.reopen('clean');
    await accept(h.store);
    return Promise.all([1, 2, 3].map((week) => accept(h.store, { input: { week } })));
  }
  /** Puts room where the line with this text was, as a write that reached the disk in part leaves it. */
  const without =
    (part: string) =>
    (text: string): string =>
      text
        .split('\n')
        .map((line) => (line.includes(part) ? ' '.repeat(line.length) : line))
        .join('\n');
  it('whose newest batch is torn in the middle loses what is missing of it, and nothing is set aside or read anew', async () => {
    const runs = await batch();
    await reopenDamaged(without('"week":2'));
    expect(await there(runs)).toEqual([true, false, true]);
    expect(h.report).toMatchObject({ quarantined: [], rebuilt: false });
    const next = await accept(h.store);
    await h.reopen('crash');
    expect(await there([...runs, next])).toEqual([true, false, true, true]);
    expect(h.report).toMatchObject({ quarantined: [], rebuilt: false });
  });
  it('of which a line of an older batch is missing was damaged, for that batch had been acknowledged', async () => {
    const runs = await batch();
    const after = await accept(h.store);
    await reopenDamaged(without('"week":2'));
    expect(await there([...runs, after])).toEqual([true, false, true, true]);
    expect(h.store.health().quarantined).toBe(1);
  });
  it('that has room for a line and none to grow takes the line, and leaves the reserve where it is', async () => {
    let writes = 0;
    h.faults.on(({ op, path }) => {
      if (op !== 'write' || !path.includes('journal')) return undefined;
      writes++;
      if (writes === 1) return 2000;
      return writes === 2 ? 'ENOSPC' : undefined;
    });
    const run = await accept(h.store);
    expect(h.faults.seen().filter(({ op, path }) => op === 'unlink' && path.endsWith('RESERVE'))).toEqual([]);
    const next = await accept(h.store);
    await h.reopen('crash');
    expect(await there([run, next])).toEqual([true, true]);
  });
});
