/**
 * Looks at destinations before a report is due, and posts nothing. It never fails: what cannot be seen is `unknown`. A place is looked at
 * once for all schedules that send there within ten minutes, within a pace that leaves the limits of Slack to the reports themselves, and
 * a place that does not answer holds up nobody for longer than its time.
 */
import type { Clock } from '../clock.ts';
import { messageOf } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Destination } from '../store/destinations.ts';
import type { Checked, Problem } from '../store/preflight-records.ts';
import type { Report } from '../store/report.ts';
import type { Store } from '../store/store.ts';
import { transportOff } from './attempt.ts';
import type { OutboxDeps } from './outbox.ts';
import { createPacer } from './pace.ts';
import { createFacts } from './preflight-facts.ts';
import { createRemembered } from './remembered.ts';
import type { CheckFacts, Transport } from './transport.ts';

/** `kept`: what was seen within ten minutes will do. `fresh`: a person asks, who may have mended it a moment ago. */
type How = 'kept' | 'fresh';

export interface Preflight {
  /** Looks at each of the places where reports of the job go, in their order; whatever happens, each has its answer. */
  examine: (
    asked: { job: string; destinations: readonly Destination[]; how: How },
    signal: AbortSignal,
  ) => Promise<Checked[]>;
}

export interface PreflightDeps {
  store: Pick<Store, 'list' | 'get' | 'deliveries' | 'getDoc'>;
  transports: OutboxDeps['transports'];
  clock: Clock;
  log: Log;
}

const TIMEOUT_MS = 8_000;
const KEEP_MS = 10 * 60_000;
const MAX_KEPT = 5_000;
const AT_ONCE = 4;
/** conversations.info is tier 3: 50 a minute (docs.slack.dev, rate limits); half of it is left to others. */
const PACE = { perSecond: 25 / 60, burst: 20 };
/** A way that did not answer is not waited for again at once: the reports of other ways are due as well. */
const SILENT_MS = 60_000;

/** Makes it. */
export function createPreflight(deps: PreflightDeps): Preflight {
  const { transports, clock, log } = deps;
  const factsOf = createFacts(deps);
  const seen = createRemembered<Problem[]>(clock, { keepMs: KEEP_MS, max: MAX_KEPT });
  const pacer = createPacer(clock);
  const silentSince = new Map<Destination['kind'], number>();

  async function look(
    asked: { job: string; destination: Destination; how: How },
    signal: AbortSignal,
  ): Promise<Problem[]> {
    const { job, destination, how } = asked;
    const { kind } = destination;
    const transport = transports[kind];
    if (transport === undefined) return [{ ...transportOff(kind), severity: 'fails' }];
    if (transport.check === undefined) return [unseen(`A ${kind} destination cannot be looked at beforehand`)];
    const facts = await factsOf(job, destination);
    const key = JSON.stringify([destination, weightOf(facts)]);
    return seen.recall(key, () => examined({ transport, destination, facts, how }, signal), how);
  }
  async function examined(
    one: { transport: Transport; destination: Destination; facts: CheckFacts; how: How },
    signal: AbortSignal,
  ): Promise<Problem[]> {
    const { transport, destination, facts, how } = one;
    const { kind } = destination;
    const silent = silentSince.get(kind);
    if (how === 'kept' && silent !== undefined && clock.monotonic() - silent < SILENT_MS) return [timedOut(kind)];
    const waitMs = kind === 'slack' ? pacer.take({ key: how, ...PACE }) : 0;
    if (waitMs > 0) await clock.sleep(waitMs, signal);
    const late = new AbortController();
    const timer = clock.after(TIMEOUT_MS, () => late.abort());
    const over = AbortSignal.any([signal, late.signal]);
    try {
      return await Promise.race([transport.check?.(destination, facts, over) ?? [], aborted(over)]);
    } catch (error) {
      if (!over.aborted) {
        log.warn('a destination could not be looked at', { kind, error: messageOf(error) });
        return [unseen(`It could not be looked at: ${messageOf(error)}`)];
      }
      if (late.signal.aborted) silentSince.set(kind, clock.monotonic());
      return [timedOut(kind)];
    } finally {
      timer.cancel();
    }
  }

  return {
    async examine({ job, destinations, how }, signal) {
      const answers = new Map<Destination, Problem[]>();
      const waiting = destinations.values();
      const some = async (): Promise<void> => {
        for (const destination of waiting) {
          const answer = await look({ job, destination, how }, signal).catch((error: unknown) => {
            log.warn('a destination could not be looked at', { kind: destination.kind, error: messageOf(error) });
            return [unseen(`It could not be looked at: ${messageOf(error)}`)];
          });
          answers.set(destination, answer);
        }
      };
      await Promise.all(Array.from({ length: AT_ONCE }, some));
      return destinations.map((destination) => ({ destination, problems: answers.get(destination) ?? [] }));
    },
  };
}

/** Reports that weigh about the same share an answer; a job whose report has files does not answer for one without. */
function weightOf({ report, channelId, suppressed }: CheckFacts): unknown[] {
  return [report === undefined ? 0 : Math.ceil(bytesOf(report) / 250_000), filesOf(report), channelId, suppressed];
}

function bytesOf(report: Report): number {
  const files = (report.attachments ?? []).reduce((sum, { bytes }) => sum + bytes, 0);
  return Buffer.byteLength(JSON.stringify(report)) + files;
}

function filesOf(report: Report | undefined): number {
  return report?.attachments?.length ?? 0;
}

function timedOut(kind: Destination['kind']): Problem {
  return { ...unseen(`The way by ${kind} did not answer in time`), code: 'TIMED_OUT' };
}

function unseen(message: string): Problem {
  const hint = 'It is looked at again before the report is due.';
  return { code: 'CANNOT_LOOK', message: message.slice(0, 500), hint, severity: 'unknown' };
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    const abort = (): void => reject(new Error('it took too long'));
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort, { once: true });
  });
}
