/** The forms of the journal's lines: one commit each. Fields that a form does not know are kept (see graft). */
import { z } from 'zod';
import type { Change } from '../backing.ts';
import { graft } from '../json.ts';
import { AuditEntry, Delivery, Doc, Run, RunId } from '../records.ts';
import { EventForm } from './events.ts';

const JournaledChange: z.ZodType<Change> = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('run'), run: Run, audit: AuditEntry.exactOptional() }),
  z.object({ kind: z.literal('deliveries'), runId: RunId, deliveries: z.array(Delivery).max(100) }),
  z.object({
    kind: z.literal('removal'),
    tombstone: z.object({ run: Run, keyUntil: z.number().int().nonnegative() }),
    audit: AuditEntry,
  }),
  z.object({ kind: z.literal('forget'), runId: RunId }),
  z.object({
    kind: z.literal('key'),
    entry: z.object({
      key: z.string(),
      runId: RunId,
      until: z.number().int().nonnegative(),
      removed: Run.exactOptional(),
    }),
  }),
  z.object({ kind: z.literal('doc'), doc: Doc }),
  z.object({ kind: z.literal('doc-removal'), docKind: z.string(), key: z.string() }),
  z.object({ kind: z.literal('audit'), entry: AuditEntry }),
  z.object({ kind: z.literal('events'), events: z.array(EventForm) }),
]);

const Lsn = z.number().int().positive();
const Commit = z.object({ lsn: Lsn, batch: Lsn.exactOptional(), changes: z.array(JournaledChange) });

/** One commit as it stands in the journal; `lsn` counts commits from 1, without gaps. */
export interface Commit {
  lsn: number;
  /** The lsn of the first commit that was written with it, in one write; absent when it was written alone. */
  batch?: number;
  changes: readonly Change[];
}

/** The commit in a line whose checksum fits; undefined when it is none that this version knows. */
export function commitOf(value: unknown): Commit | undefined {
  const parsed = Commit.safeParse(value);
  return parsed.success ? graft(parsed.data, value) : undefined;
}
