import type { z } from 'zod';
import type { Clock } from '../../clock.ts';
import { iso } from '../../clock.ts';
import { DeliveryError, messageOf } from '../../errors.ts';
import { renderEmail } from '../../render/email/report.ts';
import { signSubscription } from '../../signed.ts';
import { EmailDestination } from '../../store/destinations.ts';
import type { Destination, Receipt } from '../../store/destinations.ts';
import type { Store } from '../../store/store.ts';
import { describeReason, reasonAgainst, suppress, suppressionOf } from '../../store/suppressions.ts';
import { reportOf } from '../about.ts';
import type { FileReader } from '../files.ts';
import type { RenderRequest, SendRequest, Transport } from '../transport.ts';
import type { MailServer } from './address.ts';
import { MailBody, readMailBody } from './body.ts';
import { compose, listOf, messageIdOf } from './compose.ts';
import type { Sender } from './compose.ts';
import { enclose } from './enclose.ts';
import { createSmtpPool } from './pool.ts';
import type { PoolOptions } from './pool.ts';
import { answerOf, noMailbox } from './smtp-errors.ts';

export interface EmailTransportOptions extends PoolOptions {
  /** How long after a lost answer the message is sent once more, under the same Message-ID. Default 10 min. */
  mailRetryMs?: number;
  /** Mails a second, over all recipients. Default 10. */
  perSecond?: number;
  /** Of a whole mail, encoded. Default 15 MB: some servers refuse more. */
  maxBytes?: number;
}

export interface EmailDeps extends Sender {
  server: MailServer;
  clock: Pick<Clock, 'now' | 'after'>;
  /** The suppression list. */
  store: Pick<Store, 'getDoc' | 'putDoc'>;
  files: FileReader;
  /** Why pictures would have no text, so that none is sent. */
  pictureProblem?: () => string | undefined;
  /** The address of the page that unsubscribes, and the secret of its links; without it mails have no such link. */
  unsubscribe?: { page: string; secret: string };
}

const MAX_BYTES = 15_000_000;
const PER_SECOND = 10;
/** After a temporary refusal (greylisting): 5, 15, then every 60 minutes. */
const PATIENCE_MS = [300_000, 900_000, 3_600_000] as const;

/** Sends each report as one mail to one recipient. nodemailer is loaded with the first mail. */
export function createEmailTransport(deps: EmailDeps, options: EmailTransportOptions = {}): Transport {
  const { clock } = deps;
  const pool = createSmtpPool(deps, options);
  const perSecond = options.perSecond ?? PER_SECOND;

  async function send(request: SendRequest, signal: AbortSignal): Promise<Receipt> {
    const { delivery, about } = request;
    const { to, thread = 'none' } = mailOf(delivery.destination);
    await refuseSuppressed(deps, { to, list: listOf(about) });
    const body = readMailBody(request.body, delivery.id);
    const letter = await enclose(body, about, { ...deps, maxBytes: options.maxBytes ?? MAX_BYTES });
    const message = await compose({ request, to, body, letter, thread }, deps);
    try {
      const response = await pool.send({ envelope: { from: deps.from.address, to }, message }, signal);
      return {
        kind: 'email',
        at: iso(clock.now()),
        to,
        messageId: messageIdOf(request, deps.from),
        response: response.replace(/\s+/g, ' ').slice(0, 500),
        ...(letter.degraded.length === 0 ? {} : { degraded: letter.degraded }),
      };
    } catch (error) {
      throw await remembered(deps, to, patient(error, delivery.attempts));
    }
  }

  return {
    kind: 'email',
    ambiguity: { policy: 'once', afterMs: options.mailRetryMs ?? 600_000 },
    lane: (destination) => `email:${mailOf(destination).to}`,
    group: (_action, destination) => `email:${mailOf(destination).to}`,
    pace: () => ({ key: 'email', perSecond, burst: Math.max(1, Math.floor(perSecond)) }),
    prepare: (request) => [renderBody(request, deps)],
    send,
    stop: () => pool.stop(),
  };
}

function renderBody({ about, delivery }: RenderRequest, { unsubscribe }: EmailDeps): MailBody {
  const { to, format, attach, thread } = mailOf(delivery.destination);
  const list = listOf(about);
  const unsubscribeUrl =
    unsubscribe === undefined || list === undefined
      ? {}
      : { unsubscribeUrl: `${unsubscribe.page}?u=${signSubscription({ address: to, list }, unsubscribe.secret)}` };
  const rendered = renderEmail(reportOf(about), about, {
    ...(format === undefined ? {} : { format }),
    ...(attach === undefined ? {} : { attach }),
    ...(thread === undefined ? {} : { thread }),
    ...unsubscribeUrl,
  });
  return MailBody.parse({ ...rendered, ...unsubscribeUrl });
}

/** Asked before every send, a resend too: who unsubscribed meanwhile gets nothing more. */
async function refuseSuppressed(
  { store }: Pick<EmailDeps, 'store'>,
  { to, list }: { to: string; list: string | undefined },
): Promise<void> {
  const suppression = await suppressionOf(store, to).catch((error: unknown) => {
    const message = `The suppression list could not be read (${messageOf(error)}); nothing was sent.`;
    throw new DeliveryError(message, { code: 'MAIL_UNAVAILABLE', cause: error });
  });
  const reason = reasonAgainst(suppression, list);
  if (reason === undefined) return;
  const why = describeReason(reason, list);
  throw new DeliveryError(`Nothing was sent to ${to}: ${why}, on ${reason.at.slice(0, 10)}.`, {
    code: 'MAIL_SUPPRESSED',
    permanent: true,
    hint: `bellhop mail allow ${to} lets mails through again.`,
  });
}

/** Whoever sends on to mailboxes that do not exist is taken for a spammer: such an address is put on the suppression list. */
async function remembered({ store, clock }: EmailDeps, to: string, error: unknown): Promise<unknown> {
  const answer = error instanceof DeliveryError && error.permanent ? noMailbox(error.cause) : undefined;
  if (!(error instanceof DeliveryError) || answer === undefined) return error;
  const hint = await suppress(store, { address: to, reason: { why: 'rejected', answer, at: iso(clock.now()) } }).then(
    () => `It gets no more mails; when it is mended: bellhop mail allow ${to}`,
    (failed: unknown) => `It could not be put on the suppression list (${messageOf(failed)}).`,
  );
  return new DeliveryError(error.message, { code: error.code, permanent: true, hint, cause: error.cause });
}

/** A server that refuses for now is asked again as RELIABILITY 2 says: greylisting wants minutes, not seconds. */
function patient(error: unknown, attempts: number): unknown {
  if (!(error instanceof DeliveryError) || error.permanent || error.ambiguous) return error;
  if (answerOf(error.cause) === undefined) return error;
  const retryAfterMs = PATIENCE_MS[Math.min(Math.max(attempts, 1), PATIENCE_MS.length) - 1] ?? 3_600_000;
  const hint = error.hint === undefined ? {} : { hint: error.hint };
  return new DeliveryError(error.message, { code: error.code, retryAfterMs, ...hint, cause: error.cause });
}

function mailOf(destination: Destination): z.infer<typeof EmailDestination> {
  const read = EmailDestination.safeParse(destination);
  if (read.success) return read.data;
  throw new DeliveryError('The recipient is not a mail address.', { code: 'MAIL_REJECTED', permanent: true });
}
