/** How a conversation ends before it has its report. */
import { BellhopError, RunError } from '../../../../errors.ts';
import type { AgentWhy } from '../../../../store/agent-records.ts';
import type { LoadedAgent } from '../../../jobs.ts';
import { readThrown } from '../../../thrown.ts';
import type { Toolbox } from '../tools/toolbox.ts';
import { short } from '../bounded-text.ts';

export class Stopped extends Error {
  readonly why: AgentWhy;
  readonly error: BellhopError;
  constructor(why: AgentWhy, error: BellhopError) {
    super(error.message);
    this.why = why;
    this.error = error;
  }
}

const LIMITS = {
  max_turns: ['its turns', 'turns'],
  budget_usd: ['its money', 'usd'],
  budget_tokens: ['its tokens', 'tokens'],
  tool_calls: ['its tool calls', 'toolCalls'],
} as const;

/** A limit of the job was reached before there was a report; `unasked`: before the first request, which is too large for what is left. */
export function limitStop(why: keyof typeof LIMITS, unasked = false): Stopped {
  const [what, member] = LIMITS[why];
  const hint = `Raise \`budget.${member}\` of the job, or let its tools return less.`;
  return new Stopped(
    why,
    new RunError(
      unasked
        ? `the agent asked nothing: what it has left of ${what} is too little for its first request`
        : `the agent used up ${what} before it had a report`,
      { code: 'AGENT_LIMIT', permanent: true, hint },
    ),
  );
}

const LOOK = 'Look at what it was told and wrote: `bellhop runs show RUN --transcript`.';
const CALL = 'Say in the prompt when a tool is to be called, or let code call it: `baseline` of the job.';
const HINTS: Readonly<Partial<Record<AgentWhy, string>>> = {
  refusal: `${LOOK} Then change the prompt, or what the tools return.`,
  bad_output: `${LOOK} A clearer prompt, a stronger model or more effort may help.`,
  no_evidence: CALL,
};

/** What the model answered is no report. Asking again costs as much again, so a person decides. */
export function answerStop(
  why: Extract<AgentWhy, 'refusal' | 'truncated' | 'context' | 'bad_output' | 'no_evidence'>,
  message: string,
  hint = HINTS[why],
): Stopped {
  const detail = { code: 'AGENT_ANSWER' as const, permanent: true, ...(hint !== undefined && { hint }) };
  return new Stopped(why, new RunError(short(message, 500), detail));
}

/** What `beforeTurn` threw: the money of the coming turn could not be set aside, so the turn does not come. */
export function purseStop(thrown: unknown): Stopped {
  const error = thrown instanceof RunError ? thrown : ownError(thrown);
  if (error instanceof BellhopError)
    return new Stopped(error.code === 'BUDGET_REACHED' ? 'budget_usd' : 'error', error);
  const message = `the money could not be set aside: ${error.message}`;
  return new Stopped('error', new RunError(message, { code: 'INTERNAL' }));
}

/** What was thrown, with the code and the way out of an error that is not the run's own: a full disk is no failure of the job. */
export function ownError(thrown: unknown): Error {
  if (thrown instanceof RunError || !(thrown instanceof BellhopError)) return readThrown(thrown);
  const { message, code, hint } = thrown;
  return new RunError(message, { code, ...(hint !== undefined && { hint }), cause: thrown });
}

/** Three failed calls and no good one: what is broken is not mended by asking on. Returns undefined while there is hope. */
export function brokenTools(toolbox: Toolbox): Stopped | undefined {
  const calls = toolbox.calls();
  return calls.length >= 3 && calls.every(({ state }) => state === 'failed') ? toolsStop(toolbox) : undefined;
}

/** What a report must stand on: one good call where there are tools, and one of each tool that is required. */
export function missingEvidence(
  job: Pick<LoadedAgent, 'requires'>,
  hasTools: boolean,
  toolbox: Toolbox,
): Stopped | undefined {
  const calls = toolbox.calls();
  const good = new Set(calls.filter(({ state }) => state === 'ok').map(({ name }) => name));
  if (calls.length > 0 && good.size === 0) return toolsStop(toolbox);
  const missing = job.requires.filter((name) => !good.has(name));
  const failed = missing.filter((name) => calls.some((call) => call.name === name));
  if (failed.length > 0) return toolsStop(toolbox, failed);
  if (missing.length > 0)
    return answerStop(
      'no_evidence',
      `the agent answered without having called ${missing.join(', ')}, which its report needs`,
    );
  return hasTools && good.size === 0
    ? answerStop('no_evidence', 'the agent answered without having called a tool')
    : undefined;
}

/** Permanent if the tools that failed said so, and none said otherwise; then the longest wait that one asked for. */
function toolsStop(toolbox: Toolbox, required?: readonly string[]): Stopped {
  const counts = ({ name }: { name: string }): boolean => required?.includes(name) ?? true;
  const failures = toolbox.failures().filter(counts);
  const own = failures.filter(({ of }) => of === 'tool').map(({ error }) => error);
  const waits = own.flatMap(({ retryAfterMs }) => retryAfterMs ?? []);
  const last = failures.at(-1)?.error;
  const about = required === undefined ? 'all tools failed' : `${required.join(', ')} failed, which the report needs`;
  const said = toolbox.calls().findLast((call) => call.error !== undefined && counts(call))?.error;
  const error = new RunError(short(`${about}: ${said ?? 'no call succeeded'}`, 500), {
    code: 'AGENT_TOOLS',
    permanent: own.length > 0 && own.every(({ permanent }) => permanent),
    ...(waits.length > 0 && { retryAfterMs: Math.max(...waits) }),
    ...(last?.hint !== undefined && { hint: last.hint }),
    ...(last !== undefined && { cause: last }),
  });
  return new Stopped(required === undefined ? 'all_tools_failed' : 'no_evidence', error);
}
