/** Brings what became of an attempt into the store, also when the store is away for a while. */
import { DependencyError, RunError } from '../errors.ts';
import { createPatience } from './patience.ts';
import type { Clock } from '../clock.ts';
import type { Log } from '../log.ts';
import type { ClaimedRun, SettleOutcome, Settlement, Store } from '../store/store.ts';
import type { AttemptUnderway } from './execute.ts';

// A function may need a moment to see the signal; a command is killed in less.
const LEAVE_MS = 7000;
/** How often the documents of a run are made anew because others changed them; each time somebody got on. */
const MERGES = 20;

type ToSettle = Extract<Awaited<AttemptUnderway['end']>, { kind: 'settle' }>;

interface HandoverDeps {
  store: Store;
  clock: Clock;
  log: Log;
}

/** What the settlement rests on was changed, or collected, before it came: it is made again. */
function isOvertaken(
  outcome: SettleOutcome,
): outcome is Extract<SettleOutcome, { outcome: 'conflict' | 'blob_missing' }> {
  return outcome.outcome === 'conflict' || outcome.outcome === 'blob_missing';
}

/**
 * Makes the function that waits for an attempt's end and commits it. It never throws: what cannot be committed within about half a
 * minute is logged, its lease expires, and the run is claimed again (the work may then be done twice, the record never lies).
 */
export function createHandover(deps: HandoverDeps): (claimed: ClaimedRun, attempt: AttemptUnderway) => Promise<void> {
  const { store, clock, log } = deps;

  const patiently = createPatience(clock);

  async function settle(settlement: Settlement): Promise<SettleOutcome> {
    const [outcome] = await patiently(() => store.settle([settlement]));
    return outcome ?? { outcome: 'stale' };
  }

  async function commit(end: ToSettle, attempt: AttemptUnderway): Promise<SettleOutcome> {
    try {
      let outcome = await settle(end.settlement);
      for (let tried = 0; isOvertaken(outcome) && end.again !== undefined && tried < MERGES; tried++)
        outcome = await settle(await end.again());
      if (isOvertaken(outcome)) {
        const told =
          outcome.outcome === 'conflict'
            ? `the document ${outcome.kind}/${outcome.key} of the run was changed by others again and again`
            : `the file ${outcome.sha256} of the report was taken away before the run could name it`;
        return await settle(attempt.giveUp(new RunError(told, { code: 'STORE_FAILED', permanent: true })));
      }
      if (outcome.outcome !== 'too_large') return outcome;
      const message = `what the run left is ${outcome.bytes} bytes, more than the ${outcome.limit} that are kept`;
      const hint = 'return less, or write large data to a file and report where it is';
      return await settle(attempt.giveUp(new RunError(message, { code: 'TOO_LARGE', permanent: true, hint })));
    } catch (error) {
      if (error instanceof DependencyError) throw error;
      // The store refuses this outcome as it is; a run without an end would be worse.
      const message = 'the outcome of the run could not be stored';
      return settle(attempt.giveUp(new RunError(message, { code: 'INTERNAL', permanent: true, cause: error })));
    }
  }

  return async (claimed, attempt) => {
    const { run, lease } = claimed;
    const fields = { runId: run.id, job: run.job, attempt: run.attemptsUsed };
    try {
      const end = await attempt.end;
      if (end.kind === 'settle') {
        const outcome = await commit(end, attempt);
        if (outcome.outcome === 'stale') await end.charge?.();
        const code = end.settlement.error?.code;
        log.info('attempt ended', {
          ...fields,
          end: end.settlement.end,
          outcome: outcome.outcome,
          ...(code !== undefined && { code }),
        });
      } else if (end.why === 'drained') {
        // Handed back only when it has really stopped, or after a while: another process may start it at once.
        await Promise.race([attempt.gone, clock.sleep(LEAVE_MS)]);
        await patiently(() => store.release([lease]));
        log.info('attempt handed back', fields);
      } else log.info('attempt stopped', { ...fields, why: end.why });
    } catch (error) {
      log.error('the end of an attempt could not be stored', { ...fields, error });
    } finally {
      await attempt.close();
    }
  };
}
