import type { Clock } from '../clock.ts';
import { messageOf } from '../errors.ts';
import type { Log } from '../log.ts';

/** The time zones of people, as their Slack profiles have them. */
export interface Zones {
  /** An IANA name; undefined when Slack does not say it (in time, or at all). */
  of(userId: string): Promise<string | undefined>;
}

export interface ZonesDeps {
  /** Asks Slack; throws when it cannot, as without the scope users:read. */
  ask: (userId: string) => Promise<string | undefined>;
  clock: Clock;
  log: Log;
}

/** A command is answered within three seconds, of which this may take one; what comes later is there for the next command. */
const PATIENCE_MS = 1_000;
const KNOWN_MS = 3_600_000;
const UNKNOWN_MS = 300_000;
const MAX_PEOPLE = 1_000;

/** Asks for each person once an hour. */
export function createZones(deps: ZonesDeps): Zones {
  const { clock, log } = deps;
  const known = new Map<string, { until: number; zone: Promise<string | undefined> }>();

  async function look(userId: string): Promise<string | undefined> {
    const zone = await deps.ask(userId).catch((error: unknown) => {
      log.debug('the zone of a person is not known', { reason: messageOf(error) });
      return undefined;
    });
    const present = known.get(userId);
    if (present !== undefined) present.until = clock.monotonic() + (zone === undefined ? UNKNOWN_MS : KNOWN_MS);
    return zone;
  }
  function asked(userId: string): Promise<string | undefined> {
    const present = known.get(userId);
    if (present !== undefined && present.until > clock.monotonic()) return present.zone;
    if (known.size >= MAX_PEOPLE) known.clear();
    const zone = look(userId);
    known.set(userId, { until: clock.monotonic() + UNKNOWN_MS, zone });
    return zone;
  }

  return {
    async of(userId) {
      const over = new AbortController();
      const late = clock.sleep(PATIENCE_MS, over.signal).then(() => undefined);
      try {
        return await Promise.race([asked(userId), late]);
      } finally {
        over.abort();
      }
    },
  };
}
