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

function endOfLines(bytes: Uint8Array): number {
  return bytes.lastIndexOf(0x0a) + 1;
}

describe('a journal', () => {
  it('in which any one bit has changed is never called sound; after a fix the store opens with every whole line', async () => {
    const [path = ''] = await segments();
    const sound = await readFile(path);
    expect(kindsOf((await look(h.dir)).verdict)).toEqual([]);
    let flips = 0;
    for (let offset = 0; offset < endOfLines(sound); offset += 64) {
      const flipped = Buffer.from(sound);
      flipped[offset] = (flipped[offset] ?? 0) ^ (1 << ((offset / 64) % 8));
      await writeFile(path, flipped);
      const { verdict } = await look(h.dir);
      expect(verdict.findings, `bit at ${offset}`).toHaveLength(1);
      expect(verdict.findings[0]?.kind).toMatch(/^journal-(?:gap|ending|torn)$/);
      expect(verdict.findings[0]?.path).toBe(`journal/${path.slice(at.journal.length + 1)}`);
      flips++;
    }
    expect(flips).toBeGreaterThan(30);
  });
  it('in whose room any one bit has changed has lost nothing', async () => {
    const [path = ''] = await segments();
    const sound = await readFile(path);
    expect(sound.length - endOfLines(sound)).toBeGreaterThan(8 * 16);
    for (let bit = 0; bit < 8; bit++) {
      const flipped = Buffer.from(sound);
      const offset = endOfLines(sound) + 16 * bit;
      flipped[offset] = (flipped[offset] ?? 0) ^ (1 << bit);
      await writeFile(path, flipped);
      const { verdict } = await look(h.dir);
      expect(verdict, `bit ${bit}`).toMatchObject({ sound: true, counts: { journalLines: 6 } });
    }
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
  it.each([
    ['before its room', (bytes: Buffer, end: number) => bytes.fill(' ', end - 20, end)],
    ['before zeros that the file system put there', (bytes: Buffer, end: number) => bytes.fill(0, end - 20)],
    ['where the file does', (bytes: Buffer, end: number) => bytes.subarray(0, end - 20)],
  ])('that ends in the middle of a line, %s, is sound: nobody was promised that line', async (_where, cut) => {
    const [path = ''] = await segments();
    const bytes = await readFile(path);
    await writeFile(path, cut(bytes, endOfLines(bytes)));
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
  /** Three commits of one write, of which the second has become room; `later` stands after them. */
  async function tornBatch(later: 'nothing' | 'another'): Promise<void> {
    await h.reopen('crash');
    await h.reopen('clean');
    await accept(h.store);
    await Promise.all([1, 2, 3].map((week) => accept(h.store, { input: { week } })));
    if (later === 'another') await accept(h.store);
    await h.faults.kill();
    const [path = ''] = await segments();
    const lines = (await readFile(path, 'utf8')).split('\n');
    const torn = lines.map((line) => (line.includes('"week":2') ? ' '.repeat(line.length) : line)).join('\n');
    await writeFile(path, torn);
  }
  it('whose newest write is torn in its middle is told from one that was damaged: neither the start nor a fix calls it lost', async () => {
    await tornBatch('nothing');
    const { verdict } = await look(h.dir);
    expect(verdict.findings).toMatchObject([
      { kind: 'journal-ending', count: 1, examples: [{ detail: 'after line 8' }] },
    ]);
    await h.reopen('crash');
    expect(h.report?.quarantined).toEqual([]);
    await h.faults.kill();
    // The next life writes its own segment: what was torn stays torn, and is of no interest any more.
    expect((await look(h.dir)).verdict.findings.filter(({ severity }) => severity === 'error')).toEqual([]);
  });
  it('of which a line of an older write is missing was damaged: both the doctor and the start say so', async () => {
    await tornBatch('another');
    const { verdict } = await look(h.dir);
    expect(verdict.findings).toMatchObject([
      { kind: 'journal-gap', count: 1, examples: [{ detail: 'line 9 is missing or damaged' }] },
    ]);
    await h.reopen('crash');
    expect(h.report?.quarantined).toMatchObject([{ reason: 'line 9 is missing or damaged' }]);
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
