/** What the kind does before it asks a model, without the kind: the baseline's tools over a shop, their facts in a book, the evidence of it. */
import { messageOf } from '../../src/errors.ts';
import { mayAdvise } from '../../src/runner/kinds/agent/report/advice.ts';
import { createFactBook } from '../../src/runner/kinds/agent/facts.ts';
import type { AgentTool, Evidence, ToolContext, ToolOutput } from '../../src/runner/agent-job.ts';
import type { FactBook } from '../../src/runner/kinds/agent/facts.ts';
import type { ToolCall } from '../../src/store/agent-records.ts';
import type { MemoryEntry } from '../../src/store/memory-records.ts';

export interface Gathered {
  book: FactBook;
  evidence: Evidence;
  gaps: string[];
}

interface Given {
  tools: readonly AgentTool[];
  calls: readonly { tool: string; input: Record<string, unknown> }[];
  input: Record<string, unknown>;
  now: number;
  timeZone?: string;
  memory?: readonly MemoryEntry[];
  env?: Record<string, string>;
}

/** A tool that throws is a failed call, as in the toolbox. */
export async function gather({
  tools,
  calls,
  input,
  now,
  timeZone = 'UTC',
  memory = [],
  env = {},
}: Given): Promise<Gathered> {
  const book = createFactBook();
  const outputs = new Map<string, ToolOutput>();
  const made: ToolCall[] = [];
  const signal = new AbortController().signal;
  const ctx: ToolContext = { runId: `run_${now}`, signal, env, now, timeZone, input, log: () => undefined };
  for (const call of calls) {
    const tool = tools.find(({ name }) => name === call.tool);
    if (tool === undefined) throw new Error(`there is no tool ${call.tool}`);
    const entry = { name: call.tool, by: 'code' as const, ms: 0 };
    try {
      const output = await tool.run(tool.input.parse(call.input), ctx);
      const source = { tool: call.tool, query: JSON.stringify(call.input) };
      book.add(output.facts ?? [], { ...source, ...(output.window && { window: output.window }) });
      book.know(output.targets ?? []);
      outputs.set(call.tool, output);
      made.push({ ...entry, state: 'ok' });
    } catch (error) {
      made.push({ ...entry, state: 'failed', error: messageOf(error).slice(0, 500) });
    }
  }
  const evidence: Evidence = {
    facts: book.all(),
    fact: (key) => book.find(key),
    targets: book.targets(),
    calls: made,
    output: (name) => outputs.get(name),
    memory,
    mayAdvise: mayAdvise(memory, now),
    input,
    now,
    timeZone,
  };
  return { book, evidence, gaps: [...new Set([...outputs.values()].flatMap(({ gaps = [] }) => gaps))] };
}
