/** Very many orders at once: the shop runs the question by itself, and leaves a file. What goes wrong is an answer, for pages are left. */
import { z } from 'zod';
import { RunError } from '../../../../../errors.ts';
import { Gid, maybe } from './answers.ts';
import { BULK_CANCEL, BULK_RUN, BULK_STATE, bulkOrders } from './bulk-documents.ts';
import { createBulkRows, FileError } from './bulk-rows.ts';
import type { FoundOrder } from './bulk-rows.ts';
import { download } from './download.ts';
import type { Desk } from './pages.ts';

/** The orders, newest first; or why there are none, in words that stand after "reading in bulk failed". */
export type BulkAnswer = { found: FoundOrder[] } | { failed: string };

const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 10_000;
const GROWTH = 1.5;
/** To tell the shop to stop, when nobody waits for it any longer. */
const CANCEL_MS = 5000;

const Code = maybe(z.string().max(100));
const RunAnswer = z.object({
  bulkOperationRunQuery: z.object({
    bulkOperation: maybe(z.object({ id: Gid })),
    userErrors: z.array(z.object({ code: Code })),
  }),
});
/** Shopify writes whole numbers of 64 bits as texts. */
const Whole = z.coerce.number().int().nonnegative();
const State = z.object({
  status: z.string().max(100),
  errorCode: Code,
  rootObjectCount: Whole,
  fileSize: maybe(Whole),
  url: maybe(z.string().max(10_000)),
});
const StateAnswer = z.object({ bulkOperation: State.nullable() });
const CancelAnswer = z.object({ bulkOperationCancel: z.unknown() });

const UNDER_WAY: ReadonlySet<string> = new Set(['CREATED', 'RUNNING', 'CANCELING']);
const BUSY: ReadonlySet<string> = new Set(['OPERATION_IN_PROGRESS', 'LIMIT_REACHED']);
const REASONS: ReadonlySet<string> = new Set(['ACCESS_DENIED', 'INTERNAL_SERVER_ERROR', 'TIMEOUT']);

/** Throws only the reason of `signal`. `withinMs` is for all of it. */
export async function readInBulk(
  desk: Desk,
  { filter, withinMs }: { filter: string; withinMs: number },
  signal: AbortSignal,
): Promise<BulkAnswer> {
  const late = new AbortController();
  const timer = desk.clock.after(withinMs, () => late.abort());
  try {
    return await run(desk, filter, AbortSignal.any([signal, late.signal]));
  } catch (error) {
    signal.throwIfAborted();
    if (late.signal.aborted) return { failed: `it took more than ${Math.round(withinMs / 1000)} s` };
    if (error instanceof FileError) return { failed: `its file ${error.message}` };
    if (error instanceof RunError) return { failed: 'the shop did not take it' };
    // Of fetch: its message may hold the address, which is a key to the file.
    if (error instanceof TypeError) return { failed: 'its file could not be fetched' };
    throw error;
  } finally {
    timer.cancel();
  }
}

async function run(desk: Desk, filter: string, signal: AbortSignal): Promise<BulkAnswer> {
  const variables = { query: bulkOrders(filter) };
  // Asked again after a lost answer it runs twice: the other one ends by itself, and nobody reads its file.
  const { bulkOperationRunQuery } = await desk.client.ask({ document: BULK_RUN, variables, data: RunAnswer }, signal);
  const { bulkOperation, userErrors } = bulkOperationRunQuery;
  if (bulkOperation === undefined) {
    const busy = userErrors.some(({ code }) => code !== undefined && BUSY.has(code));
    return { failed: busy ? 'as many others are under way as the shop allows' : 'the shop refused it' };
  }
  const state = await endOf(desk, bulkOperation.id, signal);
  if (state?.status !== 'COMPLETED') {
    const code = state?.errorCode ?? '';
    // Half a file is of no use: it does not say which days are whole.
    return { failed: REASONS.has(code) ? `the shop says ${code}` : 'the shop did not complete it' };
  }
  const rows = createBulkRows(desk.shop.currency);
  // Where nothing was found there is no file.
  if (state.url !== undefined)
    await download({ url: state.url, from: desk.files, size: state.fileSize, line: (text) => rows.add(text) }, signal);
  return { found: rows.all(state.rootObjectCount) };
}

/** Asks with growing waits until it is over; one that is left before is told to stop. */
async function endOf(desk: Desk, id: string, signal: AbortSignal): Promise<z.infer<typeof State> | undefined> {
  try {
    for (let wait = FIRST_WAIT_MS; ; wait = Math.min(LONGEST_WAIT_MS, wait * GROWTH)) {
      await desk.clock.sleep(wait, signal);
      signal.throwIfAborted();
      const { bulkOperation } = await desk.client.ask(
        { document: BULK_STATE, variables: { id }, data: StateAnswer },
        signal,
      );
      if (bulkOperation === null || !UNDER_WAY.has(bulkOperation.status)) return bulkOperation ?? undefined;
    }
  } catch (error) {
    await cancel(desk, id);
    throw error;
  }
}

/** As well as it goes: an operation that is not stopped ends by itself, and changes nothing. */
async function cancel({ client, clock }: Desk, id: string): Promise<void> {
  const late = new AbortController();
  const timer = clock.after(CANCEL_MS, () => late.abort());
  await client
    .ask({ document: BULK_CANCEL, variables: { id }, data: CancelAnswer }, late.signal)
    .catch(() => undefined);
  timer.cancel();
}
