/**
 * One message over one connection, with the phase known at every moment. nodemailer's own sendMail cannot tell "never connected" from
 * "sent, answer lost" (both are ETIMEDOUT, command CONN), so its SMTP connection is driven step by step here.
 */
import { Readable } from 'node:stream';
import type SMTPConnection from 'nodemailer/lib/smtp-connection';
import { codeOf, DeliveryError, messageOf } from '../../errors.ts';
import { isLoopback } from './address.ts';
import type { MailServer } from './address.ts';

export interface Envelope {
  from: string;
  to: string;
}

/** `sent`: everything but the answer to the final dot; from here on the server may have the message. */
type Phase = 'connect' | 'login' | 'send' | 'sent';

export interface SmtpOptions {
  /** `always`: STARTTLS or nothing. `off-loopback` (default): plain text is allowed to this machine only. */
  requireTls?: 'always' | 'off-loopback';
  timeouts?: { connectMs: number; greetingMs: number; socketMs: number };
}

const TIMEOUTS = { connectMs: 10_000, greetingMs: 10_000, socketMs: 60_000 };
/** Node's codes for a certificate that is not trusted: waiting does not mend them. */
const CERTIFICATE =
  /^(?:DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_\w+|CERT_\w+|ERR_TLS_CERT_ALTNAME_INVALID|HOSTNAME_MISMATCH)$/;

/** Hands the message to the server and answers its reply; throws DeliveryError that says whether it may have been sent. */
export async function sendMessage(
  server: MailServer,
  mail: { envelope: Envelope; message: Buffer; options?: SmtpOptions },
  signal: AbortSignal,
): Promise<string> {
  const { default: Connection } = await import('nodemailer/lib/smtp-connection');
  const { envelope, message, options = {} } = mail;
  const timeouts = options.timeouts ?? TIMEOUTS;
  const local = isLoopback(server.host) && options.requireTls !== 'always';
  const connection = new Connection({
    host: server.host,
    port: server.port,
    secure: server.secure,
    requireTLS: !server.secure && !local,
    opportunisticTLS: local,
    connectionTimeout: timeouts.connectMs,
    greetingTimeout: timeouts.greetingMs,
    socketTimeout: timeouts.socketMs,
  });
  const at: { phase: Phase } = { phase: 'connect' };
  const abort = (): void => connection.close();
  const broken = Promise.withResolvers<never>();
  connection.on('error', broken.reject);
  connection.on('end', () => broken.reject(new Error('The connection was closed')));
  signal.addEventListener('abort', abort, { once: true });
  try {
    if (signal.aborted) throw new Error('Stopped before the mail server was asked');
    await Promise.race([connect(connection), broken.promise]);
    at.phase = 'login';
    if (server.auth !== undefined) await Promise.race([login(connection, server.auth), broken.promise]);
    at.phase = 'send';
    const stream = Readable.from([message]);
    // The connection writes the final dot when the stream ends, so from its end on the server may have the whole message.
    stream.once('end', () => (at.phase = 'sent'));
    return await Promise.race([transmit(connection, { envelope, stream }), broken.promise]);
  } catch (error) {
    throw toMailError(error, { phase: at.phase, host: `${server.host}:${server.port}` });
  } finally {
    signal.removeEventListener('abort', abort);
    broken.promise.catch(() => undefined);
    connection.on('error', () => undefined);
    if (at.phase === 'sent') connection.quit();
    else connection.close();
  }
}

function connect(connection: SMTPConnection): Promise<void> {
  return new Promise((resolve, reject) => {
    connection.connect((error) => (error ? reject(error) : resolve()));
  });
}

function login(connection: SMTPConnection, auth: { user: string; pass: string }): Promise<void> {
  return new Promise((resolve, reject) => {
    connection.login({ ...auth, credentials: auth }, (error) => (error ? reject(error) : resolve()));
  });
}

function transmit(connection: SMTPConnection, mail: { envelope: Envelope; stream: Readable }): Promise<string> {
  return new Promise((resolve, reject) => {
    connection.send({ from: mail.envelope.from, to: [mail.envelope.to] }, mail.stream, (error, info) => {
      if (error) reject(error);
      else if (info === undefined || info.rejected.length > 0)
        reject(info?.rejectedErrors?.[0] ?? new Error('The recipient was rejected'));
      else resolve(info.response);
    });
  });
}

/** The answer of the server decides; without one, the phase does. */
function toMailError(error: unknown, fact: { phase: Phase; host: string }): DeliveryError {
  const { phase, host } = fact;
  const answer = field(error, 'responseCode');
  if (typeof answer === 'number') return refused(error, { answer, host, phase });
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
