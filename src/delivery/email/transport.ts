import { z } from 'zod';
import type { Clock } from '../../clock.ts';
import { iso } from '../../clock.ts';
import { DeliveryError } from '../../errors.ts';
import { renderEmail } from '../../render/email/report.ts';
import { EmailDestination } from '../../store/destinations.ts';
import type { Destination } from '../../store/destinations.ts';
import { idOf, reportOf } from '../about.ts';
import type { RenderRequest, SendRequest, Transport } from '../transport.ts';
import { domainOf } from './address.ts';
import type { MailFrom, MailServer } from './address.ts';
import { sendMessage } from './smtp.ts';
import type { SmtpOptions } from './smtp.ts';

export interface EmailTransportOptions extends SmtpOptions {
  /** How long after a lost answer the message is sent once more, under the same Message-ID. Default 10 min. */
  mailRetryMs?: number;
  /** Of one mail from the connection to the answer: a server that drips bytes is never idle. Default 5 min. */
  deadlineMs?: number;
}

/** A body as it is frozen: what a resend must repeat byte by byte, so the boundary is fixed as well. */
const Body = z.object({ subject: z.string().regex(/^[^\p{Cc}]*$/u), html: z.string(), text: z.string() });
const DEADLINE_MS = 300_000;
/** After a temporary refusal (greylisting): 5, 15, then every 60 minutes. */
const PATIENCE_MS = [300_000, 900_000, 3_600_000] as const;

/** Sends each report as one mail to one recipient. nodemailer is loaded with the first mail. */
export function createEmailTransport(
  deps: { server: MailServer; from: MailFrom; clock: Pick<Clock, 'now' | 'after'> },
  options: EmailTransportOptions = {},
): Transport {
  const { server, from, clock } = deps;

  async function send(request: SendRequest, signal: AbortSignal): Promise<Awaited<ReturnType<Transport['send']>>> {
    const { delivery, n } = request;
    const to = recipientOf(delivery.destination);
    const messageId = `<${delivery.id}.${n}@${domainOf(from.address)}>`;
    const message = await compose({ request, to, messageId, from });
    const late = new AbortController();
    const timer = clock.after(options.deadlineMs ?? DEADLINE_MS, () => late.abort());
    try {
      const mail = { envelope: { from: from.address, to }, message, options };
      const response = await sendMessage(server, mail, AbortSignal.any([signal, late.signal]));
      return {
        kind: 'email',
        at: iso(clock.now()),
        to,
        messageId,
        response: response.replace(/\s+/g, ' ').slice(0, 500),
      };
    } catch (error) {
      throw patient(error, delivery.attempts);
    } finally {
      timer.cancel();
    }
  }

  return {
    kind: 'email',
    ambiguity: { policy: 'once', afterMs: options.mailRetryMs ?? 600_000 },
    lane: (destination) => `email:${recipientOf(destination)}`,
    group: (_action, destination) => `email:${recipientOf(destination)}`,
    pace: () => ({ key: 'email', perSecond: 10, burst: 10 }),
    prepare: (request) => [renderBody(request)],
    send,
  };
}

function renderBody({ about }: RenderRequest): z.infer<typeof Body> {
  return Body.parse(renderEmail(reportOf(about), about));
}

/**
 * The message is the same bytes whenever it is composed: date and boundary follow from the delivery. Nothing of a user stands in the
 * envelope, in header keys, or in `list` and `raw` (RELIABILITY 2, header injection).
 */
async function compose(mail: { request: SendRequest; to: string; messageId: string; from: MailFrom }): Promise<Buffer> {
  const { default: MailComposer } = await import('nodemailer/lib/mail-composer');
  const { delivery, about, body } = mail.request;
  const read = Body.safeParse(body);
  if (!read.success) {
    throw new DeliveryError(`The stored mail of ${delivery.id} is not readable.`, {
      code: 'RENDER_FAILED',
      permanent: true,
    });
  }
  const composer = new MailComposer({
    from: mail.from.name === undefined ? mail.from.address : { name: mail.from.name, address: mail.from.address },
    to: mail.to,
    subject: read.data.subject,
    text: read.data.text,
    html: read.data.html,
    messageId: mail.messageId,
    date: new Date(delivery.createdAt),
    baseBoundary: delivery.id,
    headers: {
      'Auto-Submitted': 'auto-generated',
      'X-Auto-Response-Suppress': 'All',
      [about.kind === 'run' ? 'X-Bellhop-Run' : 'X-Bellhop-Notice']: idOf(about),
    },
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  return composer.compile().build();
}

/** A server that refuses for now is asked again as RELIABILITY 2 says: greylisting wants minutes, not seconds. */
function patient(error: unknown, attempts: number): unknown {
  if (!(error instanceof DeliveryError) || error.permanent || error.ambiguous) return error;
  if (typeof responseCode(error.cause) !== 'number') return error;
  const retryAfterMs = PATIENCE_MS[Math.min(Math.max(attempts, 1), PATIENCE_MS.length) - 1] ?? 3_600_000;
  const hint = error.hint === undefined ? {} : { hint: error.hint };
  return new DeliveryError(error.message, { code: error.code, retryAfterMs, ...hint, cause: error.cause });
}

function responseCode(cause: unknown): unknown {
  return typeof cause === 'object' && cause !== null && 'responseCode' in cause ? cause.responseCode : undefined;
}

function recipientOf(destination: Destination): string {
  const read = EmailDestination.safeParse(destination);
  if (read.success) return read.data.to;
  throw new DeliveryError('The recipient is not a mail address.', { code: 'MAIL_REJECTED', permanent: true });
}
