import { RunError } from '../../errors.ts';
import { readThrown } from '../thrown.ts';
import type { JobContext, LoadedFunction, LoadedJob } from '../jobs.ts';
import type { AttemptContext, KindEnd, Started } from './end.ts';

/** Says that the stored input no longer fits the job: its file has changed since the submit. */
export function typedInput(job: Pick<LoadedJob, 'name' | 'schema'>, input: unknown): Record<string, unknown> {
  const parsed = job.schema.safeParse(input);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new RunError(
    `the input no longer fits ${job.name}: ${issue?.path.join('.') ?? ''} ${issue?.message ?? ''}`.trim(),
    {
      code: 'INPUT_INVALID',
      permanent: true,
      hint: 'the job file has changed since the run was submitted; submit it again',
    },
  );
}

/** The context that a function sees; what it says goes to the attempt's book. */
export function jobContext(ctx: Omit<AttemptContext, 'input'>): JobContext {
  const { runId, job, attempt, actor, targets, signal, book, files } = ctx;
  return {
    runId,
    job,
    attempt,
    actor,
    targets,
    signal,
    step: (title, fn) => book.step(title, fn),
    progress: (share, note) => book.progress(share, note),
    log: (line) => book.log(line),
    attach: (file) => files.add(file),
  };
}

/**
 * Starts a function in this process. `end` comes with the signal at the latest, whatever the function does; `gone` when the
 * function has really returned. A synchronous endless loop stops the whole process: that is what `isolate` is for.
 */
export function startFunction(job: LoadedFunction, ctx: AttemptContext): Started {
  const work = (async () => job.run(typedInput(job, ctx.input), jobContext(ctx)))();
  const done = work.then(
    (value): KindEnd => ({ ok: true, output: { form: 'value', value } }),
    (thrown: unknown): KindEnd => {
      const error = readThrown(thrown);
      noteStack(error, ctx);
      return { ok: false, error };
    },
  );
  const aborted = new Promise<KindEnd>((resolve) => {
    const give = (): void => resolve({ ok: false, error: ctx.signal.reason });
    if (ctx.signal.aborted) give();
    else ctx.signal.addEventListener('abort', give, { once: true });
  });
  return { end: Promise.race([done, aborted]), gone: done.then(() => undefined) };
}

/** Where an unforeseen error came from; one that the job meant (RunError) needs no stack. */
export function noteStack(error: Error, ctx: Pick<AttemptContext, 'book'>): void {
  if (error instanceof RunError) return;
  for (const line of stackLines(error.stack ?? '')) ctx.book.log(line);
}

/** The first own frames of a stack. */
export function stackLines(stack: string): string[] {
  return stack
    .split('\n')
    .filter((line) => line !== '' && !line.includes('node:internal'))
    .slice(0, 8)
    .map((line) => line.slice(0, 300));
}
