/**
 * The process of an isolated function: loads the job file, runs it once, answers over IPC, ends. It ends by itself when the channel
 * closes, so that nothing is left behind by a parent that was killed.
 */
import { systemClock } from '../../clock.ts';
import { RunError, messageOf } from '../../errors.ts';
import { loadJobFile } from '../loader.ts';
import { plainJson } from '../json.ts';
import { jobContext, stackLines, typedInput } from './function.ts';
import { ToChild, type ToParent } from './messages.ts';
import { createProgressBook, type ProgressBook } from './progress.ts';

const PROGRESS_EVERY_MS = 250;
const IMPORT_MS = 10_000;

function send(message: ToParent): Promise<void> {
  return new Promise((resolve) => {
    if (process.send === undefined || !process.connected) return resolve();
    process.send(message, () => resolve());
  });
}

function createChildBook(): { book: ProgressBook; flush: () => Promise<void> } {
  let pending = false;
  const flush = async (): Promise<void> => {
    pending = false;
    const progress = book.current();
    if (progress !== undefined) await send({ type: 'progress', progress });
  };
  // Secrets are not known here; the parent scrubs.
  const book = createProgressBook({ clock: systemClock, scrub: (text) => text }, () => {
    if (pending) return;
    pending = true;
    systemClock.after(PROGRESS_EVERY_MS, () => void flush());
  });
  return { book: { ...book, log: (line) => void send({ type: 'log', line: line.slice(0, 10_000) }) }, flush };
}

async function runJob(start: ToChild, signal: AbortSignal): Promise<ToParent> {
  const { book, flush } = createChildBook();
  try {
    const job = await loadJobFile(start, { clock: systemClock, importMs: IMPORT_MS });
    if (job.kind !== 'function')
      throw new RunError(`${start.file} no longer defines a function`, { code: 'JOB_INVALID' });
    const value = await job.run(typedInput(job, start.input), jobContext({ ...start, signal, book }));
    if (value === undefined) return { type: 'done' };
    const plain = plainJson(value);
    if (plain.ok) return { type: 'done', value: plain.json };
    throw new RunError(`what ${start.job} returned cannot be kept: ${plain.reason}`, {
      code: 'RESULT_INVALID',
      permanent: true,
    });
  } catch (error) {
    if (error instanceof Error && !(error instanceof RunError)) {
      for (const line of stackLines(error.stack ?? '')) await send({ type: 'log', line });
    }
    return answer(error);
  } finally {
    await flush();
  }
}

function answer(error: unknown): ToParent {
  if (!(error instanceof RunError)) return { type: 'error', message: messageOf(error), permanent: false };
  return {
    type: 'error',
    code: error.code,
    message: error.message,
    permanent: error.permanent,
    ...(error.hint !== undefined && { hint: error.hint }),
    ...(error.retryAfterMs !== undefined && { retryAfterMs: error.retryAfterMs }),
  };
}

const stop = new AbortController();
process.once('SIGTERM', () => stop.abort(new RunError('the attempt was stopped', { code: 'CANCELLED' })));
process.once('disconnect', () => process.exit(1));
process.once('message', (message: unknown) => {
  void runJob(ToChild.parse(message), stop.signal)
    .then(send)
    // Handles that the function left open must not keep the process.
    .finally(() => process.exit(0));
});
