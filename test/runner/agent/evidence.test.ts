import { describe, expect, test } from 'vitest';
import type { LoadedAgent } from '../../../src/runner/jobs.ts';
import { createGathering } from '../../../src/runner/kinds/agent/evidence.ts';
import type { Gathering } from '../../../src/runner/kinds/agent/evidence.ts';
import { createProgressBook } from '../../../src/runner/kinds/progress.ts';
import { createScrub } from '../../../src/scrub.ts';
import { tool } from '../../support/claude-loop.ts';
import { manualClock } from '../../support/clock.ts';

const never = new AbortController().signal;

function gathering(days: readonly number[], run: (input: Record<string, unknown>) => unknown): Gathering {
  const part: Partial<LoadedAgent> = {
    tools: [tool('sales', run)],
    baseline: () => days.map((day) => ({ tool: 'sales', input: { days: day } })),
    requires: [],
  };
  const [clock, scrub] = [manualClock(), createScrub([])];
  return createGathering({
    clock,
    scrub,
    // Gathering looks at these fields and at no others.
    job: part as LoadedAgent,
    input: {},
    context: { runId: 'run_1', env: {}, now: 0, timeZone: 'UTC', input: {} },
    progress: createProgressBook({ clock, scrub }, () => undefined),
    nonce: 'n1',
  });
}

describe('what code gathers', () => {
  test('has at most thirty gaps, each once and of at most 300 characters', async () => {
    const found = gathering([1], () => ({
      gaps: ['g'.repeat(400), 'twice', 'twice', ...[...Array(40).keys()].map((at) => `gap ${at}`)],
    }));
    await found.baseline(never);
    expect(found.gaps()).toHaveLength(30);
    expect(found.gaps().slice(0, 3)).toEqual(['g'.repeat(300), 'twice', 'gap 0']);
  });

  test('takes sixty calls, and refuses a baseline of more before the first of them', async () => {
    let runs = 0;
    const days = [...Array(61).keys()].map((day) => (day % 60) + 1);
    const one = gathering(days.slice(0, 60), () => (runs++, {}));
    await one.baseline(never);
    expect(runs).toBe(60);
    const more = gathering(days, () => (runs++, {}));
    await expect(more.baseline(never)).rejects.toMatchObject({ code: 'JOB_FAILED', permanent: true });
    expect(runs).toBe(60);
  });

  test('makes one call after the other, and none after the signal', async () => {
    const stop = new AbortController();
    const reason = new Error('stop');
    const seen: unknown[] = [];
    const found = gathering([3, 1, 2], ({ days }) => {
      seen.push(days);
      if (days === 1) stop.abort(reason);
      return {};
    });
    await expect(found.baseline(stop.signal)).rejects.toBe(reason);
    expect(seen).toEqual([3, 1]);
  });
});
