/** Checks the definition of an agent, and reads what goes with it: its prompt and the schemas of its tools. */
import { createHash } from 'node:crypto';
import { closeSync, lstatSync, openSync, readSync, realpathSync } from 'node:fs';
import { dirname, resolve, sep } from 'node:path';
import { z } from 'zod';
import { codeOf } from '../errors.ts';
import { InputSchema, base, invalid, isFunction, loadedBase, type DefinedAt } from './definition-base.ts';
import { loadTools, toolsDigest } from './agent-tools.ts';
import { wireSchema } from './kinds/agent/answer/wire-schema.ts';
import { didYouMean } from '../suggest.ts';
import type { AgentJob } from './agent-job.ts';
import type { LoadedAgent } from './jobs.ts';

const MAX_USD = 1000;
const Usd = z
  .number()
  .positive('must be more than nothing')
  .max(MAX_USD)
  .refine((usd) => Number(usd.toFixed(6)) === usd, 'must be US dollars with at most 6 decimals')
  .transform((usd) => Math.round(usd * 1e6));
const DEFAULT_RUN = 250_000;
/** A day takes so many runs at their dearest, unless the job says otherwise. */
const RUNS_A_DAY = 10;

const Budget = z.strictObject({
  usd: Usd.optional(),
  usdPerDay: Usd.optional(),
  turns: z.number().int().min(1).max(30).default(8),
  toolCalls: z.number().int().min(0).max(100).default(24),
  tokens: z.number().int().min(1000).max(20_000_000).default(200_000),
  outputTokens: z.number().int().min(256).max(128_000).default(16_000),
});
const Word = /^[a-z][a-z0-9_]{0,39}$/;
const WORD_RULE = 'must be like restock: a-z, 0-9 and _, at most 40';
const code = <T>(what: string) => z.custom<T>(isFunction, what).optional();

export const AgentDefinition = z.strictObject({
  ...base,
  kind: z.literal('agent'),
  retries: z.number().int().min(0).max(19).default(1),
  model: z
    .string()
    .regex(/^[a-z0-9][a-z0-9.:@_-]{2,79}$/, 'must be the name of a model, like claude-sonnet-5-5')
    .default('claude-sonnet-5-5'),
  effort: z.enum(['low', 'medium', 'high', 'xhigh', 'max']).default('medium'),
  prompt: z.string('must be the path of a text file beside the job file').min(1).max(500),
  tools: z.array(z.unknown(), 'must be a list of tools').default([]),
  baseline: code<NonNullable<AgentJob['baseline']>>('must be a function input => calls'),
  requires: z.array(z.string()).max(40).default([]),
  actions: z
    .record(
      z.string().regex(Word, WORD_RULE),
      z.strictObject({ target: z.string().regex(Word, WORD_RULE), label: z.string().min(1).max(80) }),
    )
    .refine((actions) => Object.keys(actions).length <= 40, 'at most 40 actions')
    .default({}),
  analyse: code<NonNullable<AgentJob['analyse']>>('must be a function evidence => analysis'),
  followUp: code<NonNullable<AgentJob['followUp']>>('must be a function (advice, evidence) => what became of it'),
  output: z
    .strictObject({
      schema: InputSchema,
      report: z.custom<NonNullable<AgentJob['output']>['report']>(
        isFunction,
        'must be a function (value, evidence) => report',
      ),
    })
    .optional(),
  memory: z
    .union([
      z.literal(false),
      z.strictObject({
        weeks: z.number().int().min(1).max(104).default(12),
        reports: z.number().int().min(0).max(20).default(4),
      }),
    ])
    .default({ weeks: 12, reports: 4 }),
  budget: Budget.prefault({}),
  price: z.enum(['known', 'unknown']).default('known'),
  whenModelFails: z.enum(['fail', 'figures']).default('fail'),
  allowWrites: z.boolean().default(false),
});

/** The loaded agent of a checked definition; `self` is what its functions are called on. */
export function loadAgent(checked: z.infer<typeof AgentDefinition>, at: DefinedAt, self: unknown): LoadedAgent {
  if (checked.allowWrites && checked.guards.approval !== 'required')
    throw invalid('allowWrites: needs an approval for each run', "add guards: { approval: 'required' }");
  const tools = loadTools(checked.tools, { write: checked.allowWrites });
  const names = tools.map(({ name }) => name);
  const missing = checked.requires.find((name) => !names.includes(name));
  if (missing !== undefined) throw invalid(`requires: ${missing} is no tool of the job`, didYouMean(missing, names));
  const { output, baseline } = checked;
  if (output !== undefined) wireSchema(output.schema, 'output.schema');
  if (checked.analyse === undefined && output === undefined && tools.length === 0)
    throw invalid('the job has neither tools nor analyse nor output: nothing could stand in its report');
  return {
    ...loadedBase(checked, at),
    kind: 'agent',
    model: checked.model,
    effort: checked.effort,
    prompt: readPrompt(checked.prompt, at),
    tools,
    toolsSha256: toolsDigest(tools),
    baseline: baseline === undefined ? () => [] : (input) => baseline.call(self, input),
    requires: checked.requires,
    actions: checked.actions,
    analyse: checked.analyse?.bind(self),
    followUp: checked.followUp?.bind(self),
    output,
    memory: checked.memory === false ? undefined : checked.memory,
    budget: moneyOf(checked.budget),
    price: checked.price,
    whenModelFails: checked.whenModelFails,
  };
}

function moneyOf({ usd, usdPerDay, ...rest }: z.infer<typeof Budget>): LoadedAgent['budget'] {
  const runMicroUsd = usd ?? Math.min(DEFAULT_RUN, usdPerDay ?? DEFAULT_RUN);
  const dayMicroUsd = usdPerDay ?? runMicroUsd * RUNS_A_DAY;
  if (dayMicroUsd < runMicroUsd)
    throw invalid(
      'budget: usdPerDay is less than usd, so that no run could ever begin',
      'raise usdPerDay, or lower usd',
    );
  return { ...rest, runMicroUsd, dayMicroUsd };
}

const MAX_PROMPT_BYTES = 64 * 1024;

/** Read at once and not later: what a run was told is what stands in the file when the job is loaded. */
function readPrompt(given: string, at: DefinedAt): LoadedAgent['prompt'] {
  const folder = dirname(at.path);
  const path = resolve(folder, given);
  at.watch?.(path);
  const outside = (): Error =>
    invalid(`prompt: ${given} is not inside the jobs folder`, 'put it beside the job file or in a folder below');
  if (!path.startsWith(folder + sep)) throw outside();
  let bytes: Buffer;
  try {
    if (!realpathSync(path).startsWith(realpathSync(folder) + sep)) throw outside();
    if (!lstatSync(realpathSync(path)).isFile()) throw invalid(`prompt: ${given} is not a file`);
    bytes = readBounded(path);
  } catch (error) {
    if (codeOf(error) === 'ENOENT')
      throw invalid(
        `prompt: there is no file ${given}`,
        'its path is seen from the job file, like ./_weekly/prompt.md',
      );
    if (codeOf(error) === 'JOB_INVALID') throw error;
    throw invalid(`prompt: ${given} cannot be read (${codeOf(error) ?? 'error'})`);
  }
  if (bytes.length > MAX_PROMPT_BYTES)
    throw invalid(`prompt: ${given} is larger than ${MAX_PROMPT_BYTES / 1024} kB`, 'say less: every turn pays for it');
  const text = new TextDecoder('utf-8', { fatal: false }).decode(bytes);
  if (text.includes('\uFFFD') || text.includes('\0')) throw invalid(`prompt: ${given} is not text in UTF-8`);
  if (text.trim() === '') throw invalid(`prompt: ${given} is empty`);
  return { text, sha256: createHash('sha256').update(bytes).digest('hex') };
}

function readBounded(path: string): Buffer {
  const file = openSync(path, 'r');
  try {
    const buffer = Buffer.alloc(MAX_PROMPT_BYTES + 1);
    let length = 0;
    for (;;) {
      const read = readSync(file, buffer, length, buffer.length - length, null);
      length += read;
      if (read === 0 || length === buffer.length) return buffer.subarray(0, length);
    }
  } finally {
    closeSync(file);
  }
}
