/** What went wrong in a session, in our words: refused for good, refused for now, surely not sent, or perhaps sent. */
import { codeOf, DeliveryError, messageOf } from '../../errors.ts';

/** `sent`: everything but the answer to the final dot; from here on the server may have the message. */
export type Phase = 'connect' | 'login' | 'ready' | 'send' | 'sent';

/** Node's codes for a certificate that is not trusted: waiting does not mend them. */
const CERTIFICATE =
  /^(?:DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_\w+|CERT_\w+|ERR_TLS_CERT_ALTNAME_INVALID|HOSTNAME_MISMATCH)$/;
/** RFC 5321, 4.2.3: no such mailbox, not here, not a name that can be. */
const NO_MAILBOX: readonly unknown[] = [550, 551, 553];

/** The answer of the server decides; without one, the phase does. */
export function toMailError(error: unknown, fact: { phase: Phase; host: string }): DeliveryError {
  const { phase, host } = fact;
  const answer = answerOf(error);
  if (answer !== undefined) return refused(error, { answer, host, phase });
  const certificate = [codeOf(error), field(error, 'originalCode'), codeOf(field(error, 'cause'))].find(
    (code): code is string => typeof code === 'string' && CERTIFICATE.test(code),
  );
  if (certificate !== undefined) {
    return new DeliveryError(`The certificate of the mail server ${host} is not trusted (${certificate}).`, {
      code: 'MAIL_REJECTED',
      permanent: true,
      hint: 'Give the server a valid certificate, or name its authority in NODE_EXTRA_CA_CERTS.',
      cause: error,
    });
  }
  const why = oneLineOf(error);
  if (phase === 'sent') {
    const message = `The mail server ${host} took the message and its answer was lost (${why}); it may have been sent.`;
    return new DeliveryError(message, { code: 'MAIL_AMBIGUOUS', ambiguous: true, cause: error });
  }
  const message = `The mail server ${host} did not take the message (${why}); nothing was sent.`;
  return new DeliveryError(message, { code: 'MAIL_UNAVAILABLE', cause: error });
}

/** The code that the server answered with; undefined when it gave no answer. */
export function answerOf(error: unknown): number | undefined {
  const code = field(error, 'responseCode');
  return typeof code === 'number' ? code : undefined;
}

/**
 * The answer that says that there is no such mailbox. A refusal of the message, the sender or our address (5.7.x, a blocked network) says
 * nothing about the recipient, whatever its three digits are.
 */
export function noMailbox(error: unknown): string | undefined {
  if (field(error, 'command') !== 'RCPT TO' || !NO_MAILBOX.includes(answerOf(error))) return undefined;
  const response = field(error, 'response');
  const text = (typeof response === 'string' ? response : oneLineOf(error)).replace(/\s+/g, ' ').slice(0, 300);
  const enhanced = /^\d{3}[ -](\d\.\d{1,3})\.\d{1,3}\b/.exec(text)?.[1];
  return enhanced === undefined || enhanced === '5.1' ? text : undefined;
}

function refused(error: unknown, fact: { answer: number; host: string; phase: Phase }): DeliveryError {
  // 503 says that the session was in a wrong state, not that the message is refused (RFC 5321, 4.2.4).
  const permanent = fact.answer >= 500 && fact.answer !== 503;
  const hint = fact.phase === 'login' ? { hint: 'Check the user and the password in SMTP_URL.' } : {};
  const message = `The mail server ${fact.host} answered ${fact.answer}: ${oneLineOf(error)}`;
  return new DeliveryError(message, {
    code: permanent ? 'MAIL_REJECTED' : 'MAIL_UNAVAILABLE',
    permanent,
    ...hint,
    cause: error,
  });
}

function oneLineOf(error: unknown): string {
  return messageOf(error).replace(/\s+/g, ' ').slice(0, 300);
}

function field(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null ? Object.getOwnPropertyDescriptor(value, key)?.value : undefined;
}
