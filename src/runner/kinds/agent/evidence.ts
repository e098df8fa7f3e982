/** What code gathers before anything is judged: the calls of the baseline, their facts in a fixed order, and what is missing. */
import { RunError } from '../../../errors.ts';
import { mayAdvise } from './report/advice.ts';
import { createFactBook, type FactBook } from './facts.ts';
import { missingEvidence, type Stopped } from './conversation/stops.ts';
import { createToolbox, type ToolAnswer, type Toolbox } from './tools/toolbox.ts';
import type { Clock } from '../../../clock.ts';
import type { Scrub } from '../../../scrub.ts';
import type { MemoryEntry } from '../../../store/memory-records.ts';
import type { Evidence, ToolContext, ToolOutput } from '../../agent-job.ts';
import type { LoadedAgent, LoadedTool } from '../../jobs.ts';
import type { ProgressBook } from '../progress.ts';

export interface Gathering {
  book: FactBook;
  toolbox: Toolbox;
  /** The job's tools, watched. */
  tools: readonly LoadedTool[];
  /** What the baseline answered so far, as a model is shown it. */
  found: readonly (ToolAnswer & { name: string })[];
  /** Makes the calls of the baseline, one after the other, so that facts have the same ids in every run; throws the signal's reason. */
  baseline(signal: AbortSignal): Promise<void>;
  evidence(memory: readonly MemoryEntry[]): Evidence;
  /** What the tools said is missing. */
  gaps(): readonly string[];
  /** What becomes of the run when no report can rest on the calls; undefined when one can. */
  refusal(): Stopped | undefined;
  /** When no tool runs any more, also none that ignores its signal. */
  gone(): Promise<void>;
}

export interface GatheringParts {
  clock: Clock;
  job: LoadedAgent;
  input: Readonly<Record<string, unknown>>;
  context: Omit<ToolContext, 'signal' | 'log'>;
  progress: ProgressBook;
  nonce: string;
  scrub: Scrub;
}

const MAX_GAPS = 30;
const MAX_BASELINE = 60;

export function createGathering({ clock, job, input, context, progress, nonce, scrub }: GatheringParts): Gathering {
  const book = createFactBook();
  const found: (ToolAnswer & { name: string })[] = [];
  const gaps = new Set<string>();
  const watch = watchTools(job.tools);
  const toolbox = createToolbox({
    clock,
    tools: watch.tools,
    context: { ...context, log: (line) => progress.log(line) },
    take: ({ tool, query, output }) => taken(book, { tool, query, output, gaps }),
    step: (title, fn) => progress.step(title, fn),
    nonce,
    scrub,
  });
  return {
    book,
    toolbox,
    tools: watch.tools,
    found,
    async baseline(signal) {
      const calls = job.baseline(input);
      if (calls.length > MAX_BASELINE)
        throw new RunError(`baseline asks for ${calls.length} calls; at most ${MAX_BASELINE} are made`, {
          code: 'JOB_FAILED',
          permanent: true,
        });
      for (const call of calls) {
        const answer = await toolbox.call({ name: call.tool, input: call.input, by: 'code' }, signal);
        found.push({ name: call.tool, ...answer });
      }
    },
    evidence: (memory) => ({
      facts: book.all(),
      fact: (key) => book.find(key),
      targets: book.targets(),
      calls: toolbox.calls(),
      output: (tool) => toolbox.output(tool),
      memory,
      mayAdvise: mayAdvise(memory, context.now),
      input,
      now: context.now,
      timeZone: context.timeZone,
    }),
    gaps: () => [...gaps],
    refusal: () => missingEvidence(job, job.tools.length > 0, toolbox),
    gone: watch.gone,
  };
}

/** Takes what a tool found into the book, and answers what a model is shown of it. */
function taken(
  book: FactBook,
  { tool, query, output, gaps }: { tool: string; query: string; output: ToolOutput; gaps: Set<string> },
): unknown {
  const facts = book.add(output.facts ?? [], {
    tool,
    query,
    ...(output.window !== undefined && { window: output.window }),
  });
  book.know(output.targets ?? []);
  for (const gap of output.gaps ?? []) if (gaps.size < MAX_GAPS) gaps.add(gap.slice(0, 300));
  const shown = facts.map(({ id, key, label, value, unit, currency }) => ({
    id,
    key,
    label,
    value,
    unit,
    ...(currency !== undefined && { currency }),
  }));
  return { facts: shown, targets: output.targets ?? [], data: output.data, window: output.window, gaps: output.gaps };
}

/** The tools as they are, with a note of when they are through: one that ignores its signal may run on. */
function watchTools(tools: readonly LoadedTool[]): { tools: readonly LoadedTool[]; gone: () => Promise<void> } {
  const underway = new Set<Promise<unknown>>();
  const watched = tools.map((tool): LoadedTool => ({
    ...tool,
    run: async (input, ctx) => {
      const work = (async () => tool.run(input, ctx))();
      underway.add(work);
      try {
        return await work;
      } finally {
        underway.delete(work);
      }
    },
  }));
  return {
    tools: watched,
    gone: async () => {
      while (underway.size > 0) await Promise.allSettled(underway);
    },
  };
}
