import { iso, type Clock } from '../../clock.ts';
import { readThrown } from '../thrown.ts';
import { MAX_STEPS, type Output, type Progress, type Step } from '../../store/records.ts';
import { createCapture } from './capture.ts';
import type { Scrub } from '../../scrub.ts';

const LOG_HEAD = 4 * 1024;
const LOG_TAIL = 16 * 1024;

/** What one attempt says about itself while it runs. After `close` nothing that a left-over function says is kept. */
export interface ProgressBook {
  step<T>(title: string, fn: () => T | Promise<T>): Promise<T>;
  progress(share: number, note?: string): void;
  log(line: string): void;
  /** Takes over what a child process said. */
  replace(progress: Progress): void;
  current(): Progress | undefined;
  logs(): Output | undefined;
  /** Ends the steps that are still running. */
  close(end: 'completed' | 'failed'): void;
}

/** Makes the book of one attempt; `changed` is called at every change, throttling is the reader's. */
export function createProgressBook(deps: { clock: Clock; scrub: Scrub }, changed: () => void): ProgressBook {
  const { clock, scrub } = deps;
  let steps: Step[] = [];
  let left = 0;
  let rest: Pick<Progress, 'share' | 'note'> = {};
  let open = true;
  const captured = createCapture({ headBytes: LOG_HEAD, tailBytes: LOG_TAIL });
  const now = (): string => iso(clock.now());
  // A job in plain JavaScript may hand over anything.
  const short = (text: unknown, limit: number): string => scrub(String(text)).slice(0, limit).toWellFormed();

  function begin(title: string): Step | undefined {
    if (!open) return undefined;
    if (steps.length >= MAX_STEPS) {
      left += 1;
      const last = steps[MAX_STEPS - 1];
      if (last !== undefined) last.note = `${left} later steps are not shown`;
      changed();
      return undefined;
    }
    const step: Step = { title: short(title, 200) || 'step', state: 'running', startedAt: now() };
    steps.push(step);
    changed();
    return step;
  }
  function finish(step: Step | undefined, state: 'completed' | 'failed', note?: string): void {
    if (step === undefined || !open) return;
    step.state = state;
    step.endedAt = now();
    if (note !== undefined) step.note = short(note, 500);
    changed();
  }

  return {
    async step(title, fn) {
      const step = begin(title);
      try {
        const value = await fn();
        finish(step, 'completed');
        return value;
      } catch (error) {
        finish(step, 'failed', readThrown(error).message);
        throw error;
      }
    },
    progress(share, note) {
      if (!open) return;
      const bounded = Number.isFinite(share) ? Math.min(1, Math.max(0, share)) : 0;
      rest = { share: bounded, ...(note !== undefined && { note: short(note, 500) }) };
      changed();
    },
    log(line) {
      if (open) captured.push(Buffer.from(`${line}\n`));
    },
    replace(progress) {
      if (!open) return;
      steps = progress.steps.map((step) => ({
        ...step,
        title: short(step.title, 200),
        ...(step.note !== undefined && { note: short(step.note, 500) }),
      }));
      rest = {
        ...(progress.share !== undefined && { share: progress.share }),
        ...(progress.note !== undefined && { note: short(progress.note, 500) }),
      };
      changed();
    },
    current: () => (steps.length === 0 && rest.share === undefined ? undefined : structuredClone({ steps, ...rest })),
    logs: () => (captured.bytes() === 0 ? undefined : captured.output()),
    close(end) {
      for (const step of steps) if (step.state === 'running') finish(step, end);
      open = false;
    },
  };
}
