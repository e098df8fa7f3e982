/** Calls tools: checks their input, holds them to their time and size, notes what became of each call. */
import type { Clock } from '../../../clock.ts';
import type { ToolCall } from '../../../store/agent-records.ts';
import type { ToolContext, ToolOutput } from '../../agent-job.ts';
import type { LoadedTool } from '../../jobs.ts';

/** What the model is shown of a call: one text in a fence. */
export interface ToolAnswer {
  ok: boolean;
  text: string;
}
export interface Toolbox {
  /** Never throws, but when `signal` aborts: then with its reason, at once. The same call twice is carried out once. */
  call(asked: { name: string; input: unknown; by: ToolCall['by'] }, signal: AbortSignal): Promise<ToolAnswer>;
  /** In the order in which they ended. */
  calls(): ToolCall[];
  /** The newest good output of a tool. */
  output(name: string): ToolOutput | undefined;
}
export interface ToolboxDeps {
  clock: Clock;
  tools: readonly LoadedTool[];
  context: Omit<ToolContext, 'signal'>;
  /** Takes the facts and targets of a good call into the book, and answers what the model is shown of it, as JSON. */
  take: (found: { tool: string; query: string; output: ToolOutput }) => unknown;
  /** A step of the card. */
  step: <T>(title: string, fn: () => Promise<T>) => Promise<T>;
  /** Stands in the fence, new for each attempt. */
  nonce: string;
}
export function createToolbox(_deps: ToolboxDeps): Toolbox {
  throw new Error('placeholder');
}
