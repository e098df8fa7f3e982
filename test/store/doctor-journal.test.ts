import { readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { commitOf } from '../../src/store/lowdb/journal-forms.ts';
import { layoutOf } from '../../src/store/lowdb/layout.ts';
import type { Layout } from '../../src/store/lowdb/layout.ts';
import { linesOf } from '../../src/store/lowdb/line.ts';
import type { Run } from '../../src/store/records.ts';
import { kindsOf, look } from '../support/store-folder.ts';
import { accept, lowdbHarness } from '../support/store-harness.ts';
import type { LowdbHarness } from '../support/store-harness.ts';

let h: LowdbHarness;
let at: Layout;
let runs: Run[];
beforeEach(async () => {
  h = await lowdbHarness();
  at = layoutOf(h.dir);
  runs = [];
  for (let n = 0; n < 6; n++) runs.push(await accept(h.store, { input: { n } }));
  await h.faults.kill();
});
afterEach(() => h.dispose());

async function segments(): Promise<string[]> {
  return (await readdir(at.journal)).toSorted((a, b) => a.localeCompare(b)).map((name) => join(at.journal, name));
}
/** The runs whose line is whole in these bytes. */
function wholeIn(bytes: Uint8Array): Set<string> {
  const changes = [...linesOf(bytes)].flatMap(({ value }) => commitOf(value)?.changes ?? []);
  return new Set(changes.flatMap((change) => (change.kind === 'run' ? [change.run.id] : [])));
}

describe('a journal', () => {
  it('in which any one bit has changed is never called sound; after a fix the store opens with every whole line', async () => {
    const [path = ''] = await segments();
    const sound = await readFile(path);
    expect(kindsOf((await look(h.dir)).verdict)).toEqual([]);
    let flips = 0;
    for (let offset = 0; offset < sound.length; offset += 64) {
      const flipped = Buffer.from(sound);
      flipped[offset] = (flipped[offset] ?? 0) ^ (1 << (offset % 8));
      await writeFile(path, flipped);
      const { verdict } = await look(h.dir);
      expect(verdict.findings, `bit at ${offset}`).toHaveLength(1);
      expect(verdict.findings[0]?.kind).toMatch(/^journal-(?:gap|ending|torn)$/);
      expect(verdict.findings[0]?.path).toBe(`journal/${path.slice(at.journal.length + 1)}`);
      flips++;
    }
    expect(flips).toBeGreaterThan(30);
  });
  for (const [where, line] of [
    ['at its begin', 0],
    ['in its middle', 3],
    ['at its end', 5],
  ] as const) {
    it(`damaged ${where} names the line; a fix keeps a copy and what is whole`, async () => {
      const [path = ''] = await segments();
      const damaged = (await readFile(path, 'utf8')).replace(`"n":${line}`, '"n":9');
      await writeFile(path, damaged);
      const { verdict } = await look(h.dir);
      expect(verdict).toMatchObject({ sound: false, findings: [{ count: 1, mends: true }] });
      expect(verdict.findings[0]?.examples[0]?.detail).toMatch(line === 5 ? /after line 5/ : `line ${line + 1} is`);
      const whole = wholeIn(Buffer.from(damaged));
      expect(whole.size).toBe(5);
      const { mended } = await look(h.dir, { fix: true });
      expect(kindsOf(mended?.after ?? verdict)).toEqual(['quarantined']);
      const kept = (await readdir(at.quarantine)).filter((name) => name.endsWith('.json'));
      expect(await readFile(join(at.quarantine, kept[0] ?? ''), 'utf8')).toBe(damaged);
      await h.reopen('crash');
      for (const { id } of runs) expect((await h.store.get(id)) !== undefined).toBe(whole.has(id));
    });
  }
  it('that ends in the middle of a line is sound: nobody was promised that line', async () => {
    const [path = ''] = await segments();
    await writeFile(path, (await readFile(path)).subarray(0, -20));
    expect((await look(h.dir)).verdict).toMatchObject({
      sound: true,
      findings: [{ kind: 'journal-torn', severity: 'info' }],
      counts: { journalLines: 5 },
    });
  });
  it('of which a segment between two is gone names the lines; one whose lines are in the files too is less bad', async () => {
    await h.reopen('crash');
    await accept(h.store);
    await h.faults.kill();
    await h.reopen('crash');
    await accept(h.store);
    await h.faults.kill();
    const paths = await segments();
    expect(paths).toHaveLength(3);
    const middle = await readFile(paths[1] ?? '');
    await rm(paths[1] ?? '');
    const { verdict } = await look(h.dir);
    expect(verdict.findings).toMatchObject([
      { kind: 'journal-gap', count: 1, examples: [{ detail: 'line 7 is missing or damaged' }] },
    ]);
    await writeFile(paths[1] ?? '', middle);
    expect((await look(h.dir)).verdict.findings).toEqual([]);
  });
  it('whose segment was renamed stands out of order', async () => {
    const [path = ''] = await segments();
    await rename(path, join(at.journal, '000000000004.jsonl'));
    expect(kindsOf((await look(h.dir)).verdict)).toContain('journal-order');
  });
  it('that the index says is in the files, and is not, is an error and not passed over', async () => {
    await h.reopen('crash');
    const { id: lost } = await accept(h.store, { input: { n: 5 } });
    await h.store.sweep();
    await h.faults.kill();
    // The segment in use is kept although its lines are in the files.
    expect(await segments()).toHaveLength(1);
    expect((await look(h.dir)).verdict).toMatchObject({ findings: [], counts: { journalLines: 0 } });
    await rm(at.record(lost));
    const { verdict } = await look(h.dir);
    expect(kindsOf(verdict)).toContain('journal-skipped');
    const { mended } = await look(h.dir, { fix: true });
    expect(mended?.after.findings).toEqual([]);
    await h.reopen('crash');
    expect(await h.store.get(lost)).toMatchObject({ input: { n: 5 } });
  });
});
