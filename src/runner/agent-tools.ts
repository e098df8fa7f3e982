/** Reads the tools of an agent: their schemas are made once, when the file is loaded, and refused there when a model could not be told. */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { messageOf } from '../errors.ts';
import { InputSchema, Millis, invalid, isFunction } from './definition-base.ts';
import { didYouMean } from '../suggest.ts';
import { members } from './json.ts';
import type { LoadedTool } from './jobs.ts';

const Tool = z.strictObject({
  name: z.string().regex(/^[a-z][a-z0-9_]{0,63}$/, 'must be like sales_summary: a-z, 0-9 and _, at most 64'),
  description: z.string().min(1).max(2000),
  input: InputSchema,
  risk: z.enum(['read', 'write'], 'must be read or write'),
  timeout: Millis.default(15_000),
  maxResultChars: z.number().int().min(200).max(200_000).default(20_000),
  run: z.custom<LoadedTool['run']>(isFunction, 'must be a function (input, ctx) => what was found'),
});
const MAX_TOOLS = 40;

/** The tools of a definition, checked; throws a UsageError that names the tool and what is wrong with it. */
export function loadTools(given: readonly unknown[], may: { write: boolean }): LoadedTool[] {
  if (given.length > MAX_TOOLS) throw invalid(`tools: there are ${given.length}, and at most ${MAX_TOOLS} are taken`);
  const tools = given.map((one, at) => loadTool(one, at));
  const twice = tools.find(({ name }, at) => tools.findIndex((other) => other.name === name) !== at);
  if (twice !== undefined) throw invalid(`tools: two are called ${twice.name}`, 'give one of them another name');
  const writing = tools.find(({ risk }) => risk === 'write');
  if (writing !== undefined && !may.write)
    throw invalid(
      `tools: ${writing.name} changes things (risk: write), and the job does not allow that`,
      "give it risk 'read', or the job allowWrites: true and guards: { approval: 'required' }",
    );
  return tools;
}

function loadTool(value: unknown, at: number): LoadedTool {
  const object = members(value);
  if (object === undefined) throw invalid(`tools.${at}: must be a tool`, 'write: defineTool({ … })');
  const { name: given } = object;
  const named = typeof given === 'string' && given !== '' ? `tools.${given.slice(0, 64)}` : `tools.${at}`;
  const unknown = Object.keys(object).find((key) => !(key in Tool.shape));
  if (unknown !== undefined)
    throw invalid(
      `${named}: "${unknown.slice(0, 60)}" is no field of a tool`,
      didYouMean(unknown, Object.keys(Tool.shape)),
    );
  const parsed = Tool.safeParse(object);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw invalid(`${named}.${issue?.path.map(String).join('.') ?? ''}: ${issue?.message ?? 'invalid'}`);
  }
  const { timeout, run, ...rest } = parsed.data;
  return {
    ...rest,
    inputSchema: toolSchema(rest.input, `${named}.input`),
    timeoutMs: timeout,
    run: (input, ctx) => run.call(value, input, ctx),
  };
}

/** Of the names, descriptions and input schemas: what the model was told of its tools. */
export function toolsDigest(tools: readonly LoadedTool[]): string {
  const told = tools.map(({ name, description, inputSchema }) => ({ name, description, inputSchema }));
  return createHash('sha256').update(JSON.stringify(told)).digest('hex');
}

const OPEN_TYPES: ReadonlySet<string> = new Set(['any', 'unknown']);

/**
 * The JSON schema of what a model writes: closed objects, and nothing that means "whatever you like".
 * Throws a UsageError that names the member that cannot be told.
 */
function toolSchema(schema: z.ZodObject, named: string): Record<string, unknown> {
  try {
    const { $schema: _, ...told } = z.toJSONSchema(schema, {
      io: 'input',
      override({ zodSchema, jsonSchema, path }) {
        const { type } = zodSchema._zod.def;
        if (OPEN_TYPES.has(type)) throw new Error(`z.${type}() at ${path.join('.') || 'the top'} says nothing`);
        if (type === 'object') jsonSchema.additionalProperties ??= false;
      },
    });
    return told;
  } catch (error) {
    throw invalid(
      `${named}: a model cannot be told this schema: ${messageOf(error)}`,
      'use z.string(), z.number(), z.boolean(), z.enum(), z.iso.date(), z.array() and z.object() of them',
    );
  }
}
