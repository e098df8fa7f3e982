/**
 * The process of an isolated function: loads the job file, runs it once, answers over IPC, ends. It ends by itself when the channel
 * closes, so that nothing is left behind by a parent that was killed.
 */
import { systemClock } from '../../clock.ts';
import { RunError } from '../../errors.ts';
import { loadJobFile } from '../loader.ts';
import { plainJson } from '../json.ts';
import { bounded, cutMarkdown } from '../normalise.ts';
import { readThrown } from '../thrown.ts';
import { outputText } from '../../output.ts';
import { createFileBook, takeFiles, type Taken } from '../attachments.ts';
import { createCapture } from './capture.ts';
import { jobContext, stackLines, typedInput } from './function.ts';
import { ToChild, type ToParent } from './messages.ts';
import { createProgressBook, type ProgressBook } from './progress.ts';

const FLUSH_EVERY_MS = 250;
// Of log lines in that time; each is a message that the parent must read.
const LINES_AT_ONCE = 50;
const MAX_LINE = 10_000;
const newStorm = () => createCapture({ headBytes: 8 * 1024, tailBytes: 24 * 1024 });
const IMPORT_MS = 10_000;

function send(message: ToParent): Promise<void> {
  return new Promise((resolve) => {
    if (process.send === undefined || !process.connected) return resolve();
    process.send(message, () => resolve());
  });
}

function createChildBook(): { book: ProgressBook; flush: () => Promise<void> } {
  let pending = false;
  let lines = 0;
  let storm = newStorm();
  const flush = async (): Promise<void> => {
    pending = false;
    lines = 0;
    const kept = storm;
    storm = newStorm();
    if (kept.bytes() > 0) await send({ type: 'log', line: outputText(kept.output()).trimEnd() });
    const progress = book.current();
    if (progress !== undefined) await send({ type: 'progress', progress });
  };
  const soon = (): void => {
    if (pending) return;
    pending = true;
    systemClock.after(FLUSH_EVERY_MS, () => void flush());
  };
  /** A line goes out at once, so that a crash does not take it along; of a storm the beginning and the end do, a little later. */
  const log = (line: unknown): void => {
    const text = String(line).slice(0, MAX_LINE);
    soon();
    if (++lines <= LINES_AT_ONCE) void send({ type: 'log', line: text });
    else storm.push(Buffer.from(`${text}\n`));
  };
  // Secrets are not known here; the parent scrubs.
  const book = createProgressBook({ clock: systemClock, scrub: (text) => text }, soon);
  return { book: { ...book, log }, flush };
}

async function runJob(start: ToChild, signal: AbortSignal): Promise<ToParent> {
  const { book, flush } = createChildBook();
  const files = createFileBook();
  try {
    const job = await loadJobFile(start, { clock: systemClock, importMs: IMPORT_MS });
    if (job.kind !== 'function')
      throw new RunError(`${start.file} no longer defines a function`, { code: 'JOB_INVALID' });
    const value = await job.run(typedInput(job, start.input), jobContext({ ...start, signal, book, files }));
    if (value === undefined) return { type: 'done' };
    const rest = takeFiles({ form: 'value', value }, files);
    // Bounded here: the parent would have to read all of it before it could refuse it.
    const left = rest.form === 'value' ? rest.value : rest.text;
    const plain = bounded(plainJson(typeof left === 'string' ? cutMarkdown(left) : left));
    if (plain.ok) return { type: 'done', value: plain.json };
    throw new RunError(`what ${start.job} returned cannot be kept: ${plain.reason}`, {
      code: 'RESULT_INVALID',
      permanent: true,
    });
  } catch (thrown) {
    const error = readThrown(thrown);
    if (!(error instanceof RunError)) {
      for (const line of stackLines(error.stack ?? '')) await send({ type: 'log', line });
    }
    return answer(error);
  } finally {
    await sendFiles(files.taken());
    await flush();
  }
}

/** One at a time: each is a message that the parent must read. */
async function sendFiles({ files, problems }: Taken): Promise<void> {
  for (const problem of problems) await send({ type: 'file_left_out', problem });
  for (const { name, mediaType, title, bytes } of files) {
    const base64 = Buffer.from(bytes).toString('base64');
    await send({ type: 'file', name, mediaType, base64, ...(title !== undefined && { title }) });
  }
}

function answer(error: Error): ToParent {
  if (!(error instanceof RunError)) return { type: 'error', message: error.message, permanent: false };
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
