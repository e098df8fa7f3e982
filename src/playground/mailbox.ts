import { createServer } from 'node:net';
import type { Socket } from 'node:net';
import type { Clock } from '../clock.ts';
import { DependencyError } from '../errors.ts';
import { createSmtpSession } from './smtp-session.ts';

interface ReceivedMail {
  at: number;
  /** The envelope, not the headers. */
  from: string;
  to: string[];
  raw: Buffer;
}

export interface Mailbox extends AsyncDisposable {
  /** Listens on 127.0.0.1; resolves when it does. */
  start(): Promise<void>;
  stop(): Promise<void>;
  /** For SMTP_URL, e.g. `smtp://127.0.0.1:41234`. */
  readonly url: string;
  /** The newest 500, oldest first. */
  readonly mails: readonly ReceivedMail[];
  /** Calls the listener for each mail that was accepted; answers how to stop. */
  on(listener: (mail: ReceivedMail) => void): () => void;
}

const MAX_MAILS = 500;
const MAX_CONNECTIONS = 50;
const IDLE_MS = 60_000;

/** A mail server on loopback that accepts every recipient and keeps the mails in memory: the inbox of the demo. */
export function createMailbox(deps: { clock: Clock }, options: { port?: number; maxBytes?: number } = {}): Mailbox {
  const mails: ReceivedMail[] = [];
  const listeners = new Set<(mail: ReceivedMail) => void>();
  const sockets = new Set<Socket>();
  let port: number | undefined;

  const server = createServer((socket) => {
    sockets.add(socket);
    const session = createSmtpSession({ maxBytes: options.maxBytes ?? 10 * 1024 * 1024 }, (envelope) => {
      const mail = { at: deps.clock.now(), ...envelope };
      mails.push(mail);
      if (mails.length > MAX_MAILS) mails.shift();
      for (const listener of listeners) listener(mail);
    });
    const reply = (lines: readonly string[]): void => {
      if (lines.length > 0 && socket.writable) socket.write(lines.map((line) => `${line}\r\n`).join(''));
    };
    socket.setTimeout(IDLE_MS, () => socket.destroy());
    socket.on('error', () => socket.destroy());
    socket.on('close', () => sockets.delete(socket));
    socket.on('data', (chunk) => {
      reply(session.receive(chunk));
      if (session.ended()) socket.end();
    });
    reply(['220 playground ESMTP']);
  });
  server.maxConnections = MAX_CONNECTIONS;

  const stop = (): Promise<void> =>
    new Promise((resolve) => {
      port = undefined;
      server.close(() => resolve());
      for (const socket of sockets) socket.destroy();
    });
  return {
    async start() {
      if (server.listening) return;
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        server.listen(options.port ?? 0, '127.0.0.1', resolve);
      });
      const address = server.address();
      port = typeof address === 'object' && address !== null ? address.port : undefined;
    },
    stop,
    [Symbol.asyncDispose]: stop,
    get url() {
      if (port === undefined)
        throw new DependencyError('The mailbox is not listening.', { code: 'SERVER_FAILED', hint: 'Call start().' });
      return `smtp://127.0.0.1:${port}`;
    },
    mails,
    on(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}
