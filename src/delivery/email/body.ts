/** A mail as it is frozen before the first send: what is said, and of its files only where their bytes come from. */
import { z } from 'zod';
import { DeliveryError } from '../../errors.ts';
import { FilePlan } from '../../render/file-plan.ts';
import type { Json } from '../../store/store.ts';

const MAX_FILES = 100;
const oneLine = /^[^\p{Cc}]*$/u;

export const MailBody = z.object({
  subject: z.string().regex(oneLine),
  html: z.string().exactOptional(),
  text: z.string(),
  /** Mails that were frozen by an earlier version have none. */
  files: z.array(FilePlan).max(MAX_FILES).default([]),
  /** Where one click unsubscribes: frozen, so that a resend says the same after the address of the server changed. */
  unsubscribeUrl: z.url().max(2_000).regex(oneLine).exactOptional(),
});
export type MailBody = z.infer<typeof MailBody>;

/** The body as it was frozen; throws RENDER_FAILED for what is none. */
export function readMailBody(body: Json, deliveryId: string): MailBody {
  const read = MailBody.safeParse(body);
  if (read.success) return read.data;
  const message = `The stored mail of ${deliveryId} is not readable.`;
  throw new DeliveryError(message, { code: 'RENDER_FAILED', permanent: true });
}
