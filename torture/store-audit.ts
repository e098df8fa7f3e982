/** Holds the runs of a store, their deliveries and the registers against the ledger of what its writers asked for and were answered. */
import { isFinal } from '../src/store/records.ts';
import type { Delivery, Run } from '../src/store/records.ts';
import type { Store } from '../src/store/store.ts';
import type { Ledger, RunNote } from './ledger.ts';
import type { Findings } from './store-laws.ts';
import { TERMS } from './store-terms.ts';

/** A store that is looked at, and the instant until which time has passed in it. */
export interface Audit {
  store: Store;
  ledger: Ledger;
  found: Findings;
  now: number;
}

/** Checks the runs whose id `wanted` accepts; those that are gone for good reason are noted as gone. */
export async function auditRuns(audit: Audit, wanted: (id: string) => boolean): Promise<void> {
  const { ledger } = audit;
  for (const [id, note] of ledger.runs) {
    if (!wanted(id) || (await auditRun(audit, id, note))) continue;
    ledger.runs.delete(id);
    ledger.gone.add(id);
  }
}

/** Checks one run; answers whether it is there. */
export async function auditRun({ store, found, now }: Audit, id: string, note: RunNote): Promise<boolean> {
  const run = await store.get(id);
  if (run === undefined) {
    found.check('lost', note.removeWished || mayBeOver(note, now), () => `${id} (${note.key})`);
    return false;
  }
  found.check('lost', true, () => id);
  found.check('resurrected', !note.removed, () => id);
  found.check('stale', run.fence >= note.fence, () => `${id} has fence ${run.fence} of ${note.fence}`);
  found.check('stale', !note.cancelled || run.state === 'cancelled', () => `${id} is ${run.state}, was cancelled`);
  const token = tokenOf(run);
  found.check(
    'stale',
    note.settled === undefined || token === note.settled,
    () => `${id} is ${run.state}, was settled`,
  );
  checkOrigin(run, { note, found });
  for (const delivery of await store.deliveries(id)) checkDelivery(delivery, { note, found });
  await checkBlobs(run, { store, found });
  return true;
}

/** What a final outcome was told apart by. */
export function tokenOf({ state, result, error }: Run): string | undefined {
  if (state === 'completed' && typeof result === 'string') return result;
  return state === 'failed' ? error?.message : undefined;
}

function checkOrigin(run: Run, { note, found }: { note: RunNote; found: Findings }): void {
  const token = tokenOf(run);
  const given =
    run.state === 'cancelled'
      ? note.cancelWished !== undefined
      : !isFinal(run.state) || (token !== undefined && note.settleWishes.has(token));
  found.check('corrupt', given, () => `${run.id} is ${run.state} (${token}), which nobody asked for`);
}

/** Retention may have taken the run: one of its ends was asked for long enough ago. */
function mayBeOver(note: RunNote, now: number): boolean {
  const cancelled = note.cancelWished !== undefined && note.cancelWished + TERMS.retainMs <= now;
  const settled = [...note.settleWishes.values()].some(({ end, at }) => at + keepOf(end) <= now);
  return cancelled || settled;
}

export function keepOf(state: string): number {
  return state === 'failed' ? TERMS.retainFailedMs : TERMS.retainMs;
}

const PROGRESS = ['pending', 'frozen', 'sending', 'sent', 'delivered'];

function checkDelivery(delivery: Delivery, { note, found }: { note: RunNote; found: Findings }): void {
  const known = note.deliveries.get(delivery.id);
  if (known === undefined) return;
  const [part] = delivery.parts;
  const stage =
    delivery.state === 'delivered' ? 'delivered' : part?.state === 'pending' ? 'frozen' : (part?.state ?? 'pending');
  found.check(
    'deliveries',
    PROGRESS.indexOf(stage) >= PROGRESS.indexOf(known.state),
    () => `${delivery.id} is ${stage}, was ${known.state}`,
  );
  if (known.state === 'delivered' || stage === 'delivered' || part === undefined) return;
  const proven = part.state !== 'sent' || part.receipt?.kind === 'slack';
  found.check(
    'deliveries',
    part.body === known.body && proven,
    () => `${delivery.id}: its part is not what was frozen`,
  );
}

async function checkBlobs(run: Run, { store, found }: { store: Store; found: Findings }): Promise<void> {
  for (const { sha256, bytes } of run.blobs ?? []) {
    // The store checks the hash, and throws when it does not fit.
    const there = await store.blobs.get(sha256).catch(() => undefined);
    found.check(
      'blobs',
      there?.length === bytes,
      () => `${sha256} of ${run.id} is ${there === undefined ? 'gone' : 'not whole'}`,
    );
  }
}

/** Documents, and which queues are paused: each is what was acknowledged last, or what was asked for since. */
export async function auditRegisters({
  store,
  found,
  ledger,
}: Pick<Audit, 'store' | 'found'> & { ledger: Pick<Ledger, 'registers'> }): Promise<void> {
  const paused = new Set((await store.pausedQueues()).map(({ name }) => name));
  for (const [name, { value, wished }] of ledger.registers) {
    const [what = '', key = ''] = name.split(' ');
    const [kind = '', id = ''] = key.split('/');
    const present = what === 'paused' ? paused.has(key) : ((await store.getDoc(kind, id))?.value ?? null);
    const known = what === 'paused' && value === null ? false : value;
    const law = what === 'paused' ? 'paused' : 'documents';
    found.check(
      law,
      present === known || wished.includes(present),
      () => `${name} is ${JSON.stringify(present)}, was ${JSON.stringify(known)}`,
    );
  }
}
