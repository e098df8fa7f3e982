/** Small documents and the audit trail. */
import { describe, expect } from 'vitest';
import { accept, ana } from '../support/store-harness.ts';
import type { Suite } from './store.ts';

const bo = { kind: 'operator', id: 'bo@host' } as const;

export function describeDocs({ fact, h }: Suite): void {
  describe('documents', () => {
    fact('a document is compared and set', async () => {
      const put = (rev: number, value: number) => h.store.putDoc({ kind: 'status', key: 'a.b', rev, value });
      expect(await put(0, 1)).toMatchObject({ outcome: 'stored', doc: { rev: 1, value: 1 } });
      expect(await put(0, 2)).toEqual({ outcome: 'conflict', rev: 1 });
      expect(await put(1, 3)).toMatchObject({ outcome: 'stored', doc: { rev: 2 } });
      const both = await Promise.all([put(2, 4), put(2, 5)]);
      expect(both.map((one) => one.outcome)).toEqual(['stored', 'conflict']);
      expect(await h.store.getDoc('status', 'a.b')).toMatchObject({ rev: 3, value: 4 });
      await h.store.removeDoc('status', 'a.b');
      await h.store.removeDoc('status', 'a.b');
      expect(await h.store.getDoc('status', 'a.b')).toBeUndefined();
    });
    fact('documents survive a crash, removed ones stay away', async () => {
      await h.store.putDoc({ kind: 'inbound', key: 'kept', rev: 0, value: { a: 1 } });
      await h.store.putDoc({ kind: 'inbound', key: 'gone', rev: 0, value: 2 });
      await h.store.removeDoc('inbound', 'gone');
      await h.reopen('crash');
      expect((await h.store.listDocs('inbound', {})).items.map((doc) => doc.key)).toEqual(['kept']);
    });
    fact('a document is absent from its expiry on, and then swept', async () => {
      const expiresAt = new Date(h.clock.now() + 1000).toISOString();
      await h.store.putDoc({ kind: 'inbound', key: 'sig', rev: 0, value: true, expiresAt });
      expect(await h.store.putDoc({ kind: 'inbound', key: 'sig', rev: 0, value: true })).toMatchObject({
        outcome: 'conflict',
      });
      await h.clock.advance(1000);
      expect(await h.store.getDoc('inbound', 'sig')).toBeUndefined();
      expect(await h.store.listDocs('inbound', {})).toEqual({ items: [] });
      expect((await h.store.sweep()).expiredDocs).toBe(1);
      expect(await h.store.putDoc({ kind: 'inbound', key: 'sig', rev: 0, value: true })).toMatchObject({
        outcome: 'stored',
      });
    });
    fact('documents are listed by key in pages', async () => {
      for (const key of ['c', 'a', 'd', 'b', 'e']) await h.store.putDoc({ kind: 'status', key, rev: 0, value: key });
      const first = await h.store.listDocs('status', { limit: 2 });
      const second = await h.store.listDocs('status', { limit: 3, after: first.next ?? '' });
      expect([...first.items, ...second.items].map((doc) => doc.key)).toEqual(['a', 'b', 'c', 'd', 'e']);
      expect(second.next).toBeUndefined();
    });
    fact('a document with a hostile name is refused', async () => {
      for (const key of ['../x', '.hidden', 'a/b', '']) {
        await expect(h.store.putDoc({ kind: 'status', key, rev: 0, value: 1 })).rejects.toMatchObject({
          code: 'INPUT_INVALID',
        });
      }
    });
  });
  describe('audit', () => {
    fact('each act leaves one entry: run, retry, cancel, delete, and what is appended', async () => {
      const run = await accept(h.store);
      const retry = await accept(h.store, { retryOf: run.id, actor: bo });
      await h.store.cancel(retry.id, ana);
      await h.store.cancel(retry.id, ana);
      await h.store.remove(run.id, bo);
      await h.store.appendAudit({ actor: ana, act: 'refused', note: 'bad signature' });
      await h.store.close();
      const entries = await h.audit();
      expect(entries.map((one) => [one.act, one.runId, one.actor.id].join(' ')).toSorted(byText)).toEqual(
        [
          ['run', run.id, ana.id].join(' '),
          ['retry', retry.id, bo.id].join(' '),
          ['cancel', retry.id, ana.id].join(' '),
          ['delete', run.id, bo.id].join(' '),
          ['refused', undefined, ana.id].join(' '),
        ].toSorted(byText),
      );
    });
    fact('an act and its audit entry survive a crash together, once', async () => {
      const runs = await Promise.all(Array.from({ length: 5 }, () => accept(h.store)));
      await h.store.cancel(runs[0]?.id ?? '', ana);
      await h.reopen('crash');
      await h.reopen('crash');
      const acts = (await h.audit()).map((one) => one.act).toSorted(byText);
      expect(acts).toEqual(['cancel', 'run', 'run', 'run', 'run', 'run']);
    });
  });
}

function byText(a: string, b: string): number {
  return a < b ? -1 : 1;
}
