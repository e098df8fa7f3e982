import type { Clock } from '../clock.ts';
import { describeStep } from '../render/run.ts';
import { DELIVERY_FINAL, isFinal } from '../store/records.ts';
import type { Gateway, RunView } from './gateway.ts';

export interface FollowDeps {
  gateway: Gateway;
  clock: Clock;
  /** Progress lines; not the report. */
  say: (line: string) => void;
  signal: AbortSignal;
}

const POLL_MS = 150;
// Deliveries are tried for a day; a person at a terminal is not kept waiting for that.
const DELIVERIES_MS = 60_000;

/** Watches a run until it and its deliveries have ended (deliveries: at most a minute), saying each new step once. */
export async function follow(deps: FollowDeps, runId: string): Promise<RunView | undefined> {
  const said = new Map<string, string>();
  let endedAt: number | undefined;
  while (!deps.signal.aborted) {
    const view = await deps.gateway.find(runId);
    if (view.outcome !== 'found') return undefined;
    sayNews(deps, view, said);
    if (isFinal(view.run.state)) {
      endedAt ??= deps.clock.monotonic();
      const open = view.deliveries.some(
        (delivery) => delivery.mode === 'report' && !DELIVERY_FINAL.includes(delivery.state),
      );
      if (!open || deps.clock.monotonic() - endedAt > DELIVERIES_MS) return view;
    }
    await deps.clock.sleep(POLL_MS, deps.signal);
  }
  return undefined;
}

function sayNews(deps: FollowDeps, view: RunView, said: Map<string, string>): void {
  const { run } = view;
  const once = (key: string, line: string): void => {
    if (said.get(key) === line) return;
    said.set(key, line);
    deps.say(line);
  };
  const attempt = run.attempts.at(-1);
  if (run.state === 'running' && attempt !== undefined && attempt.number > 1)
    once('attempt', `attempt ${attempt.number}`);
  const failed = run.attempts.findLast((tried) => tried.error !== undefined);
  if (run.state === 'retrying' && failed?.error !== undefined) {
    once(
      'retrying',
      `attempt ${failed.number} failed: ${failed.error.message}; trying again at ${run.runAt.slice(11, 19)} UTC`,
    );
  }
  for (const [index, step] of (run.progress?.steps ?? []).entries())
    once(`step ${index}`, `  ${describeStep(step)}${step.note === undefined ? '' : ` – ${step.note}`}`);
  const note = run.progress?.note;
  if (note !== undefined) once('note', `  ${note}`);
}
