/**
 * One session with a mail server, with the phase known at every moment. nodemailer's own sendMail cannot tell "never connected" from
 * "sent, answer lost" (both are ETIMEDOUT, command CONN), so its SMTP connection is driven step by step here.
 */
import { Readable } from 'node:stream';
import type SMTPConnection from 'nodemailer/lib/smtp-connection';
import { isLoopback } from './address.ts';
import type { MailServer } from './address.ts';
import type { Phase } from './smtp-errors.ts';

export interface OutgoingMail {
  envelope: { from: string; to: string };
  message: Buffer;
}

export interface SmtpOptions {
  /** `always`: STARTTLS or nothing. `off-loopback` (default): plain text is allowed to this machine only. */
  requireTls?: 'always' | 'off-loopback';
  timeouts?: { connectMs: number; greetingMs: number; socketMs: number };
}

/** Its methods throw what nodemailer throws; `phase` says what that means. An abort ends the session. */
export interface SmtpSession {
  phase(): Phase;
  /** Whether it can be used for another message. */
  isOpen(): boolean;
  /** Connects and logs in. */
  open(signal: AbortSignal): Promise<void>;
  /** Forgets the message before (RSET); it shows as well whether the server is still there. */
  reset(signal: AbortSignal): Promise<void>;
  /** Hands over one message and answers the reply to it. */
  send(mail: OutgoingMail, signal: AbortSignal): Promise<string>;
  /** Says goodbye where nothing is under way, else cuts the line. */
  close(): void;
}

const TIMEOUTS = { connectMs: 10_000, greetingMs: 10_000, socketMs: 60_000 };

/** Makes a session; nodemailer is loaded with the first. */
export async function createSmtpSession(server: MailServer, options: SmtpOptions = {}): Promise<SmtpSession> {
  const { default: Connection } = await import('nodemailer/lib/smtp-connection');
  const connection = new Connection(connectionOptions(server, options));
  const at: { phase: Phase; over: boolean } = { phase: 'connect', over: false };
  const broken = Promise.withResolvers<never>();
  // An idle session ends unnoticed by anybody: that is no unhandled rejection.
  broken.promise.catch(() => undefined);
  const end = (error: Error): void => {
    at.over = true;
    broken.reject(error);
  };
  connection.on('error', end);
  connection.on('end', () => end(new Error('The connection was closed')));

  /** One step; whatever ends the session ends it too. */
  async function step<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
    const abort = (): void => connection.close();
    signal.addEventListener('abort', abort, { once: true });
    try {
      if (signal.aborted) throw new Error('Stopped before the mail server was asked');
      if (at.over) throw new Error('The connection was closed');
      return await Promise.race([work(), broken.promise]);
    } finally {
      signal.removeEventListener('abort', abort);
    }
  }

  return {
    phase: () => at.phase,
    isOpen: () => !at.over,
    async open(signal) {
      await step(() => connect(connection), signal);
      at.phase = 'login';
      const { auth } = server;
      if (auth !== undefined) await step(() => login(connection, auth), signal);
      at.phase = 'ready';
    },
    async reset(signal) {
      at.phase = 'ready';
      await step(() => reset(connection), signal);
    },
    send({ envelope, message }, signal) {
      at.phase = 'send';
      const stream = Readable.from([message]);
      // The connection writes the final dot when the stream ends, so from its end on the server may have the whole message.
      stream.once('end', () => (at.phase = 'sent'));
      return step(() => transmit(connection, { envelope, stream }), signal);
    },
    close() {
      at.over = true;
      if (at.phase === 'sent' || at.phase === 'ready') connection.quit();
      else connection.close();
    },
  };
}

function connectionOptions(server: MailServer, options: SmtpOptions): ConstructorParameters<typeof SMTPConnection>[0] {
  const timeouts = options.timeouts ?? TIMEOUTS;
  const local = isLoopback(server.host) && options.requireTls !== 'always';
  return {
    host: server.host,
    port: server.port,
    secure: server.secure,
    requireTLS: !server.secure && !local,
    opportunisticTLS: local,
    connectionTimeout: timeouts.connectMs,
    greetingTimeout: timeouts.greetingMs,
    socketTimeout: timeouts.socketMs,
  };
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

function reset(connection: SMTPConnection): Promise<void> {
  return new Promise((resolve, reject) => {
    connection.reset((error) => (error ? reject(error) : resolve()));
  });
}

function transmit(
  connection: SMTPConnection,
  mail: { envelope: OutgoingMail['envelope']; stream: Readable },
): Promise<string> {
  return new Promise((resolve, reject) => {
    connection.send({ from: mail.envelope.from, to: [mail.envelope.to] }, mail.stream, (error, info) => {
      if (error) reject(error);
      else if (info === undefined || info.rejected.length > 0)
        reject(info?.rejectedErrors?.[0] ?? new Error('The recipient was rejected'));
      else resolve(info.response);
    });
  });
}
