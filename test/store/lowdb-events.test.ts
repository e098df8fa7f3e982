import { appendFile, mkdir, mkdtemp, readFile, readdir, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { silentLog } from '../../src/log.ts';
import { createDisk } from '../../src/store/lowdb/disk.ts';
import { openEventLog, withReplayed } from '../../src/store/lowdb/events.ts';
import { nodeFiles } from '../../src/store/lowdb/files.ts';
import type { Files } from '../../src/store/lowdb/files.ts';
import type { StoreEvent } from '../../src/store/records.ts';
import { manualClock } from '../support/clock.ts';
import { faultyFiles } from '../support/store-faults.ts';

const DAY_MS = 24 * 3_600_000;
const clock = manualClock();
let root: string;
let folder: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'bellhop-events-'));
  folder = join(root, 'events');
});
afterEach(() => rm(root, { recursive: true, force: true }));

const open = (over: { keep?: number; files?: Files } = {}) => {
  const { keep = 100, files = nodeFiles } = over;
  return openEventLog({ disk: createDisk({ files, log: silentLog, root }), clock, folder, keep, keepMs: 7 * DAY_MS });
};
const at = (ms: number): string => new Date(ms).toISOString();
const event = (seq: number): StoreEvent => ({ seq, at: at(clock.now()), type: 'run', job: `j${seq}` });
const events = (from: number, to: number): StoreEvent[] =>
  Array.from({ length: to - from + 1 }, (_, n) => event(from + n));

/** Everything that is kept, as a watcher would see it. */
async function history(over: Parameters<typeof open>[0] = {}): Promise<unknown> {
  const { past } = await open(over);
  const older = await past?.older?.load();
  return { events: [...(older?.events ?? []), ...(past?.events ?? [])], floor: older?.floor ?? past?.floor };
}

it('events are read again as they were appended, and a repeated one is there once', async () => {
  const { eventLog, past } = await open();
  expect(past).toBeUndefined();
  await eventLog.append(events(11, 13));
  await eventLog.append(events(12, 15));
  expect((await open()).past).toEqual({ events: events(11, 15), floor: 10 });
});
it('what the journal holds beyond the files joins them', async () => {
  await (await open()).eventLog.append(events(11, 13));
  const { eventLog, past } = await open();
  expect(withReplayed(past, events(12, 14))).toEqual({ events: events(11, 14), floor: 10 });
  expect(withReplayed(undefined, events(12, 14))).toEqual({ events: events(12, 14), floor: 11 });
  expect(withReplayed(undefined, [])).toBeUndefined();
  await eventLog.append(events(12, 14));
  expect((await open()).past?.events).toEqual(events(11, 14));
});
it('a line that a crash cut off is completed from the journal', async () => {
  await (await open()).eventLog.append(events(11, 13));
  const path = join(folder, (await readdir(folder))[0] ?? '');
  const whole = await readFile(path);
  for (let bytes = whole.length - 1; bytes > 0; bytes -= 17) {
    await writeFile(path, whole);
    await truncate(path, bytes);
    const { eventLog } = await open();
    await eventLog.append(events(11, 14));
    expect((await open()).past?.events).toEqual(events(11, 14));
  }
});
it('bytes that are no event cost nothing but themselves', async () => {
  await (await open()).eventLog.append(events(11, 13));
  const path = join(folder, (await readdir(folder))[0] ?? '');
  await appendFile(path, 'garbage\n{"seq":"x"}\n\0\0\0\n');
  await (await open()).eventLog.append(events(14, 14));
  expect((await open()).past?.events).toEqual(events(11, 14));
});
it('a failed append is repeated without loss, whichever call failed', async () => {
  for (let k = 1; k <= 12; k++) {
    await rm(folder, { recursive: true, force: true });
    const faults = faultyFiles();
    const { eventLog } = await open({ files: faults.files });
    await eventLog.append(events(1, 3));
    const from = faults.calls();
    faults.on(({ n, op }) => (n === from + k ? (op === 'write' ? 7 : 'ENOSPC') : undefined));
    await eventLog.append(events(4, 6)).catch(() => undefined);
    // An fsync that failed stops the disk for good: the next life goes on.
    await eventLog.append(events(4, 6)).catch(() => undefined);
    await (await open()).eventLog.append(events(4, 6));
    expect((await open()).past?.events).toEqual(events(1, 6));
  }
});
it('files are dropped by count', async () => {
  const { eventLog } = await open({ keep: 2500 });
  await eventLog.append(events(1, 12_000));
  expect(await readdir(folder)).toHaveLength(3);
  expect(await history({ keep: 2500 })).toEqual({ events: events(9001, 12_000), floor: 9000 });
});
it('files are dropped by age, and old events in the others are passed over', async () => {
  const keep = 5000;
  await (await open({ keep })).eventLog.append(events(1, 1500));
  clock.step(8 * DAY_MS);
  const late = await open({ keep });
  expect(late.past).toEqual({ events: [], floor: 1500 });
  await late.eventLog.append(events(2000, 4000));
  expect(await readdir(folder)).toHaveLength(3);
  expect(await history({ keep })).toEqual({ events: events(2000, 4000), floor: 1500 });
});
it('a start reads one file, and the older ones are read when they are asked for', async () => {
  const { eventLog } = await open({ keep: 5000 });
  await eventLog.append(events(1, 3500));
  const faults = faultyFiles();
  const { past } = await open({ files: faults.files, keep: 5000 });
  expect(faults.calls()).toBe(2);
  expect(past).toMatchObject({ floor: 3000, older: { floor: 0 } });
  expect(await past?.older?.load()).toEqual({ events: events(1, 3000), floor: 0 });
});
it('a file that cannot be read costs its events and those before it, and new ones find their place', async () => {
  await (await open({ keep: 5000 })).eventLog.append(events(1, 2500));
  const names = (await readdir(folder)).toSorted((a, b) => (a < b ? -1 : 1));
  await rm(join(folder, names[1] ?? ''));
  await mkdir(join(folder, names[1] ?? ''));
  expect(await history({ keep: 5000 })).toEqual({ events: events(2001, 2500), floor: 2000 });
  await rm(join(folder, names[2] ?? ''));
  await writeFile(join(folder, names[2] ?? ''), 'x'.repeat(100));
  const { eventLog, past } = await open({ keep: 5000 });
  expect(past).toMatchObject({ events: [], floor: 2000 });
  await eventLog.append(events(2001, 2700));
  expect(await history({ keep: 5000 })).toEqual({ events: events(2001, 2700), floor: 2000 });
});
