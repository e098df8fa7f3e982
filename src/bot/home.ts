import { iso } from '../clock.ts';
import type { Clock } from '../clock.ts';
import { messageOf } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Runner } from '../runner/runner.ts';
import type { Schedules } from '../runner/schedules.ts';
import type { Spending } from '../runner/spending.ts';
import type { Reader } from '../store/reader.ts';
import { FINAL_STATES, RUN_STATES } from '../store/records.ts';
import { homeView, type HomeFacts, type HomeView } from './views/home.ts';

const OPEN_SHOWN = 5;
const LAST_SHOWN = 8;
const NEXT_SHOWN = 6;
const OPEN_STATES = RUN_STATES.filter((state) => !FINAL_STATES.includes(state));
/** People whose tab is being published; more at once wait for the next time that they open it. */
const MAX_UNDER_WAY = 20;

export interface HomeDeps {
  runner: Pick<Runner, 'jobs' | 'problems'>;
  reader: Pick<Reader, 'list' | 'deliveries' | 'health'>;
  schedules: Pick<Schedules, 'list'>;
  spending: Pick<Spending, 'view'>;
  clock: Clock;
  log: Log;
}

export interface Home {
  /** Shows a person their tab as things are now. Never throws; asked again meanwhile, it is published once more, not twice at once. */
  publish(userId: string, send: (view: HomeView) => Promise<unknown>): Promise<void>;
}

/** Makes the Home tab; nothing of it is kept, so a restart forgets nothing. */
export function createHome(deps: HomeDeps): Home {
  const { log } = deps;
  /** Who is being served, and whether they asked once more. */
  const underWay = new Map<string, { again: boolean }>();

  return {
    async publish(userId, send) {
      const present = underWay.get(userId);
      if (present !== undefined) {
        present.again = true;
        return;
      }
      if (underWay.size >= MAX_UNDER_WAY) {
        log.warn('a home tab was not published: too many at once', { user: userId });
        return;
      }
      const state = { again: false };
      underWay.set(userId, state);
      try {
        do {
          state.again = false;
          await send(homeView(await factsOf(deps)));
        } while (state.again);
      } catch (error) {
        log.warn('a home tab could not be published', { user: userId, reason: messageOf(error) });
      } finally {
        underWay.delete(userId);
      }
    },
  };
}

async function factsOf({ runner, reader, schedules, spending, clock }: HomeDeps): Promise<HomeFacts> {
  const [open, last, planned, spend] = await Promise.all([
    reader.list({ states: OPEN_STATES, limit: OPEN_SHOWN }),
    reader.list({ states: FINAL_STATES, limit: LAST_SHOWN }),
    schedules.list(),
    spending.view(),
  ]);
  const withDeliveries = last.items.map(async (run) => ({ run, deliveries: await reader.deliveries(run.id) }));
  const soon = planned
    .filter(({ next }) => next[0] !== undefined)
    .toSorted((a, b) => ((a.next[0]?.at ?? '') < (b.next[0]?.at ?? '') ? -1 : 1));
  return {
    at: iso(clock.now()),
    jobs: runner.jobs().length,
    open: open.items,
    moreOpen: open.next !== undefined,
    last: await Promise.all(withDeliveries),
    next: soon.slice(0, NEXT_SHOWN),
    spend,
    problems: runner.problems(),
    health: reader.health(),
  };
}
