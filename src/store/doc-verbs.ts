import { UsageError } from '../errors.ts';
import type { Change } from './backing.ts';
import type { Core } from './core.ts';
import { checkFree } from './doc-table.ts';
import type { DocName, DocTable } from './doc-table.ts';
import type { Doc } from './records.ts';
import type { Page } from './reader.ts';
import { clampLimit } from './run-index.ts';
import { every } from './run-verbs.ts';
import type { NewAudit, Store } from './store.ts';

type DocVerbs = Pick<Store, 'putDoc' | 'removeDoc' | 'getDoc' | 'listDocs'> & {
  /** Removes documents past their `expiresAt`; at most `limit` a call. */
  expire(limit: number): Promise<number>;
};
type Wanted = Parameters<Store['putDoc']>[0];

/** Makes the verbs of the small documents. */
export function createDocVerbs(core: Core, docs: DocTable): DocVerbs {
  async function put(wanted: Wanted): ReturnType<Store['putDoc']> {
    const rev = docs.conflict(wanted);
    if (rev !== undefined) return { outcome: 'conflict', rev };
    if (wanted.runId !== undefined && (await core.getRun(wanted.runId)) === undefined) throw unowned(wanted);
    const doc = docs.stage(wanted);
    await core.backing.commit([{ kind: 'doc', doc }, ...noted(wanted.audit)]);
    docs.keep(doc);
    return { outcome: 'stored', doc };
  }
  async function removeOne(name: DocName, audit?: NewAudit): Promise<void> {
    await core.backing.commit([{ kind: 'doc-removal', docKind: name.kind, key: name.key }, ...noted(audit)]);
    docs.drop(name);
  }
  function noted(audit: NewAudit | undefined): Change[] {
    return audit === undefined ? [] : [{ kind: 'audit', entry: core.auditEntry(audit) }];
  }
  function list(kind: string, query: { limit?: number; after?: string }): Page<Doc> {
    const after = query.after === undefined ? '' : Buffer.from(query.after.slice(0, 200), 'base64url').toString();
    const limit = clampLimit(query.limit);
    const items: Doc[] = [];
    for (const doc of docs.ofKind(kind, after)) {
      if (items.length === limit) return { items, next: Buffer.from(items.at(-1)?.key ?? '').toString('base64url') };
      items.push(doc);
    }
    return { items };
  }

  return {
    async putDoc(doc) {
      checkFree(doc);
      const work = (): ReturnType<Store['putDoc']> => docs.locked([doc], () => put(doc));
      // No removal of the run comes in between.
      return doc.runId === undefined ? work() : core.locks.run(doc.runId, work);
    },
    async removeDoc(kind, key, audit) {
      checkFree({ kind, key });
      await docs.locked([{ kind, key }], async () => {
        if (docs.has({ kind, key })) await removeOne({ kind, key }, audit);
      });
    },
    getDoc: async (kind, key) => docs.present({ kind, key }),
    listDocs: async (kind, query) => list(kind, query),
    async expire(limit) {
      const expired = docs.expired(limit);
      await every(
        expired.map((doc) =>
          docs.locked([doc], async () => {
            if (docs.holds(doc)) await removeOne(doc);
          }),
        ),
      );
      return expired.length;
    },
  };
}

function unowned({ kind, key, runId = '' }: Wanted): UsageError {
  return new UsageError(`The document ${kind}/${key} would belong to the run ${runId}, which is not there.`, {
    code: 'RUN_UNKNOWN',
    hint: 'It was deleted, perhaps just now, and its documents with it.',
  });
}
