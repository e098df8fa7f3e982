/** What a tool returned, read: its shape and size, not its facts (the book of facts holds those). */
import { z } from 'zod';
import { RunError } from '../../../../errors.ts';
import { Fact, FactWindow } from '../../../../store/agent-records.ts';
import type { ToolOutput } from '../../../agent-job.ts';
import { plainJson } from '../../../json.ts';

const MAX_BYTES = 5_000_000;
const Shape = z.strictObject({
  facts: z.array(Fact.omit({ id: true, source: true }).extend({ window: FactWindow.exactOptional() })).exactOptional(),
  targets: z.array(z.object({ type: z.string(), id: z.string(), title: z.string() })).exactOptional(),
  data: z.unknown().optional(),
  window: FactWindow.exactOptional(),
  gaps: z.array(z.string()).exactOptional(),
});

/** A copy in plain JSON. Throws a RunError that says what is wrong with it; trying again would not mend it. */
export function readToolOutput(returned: unknown, tool: string): ToolOutput {
  const plain = plainJson(returned);
  if (!plain.ok) throw bad(`${tool} returned what is no JSON: ${plain.reason}`);
  if (plain.bytes > MAX_BYTES)
    throw bad(
      `${tool} returned ${plain.bytes} bytes of JSON, and may return ${MAX_BYTES}: let it sum up or cut its rows`,
    );
  const read = Shape.safeParse(plain.json);
  if (!read.success)
    throw bad(
      `${tool} must return {facts, targets, data, window, gaps} or some of them: ${z.prettifyError(read.error)}`,
    );
  return read.data;
}

function bad(message: string): RunError {
  return new RunError(message, { code: 'AGENT_TOOLS', permanent: true });
}
