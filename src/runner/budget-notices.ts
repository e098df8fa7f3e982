/** Tells people that a cap is nearly or wholly used: at 80 and at 100 percent, each once a window of each cap. */
import { messageOf } from '../errors.ts';
import { iso } from '../clock.ts';
import type { Clock } from '../clock.ts';
import type { Log } from '../log.ts';
import type { Destination } from '../store/destinations.ts';
import type { Store } from '../store/store.ts';
import { formatUsd } from '../usd.ts';
import { dayAndTime } from '../when.ts';
import type { Standing } from './money-windows.ts';
import { noticeReport } from './notice-report.ts';

const KIND = 'budget-told';
const LEVELS = [100, 80] as const;
type Level = (typeof LEVELS)[number];
/** A month's notice must not come again when the store has forgotten the first: it keeps notices for 30 days. */
const KEEP_MS = 40 * 86_400_000;
const MAX_SPENDERS = 5;

export interface BudgetNotices {
  /** Never throws. */
  tell(): Promise<void>;
  /** A run did not fit below a cap although no other held anything of it: it is used up. Never throws. */
  refused(by: { key: string; used: number; amount: number; cap: number }): Promise<void>;
}

interface Deps {
  store: Pick<Store, 'addNotice' | 'getDoc' | 'putDoc'>;
  clock: Clock;
  log: Log;
  zone: string;
  alertsTo: readonly Destination[];
  /** How the caps of now stand. */
  caps: () => Promise<Standing[]>;
  /** The same, with what each job used in the month: asked for a notice alone, for it reads a document a day. */
  standing: () => Promise<Standing[]>;
}

/** Makes the teller. */
export function createBudgetNotices(deps: Deps): BudgetNotices {
  const { store, clock, log } = deps;
  /** Told by this process: most looks end here. Bounded by the windows of a few days. */
  const told = new Set<string>();

  async function tellOnce(one: Standing & { cap: number }, level: Level): Promise<void> {
    const key = `${counterKey(one)}.${level}`;
    if (told.has(key)) return;
    const known = await store.getDoc(KIND, key);
    if (known === undefined) {
      if (deps.alertsTo.length === 0)
        log.warn('nobody is told of a cap: BELLHOP_ALERTS_TO names no place', { counter: counterKey(one), level });
      else
        await store.addNotice({
          key: `budget.${key}`,
          kind: 'budget',
          ...(one.job === undefined ? {} : { job: one.job }),
          report: noticeReport(textOf(one, { level, all: await deps.standing(), zone: deps.zone })),
          destinations: deps.alertsTo,
        });
      await store.putDoc({ kind: KIND, key, rev: 0, value: {}, expiresAt: iso(clock.now() + KEEP_MS) });
    }
    if (told.size > 1_000) told.clear();
    told.add(key);
  }
  async function look(usedUp: (one: Standing & { cap: number }) => boolean): Promise<void> {
    try {
      for (const one of await deps.caps()) {
        const { cap, used } = one;
        if (cap === null) continue;
        const capped = { ...one, cap };
        const level = used >= cap || usedUp(capped) ? 100 : used * 100 >= cap * 80 ? 80 : undefined;
        if (level !== undefined && used > 0) await tellOnce(capped, level);
      }
    } catch (error) {
      log.warn('a notice about a cap could not be kept', { error: messageOf(error) });
    }
  }

  return {
    tell: () => look(() => false),
    refused: ({ key, used, amount, cap }) =>
      used + amount <= cap ? Promise.resolve() : look((one) => counterKey(one) === key),
  };
}

function counterKey({ scope, job, window }: Standing): string {
  return scope === 'job' ? `usd.job.${job ?? ''}.${window}` : `usd.${scope}.${window}`;
}

function textOf(
  one: Standing & { cap: number },
  on: { level: Level; all: readonly Standing[]; zone: string },
): Parameters<typeof noticeReport>[0] {
  const { scope, job = 'JOB', used, cap, window, until } = one;
  const of = `${formatUsd(used)} of ${formatUsd(cap)}`;
  const whose = scope === 'job' ? job : `the ${scope}`;
  const what = scope === 'job' ? `On ${window} ${job}` : `${scope === 'day' ? 'On' : 'In'} ${window} the workspace`;
  const anew = `It starts anew ${dayAndTime(until, on.zone)}.`;
  const raise = scope === 'job' ? 'budget.usdPerDay in the file of the job' : variableOf(scope);
  const spenders = scope === 'job' ? [] : spendersOf(scope, on.all);
  const full = on.level === 100;
  return {
    title: full ? `Budget of ${whose} reached: ${of} used` : `Budget of ${whose} ${on.level}% used: ${of}`,
    summary: full
      ? `${what} has used ${of}: no further run of an agent fits below the cap. ${anew}`
      : `${what} has used ${of}. ${anew}`,
    status: full ? 'failed' : 'ok',
    lines: [
      ...(spenders.length === 0 ? [] : [`Most was spent by ${spenders.join(', ')}.`]),
      `To let one run pass, an owner says \`/jobs allow ${job}\` or \`bellhop spend allow ${job}\`; to raise the cap, set ${raise}.`,
    ],
  };
}

function variableOf(scope: 'day' | 'month'): string {
  return scope === 'day' ? 'BELLHOP_BUDGET_DAY_USD' : 'BELLHOP_BUDGET_MONTH_USD';
}

function spendersOf(scope: 'day' | 'month', all: readonly Standing[]): string[] {
  const spentBy = ({ used, monthUsed }: Standing): number => (scope === 'day' ? used : (monthUsed ?? used));
  return all
    .filter((one) => one.scope === 'job' && spentBy(one) > 0)
    .sort((a, b) => spentBy(b) - spentBy(a))
    .slice(0, MAX_SPENDERS)
    .map((one) => `${one.job ?? ''} (${formatUsd(spentBy(one))})`);
}
