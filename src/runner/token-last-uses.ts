import { iso } from '../clock.ts';
import type { Clock } from '../clock.ts';
import { messageOf } from '../errors.ts';
import type { Log } from '../log.ts';
import type { TokenBook } from './token-book.ts';

const EVERY_MS = 60_000;

export interface LastUses {
  /** Notes that the token let somebody in; the caller never waits for it and it never throws. */
  note(id: string): void;
  /** When it last did, as far as this process knows. */
  of(id: string): string | undefined;
  /** Writes what is not written yet. */
  flush(): Promise<void>;
}

/** Keeps when each token was last used: at once in memory, on the disk at most once a minute for each. */
export function createLastUses(deps: { book: TokenBook; clock: Clock; log: Log }): LastUses {
  const { book, clock, log } = deps;
  const uses = new Map<string, { at: string; writtenAt: number; isWritten: boolean }>();

  async function write(id: string): Promise<void> {
    try {
      await book.inTurn(async () => {
        const held = book.get(id);
        const use = uses.get(id);
        if (held === undefined || use === undefined) return;
        use.isWritten = true;
        await book.write({ id, record: { ...held.record, lastUsedAt: use.at } });
      });
    } catch (error) {
      log.warn('the last use of a token could not be written', { token: id, error: messageOf(error) });
    }
  }

  return {
    note(id) {
      const now = clock.monotonic();
      const before = uses.get(id);
      const isDue = before === undefined || now - before.writtenAt >= EVERY_MS;
      uses.set(id, { at: iso(clock.now()), writtenAt: isDue ? now : before.writtenAt, isWritten: false });
      if (isDue) void write(id);
    },
    of: (id) => uses.get(id)?.at,
    async flush() {
      const open = [...uses].filter(([, { isWritten }]) => !isWritten).map(([id]) => id);
      await Promise.all(open.map((id) => write(id)));
    },
  };
}
