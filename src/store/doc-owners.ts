/**
 * Documents that belong to a run: they are removed in the commit that removes it. A document gets an owner only under the lock of that
 * run, and an owned one changes only under its own lock, which a removal holds too: so none is left behind by a race.
 */
import { UsageError } from '../errors.ts';
import type { Core } from './core.ts';
import { checkFree } from './doc-table.ts';
import type { DocTable } from './doc-table.ts';
import type { NewDoc } from './store.ts';

const MAX_DOCS = 20;

/** The documents of one commit of a run are few, of kinds of its own, and each is named once. */
export function checkDocs(wanted: readonly Pick<NewDoc, 'kind' | 'key'>[], verb: string): void {
  for (const doc of wanted) checkFree(doc);
  const names = new Set(wanted.map(({ kind, key }) => `${kind}/${key}`));
  if (wanted.length <= MAX_DOCS && names.size === wanted.length) return;
  const message = `${verb} writes at most ${MAX_DOCS} documents, each once; these are ${wanted.length}.`;
  throw new UsageError(message, { code: 'INPUT_INVALID' });
}

/**
 * What of the documents a verb of the run `runId` writes; call it under the lock of the run and of the documents. What would belong to a
 * run that is gone is left out: nobody would ever remove it. A document for another run that is there is INPUT_INVALID, unless it is that
 * run's already.
 */
export async function withOwners<T extends Omit<NewDoc, 'rev'>>(
  { core, docs }: { core: Pick<Core, 'getRun'>; docs: Pick<DocTable, 'present'> },
  runId: string,
  wanted: readonly T[],
): Promise<T[]> {
  const admitted: T[] = [];
  for (const doc of wanted) {
    const owner = doc.runId;
    const isKnown = owner === undefined || docs.present(doc)?.runId === owner;
    if (!isKnown && (await core.getRun(owner)) === undefined) continue;
    if (!isKnown && owner !== runId) throw foreign(doc, owner);
    admitted.push(doc);
  }
  return admitted;
}

function foreign({ kind, key }: Pick<NewDoc, 'kind' | 'key'>, owner: string): UsageError {
  return new UsageError(`The document ${kind}/${key} would belong to another run, ${owner}.`, {
    code: 'INPUT_INVALID',
    hint: 'A run makes documents for itself, and changes those that belong to another one already.',
  });
}
