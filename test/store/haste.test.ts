import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { silentLog } from '../../src/log.ts';
import { createDisk } from '../../src/store/lowdb/disk.ts';
import { nodeFiles } from '../../src/store/lowdb/files.ts';
import { createHasteGate } from '../../src/store/lowdb/haste.ts';
import type { HasteGate } from '../../src/store/lowdb/haste.ts';
import { createJournal } from '../../src/store/lowdb/journal.ts';
import { layoutOf } from '../../src/store/lowdb/layout.ts';
import { manualClock } from '../support/clock.ts';
import type { ManualClock } from '../support/clock.ts';

describe('the gate of the journal', () => {
  let clock: ManualClock;
  let gate: HasteGate;
  let written: number;
  beforeEach(() => {
    clock = manualClock();
    written = 0;
    gate = createHasteGate(clock, () => {
      written++;
      gate.shut();
    });
  });
  const people = (count: number): void => {
    for (let n = 0; n < count; n++) gate.came('now');
  };

  it('writes at once what somebody waits for, however many there are', () => {
    people(10);
    expect(written).toBe(10);
  });
  it('writes at once what nobody waits for, as long as few do wait', () => {
    people(3);
    gate.came('soon');
    expect(written).toBe(4);
  });
  it('keeps what nobody waits for until the next that somebody does, while those are many', () => {
    people(4);
    gate.came('soon');
    expect(written).toBe(4);
    gate.came('now');
    expect(written).toBe(5);
  });
  it('and for eight milliseconds at most', async () => {
    people(4);
    gate.came('soon');
    await clock.advance(7);
    expect(written).toBe(4);
    await clock.advance(1);
    expect(written).toBe(5);
  });
  it('counts as many what comes within 40 ms', async () => {
    for (let n = 0; n < 4; n++) {
      gate.came('now');
      await clock.advance(14);
    }
    gate.came('soon');
    expect(written).toBe(5);
  });
});

describe('a journal', () => {
  it('goes on after its gate opened for what had gone along with something else already', async () => {
    const root = await mkdtemp(join(tmpdir(), 'bellhop-haste-'));
    const clock = manualClock();
    const applied: number[] = [];
    const journal = createJournal(
      {
        disk: createDisk({ files: nodeFiles, log: silentLog, root }),
        layout: layoutOf(root),
        log: silentLog,
        apply: ({ lsn }) => applied.push(lsn),
        roomBytes: 1024,
        pace: clock,
        room: () => Promise.resolve(),
      },
      { segments: [], last: 0 },
    );
    for (let n = 0; n < 4; n++) await journal.append([], 'now');
    await Promise.all([journal.append([], 'soon'), journal.append([], 'now')]);
    await clock.advance(8);
    await journal.append([], 'now');
    const late = journal.append([], 'soon');
    await clock.advance(8);
    await late;
    expect(applied).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    const last = journal.append([], 'soon');
    await journal.close();
    await last;
    await rm(root, { recursive: true });
  });
});
