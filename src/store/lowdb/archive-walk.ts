/**
 * Finds the runs that are old enough for the archive: day by day, oldest first, in the folders that still hold files; so days that are
 * packed already cost nothing. Which runs a day has, and in which state, says the run index; no record is read for that.
 */
import { join } from 'node:path';
import { codeOf } from '../../errors.ts';
import { lowestIdAt } from '../../ids.ts';
import { FINAL_STATES } from '../records.ts';
import type { RunSummary } from '../records.ts';
import { writeCursor } from '../run-cursor.ts';
import type { RunIndex } from '../run-index.ts';
import type { Disk } from './disk.ts';
import type { Layout } from './layout.ts';

/** Some runs of one day, in the order of their ids; `last`: the walk is done with the day. */
export interface Found {
  day: string;
  ids: string[];
  last: boolean;
}

const DAY_MS = 86_400_000;
const PAGE = 200;
/** So many ids are held at a time; a busier day is taken in parts. */
const MAX_IDS = 4000;
const PART_OF_DATE = /^\d{2,4}$/;

/** Walks the days before `cutoff`, in milliseconds; gives the runs that ended before it, at most `batch` at a time. */
export async function* walkDays(
  deps: { disk: Disk; layout: Layout; index: RunIndex },
  terms: { cutoff: number; batch: number },
): AsyncGenerator<Found, void, undefined> {
  const { layout } = deps;
  const own = await daysBelow(deps.disk, layout.records);
  // A crash may have left deliveries whose record is gone already.
  const days = new Set([...own, ...(await daysBelow(deps.disk, layout.deliveries))]);
  for (const day of [...days].sort()) {
    const begin = Date.parse(day.replaceAll('/', '-'));
    if (Number.isNaN(begin) || begin >= terms.cutoff) continue;
    for await (const ids of idsOf(deps.index, begin, terms)) {
      for (let at = 0; at < ids.length; at += terms.batch) {
        yield { day, ids: ids.slice(at, at + terms.batch), last: false };
      }
    }
    yield { day, ids: [], last: true };
  }
}

/** The days that have a folder below `root`, as Y/M/D. */
async function daysBelow(disk: Disk, root: string): Promise<string[]> {
  let parts = [''];
  for (let depth = 0; depth < 3; depth++) {
    const below: string[] = [];
    for (const part of parts) {
      for (const { name, kind } of await listOrNothing(disk, join(root, part))) {
        if (kind === 'folder' && PART_OF_DATE.test(name)) below.push(part === '' ? name : `${part}/${name}`);
      }
    }
    parts = below;
  }
  return parts;
}

async function listOrNothing(disk: Disk, path: string): ReturnType<Disk['files']['list']> {
  return disk.files.list(path).catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') return [];
    throw error;
  });
}

/** The ids of the runs of a day that ended before the cutoff, some thousand at a time. */
async function* idsOf(
  index: RunIndex,
  begin: number,
  { cutoff }: { cutoff: number },
): AsyncGenerator<string[], void, undefined> {
  const first = lowestIdAt('run', begin);
  let ids: string[] = [];
  let after: string | undefined = writeCursor(lowestIdAt('run', begin + DAY_MS));
  while (after !== undefined) {
    const page: Awaited<ReturnType<RunIndex['list']>> = await index.list({ states: FINAL_STATES, after, limit: PAGE });
    const ofDay = page.items.filter(({ id }) => id >= first);
    ids.push(...ofDay.filter((one) => endedBefore(one, cutoff)).map(({ id }) => id));
    after = ofDay.length < page.items.length ? undefined : page.next;
    if (ids.length < MAX_IDS && after !== undefined) continue;
    yield ids.toReversed();
    ids = [];
  }
}

function endedBefore({ finishedAt }: Pick<RunSummary, 'finishedAt'>, cutoff: number): boolean {
  return finishedAt !== undefined && Date.parse(finishedAt) < cutoff;
}
