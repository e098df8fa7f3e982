import { basename, join, relative } from 'node:path';
import { iso } from '../../clock.ts';
import type { Clock } from '../../clock.ts';
import { codeOf, messageOf } from '../../errors.ts';
import type { Log } from '../../log.ts';
import type { OpenReport } from '../store.ts';
import type { Disk } from './disk.ts';
import type { Layout } from './layout.ts';

export interface Quarantine {
  /**
   * Sets a file aside, with its reason beside it; never throws. A file that could not be read for want of rights or by a failing disk
   * stays where it is: its contents may be sound.
   */
  take(path: string, error: unknown): Promise<void>;
  /** Keeps a copy of a derived or damaged file that stays in use; never throws. */
  keepCopy(path: string, bytes: Uint8Array, reason: string): Promise<void>;
  /** Names what is damaged and stays where it is, because what is around it is sound. */
  note(path: string, reason: string): void;
  /** What was set aside in this life. */
  taken(): OpenReport['quarantined'];
  /** How many lie there, from earlier lives too. */
  count(): number;
  /** Counts what earlier lives left. */
  look(): Promise<void>;
}

/** Makes the place for what cannot be read; nothing in it is ever removed by the program. */
export function createQuarantine(deps: {
  disk: Disk;
  layout: Layout;
  clock: Pick<Clock, 'now'>;
  log: Log;
}): Quarantine {
  const { disk, layout, clock, log } = deps;
  const taken: OpenReport['quarantined'] = [];
  let earlier = 0;

  async function noteReason(path: string, reason: string): Promise<string> {
    await disk.folder(layout.quarantine);
    const stamp = iso(clock.now()).replaceAll(/[:.]/g, '-');
    const name = `${stamp}-${taken.length}-${basename(path, '.json')}`;
    await disk.write(join(layout.quarantine, `${name}.reason.txt`), `${relative(layout.root, path)}\n${reason}\n`);
    return name;
  }
  async function move(path: string, reason: string): Promise<void> {
    const name = await noteReason(path, reason);
    await disk.files.rename(path, join(layout.quarantine, `${name}.json`));
    await disk.files.syncFolder(layout.quarantine);
  }
  return {
    async take(path, error) {
      const reason = messageOf(error);
      taken.push({ path: relative(layout.root, path), reason });
      log.error('a record cannot be read and is set aside', { path: relative(layout.root, path), reason });
      if (codeOf(error) !== 'STORE_CORRUPT') return;
      try {
        await move(path, reason);
      } catch (failure) {
        // On a full or failing disk it stays in its place, where nothing reads or overwrites it.
        log.error('it could not be moved to the quarantine', { path: relative(layout.root, path), error: failure });
      }
    },
    async keepCopy(path, bytes, reason) {
      taken.push({ path: relative(layout.root, path), reason });
      log.error('a file is damaged; a copy is kept', { path: relative(layout.root, path), reason });
      try {
        const name = await noteReason(path, reason);
        await disk.write(join(layout.quarantine, `${name}.json`), bytes);
      } catch (failure) {
        log.error('no copy could be kept', { path: relative(layout.root, path), error: failure });
      }
    },
    note(path, reason) {
      taken.push({ path: relative(layout.root, path), reason });
      log.error('a part of a file is damaged and cannot be read', { path: relative(layout.root, path), reason });
    },
    taken: () => [...taken],
    count: () => earlier + taken.length,
    async look() {
      const entries = await disk.files.list(layout.quarantine).catch(() => []);
      earlier = entries.filter((entry) => entry.name.endsWith('.json')).length;
    },
  };
}
