/** The forms of the files, over the records they hold. Fields that a form does not know are kept (see graft). */
import { z } from 'zod';
import { AuditEntry, Delivery, Doc, Run, RunId } from '../records.ts';
import type { FileSchema } from './record-file.ts';

/** Audit entries that were committed with the record and may not have reached the audit file yet. */
const pendingAudit = z.array(AuditEntry).max(100).optional();

const RunFile = Run.extend({ removed: z.undefined().optional(), pendingAudit });
export type RunFile = z.infer<typeof RunFile>;

/** What stands in the place of a removed run until nothing needs it any more. */
const TombstoneFile = z.object({
  v: z.literal(1),
  id: RunId,
  removed: z.literal(true),
  /** The end of the key's window in milliseconds; 0 when there is no key. */
  keyUntil: z.number().int().nonnegative(),
  run: Run,
  pendingAudit,
});
export type TombstoneFile = z.infer<typeof TombstoneFile>;

const RecordFile = z.discriminatedUnion('removed', [TombstoneFile, RunFile]);
export type RecordFile = z.infer<typeof RecordFile>;

const DeliveriesFile = z.object({ v: z.literal(1), runId: RunId, deliveries: z.array(Delivery).max(100) });
export type DeliveriesFile = z.infer<typeof DeliveriesFile>;

export const recordForm: FileSchema<RecordFile> = {
  schema: RecordFile,
  order: [...new Set([...Object.keys(RunFile.shape), ...Object.keys(TombstoneFile.shape)])],
};
export const deliveriesForm: FileSchema<DeliveriesFile> = {
  schema: DeliveriesFile,
  order: Object.keys(DeliveriesFile.shape),
};
export const docForm: FileSchema<Doc> = { schema: Doc, order: Object.keys(Doc.shape) };

/** Whether a record is what is left of a removed run. */
export function isTombstone(record: RecordFile): record is TombstoneFile {
  return record.removed === true;
}

/** The run of a record file, without what only the file needs. */
export function runOf(file: RunFile): Run {
  const { pendingAudit: _pendingAudit, removed: _removed, ...run } = file;
  return run;
}
