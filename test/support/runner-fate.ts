/** The one test job whose input chooses its fate. */
import { defineJob, PermanentError, RetryLater, type JobContext } from '../../src/index.ts';
import { z } from 'zod';

type Fate = (text: string, ctx: JobContext, released: Promise<void> | undefined) => unknown;

const FATES = {
  markdown: (text) => text,
  nothing: () => undefined,
  json: () => ({ rows: 3, names: ['a', 'b'] }),
  report: (text) => ({ title: 'Weekly', summary: text }),
  both: (text) => ({ report: { title: 'Weekly', summary: text }, result: { rows: 3 } }),
  'bad-report': () => ({ title: 'Weekly', summary: '' }),
  bigint: () => ({ value: 1n }),
  large: () => ({ value: 'x'.repeat(2_000_000) }),
  throw: () => Promise.reject(new Error('the sums do not add up')),
  permanent: () => Promise.reject(new PermanentError('the account is closed', { hint: 'open it again' })),
  later: () => Promise.reject(new RetryLater('the service is busy', { afterMs: 45_000 })),
  wait: (_text, ctx) =>
    new Promise((_resolve, reject) =>
      ctx.signal.addEventListener('abort', () => reject(new Error('stopped')), { once: true }),
    ),
  ignore: (_text, _ctx, released) => released ?? new Promise(() => undefined),
  crash: () => {
    process.stderr.write('about to crash\n');
    process.abort();
  },
  async steps(text, ctx) {
    await ctx.step('Read', () => 1);
    ctx.progress(0.5, 'half of it');
    ctx.log('read one row');
    return ctx.step('Write', () => text);
  },
  env: () => ({ names: Object.keys(process.env).sort() }),
  secret(text, ctx) {
    ctx.log(`token ${text}`);
    return { report: { title: 'T', summary: `the token is ${text}` }, result: { token: text } };
  },
} satisfies Record<string, Fate>;
const NAMES = Object.keys(FATES);

export interface FateSeams {
  /** Opened by the test: lets `ignore` return at last. */
  released?: Promise<void>;
  name?: string;
  isolate?: boolean;
  retries?: number;
  timeout?: string | number;
  concurrency?: number;
}

export function fateJob(seams: FateSeams = {}) {
  const { name = 'fate', isolate = false, retries = 2, timeout = '10s', concurrency = 1 } = seams;
  return defineJob({
    name,
    description: 'Ends as its input says.',
    input: z.object({
      fate: z.enum(NAMES).default('markdown').describe('How it ends'),
      text: z.string().default('All is well.'),
      times: z.number().int().min(0).max(50).default(0).describe('Attempts that fail first'),
    }),
    isolate,
    retries,
    timeout,
    concurrency,
    backoff: { base: '1s', max: '8s' },
    ...(isolate && { env: ['ALLOWED'] }),
    async run({ fate, text, times }, ctx): Promise<unknown> {
      if (ctx.attempt <= times) throw new Error(`attempt ${ctx.attempt} fails`);
      const fates: Record<string, Fate> = FATES;
      return fates[fate]?.(text, ctx, seams.released);
    },
  });
}
