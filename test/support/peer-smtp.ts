import type { Socket } from 'node:net';
import PostalMime from 'postal-mime';
import type { Email } from 'postal-mime';
import { SMTPServer } from 'smtp-server';

interface PeerMail {
  from: string;
  to: string[];
  raw: Buffer;
  /** The mail as a mail client reads it. */
  parsed(): Promise<Email>;
}

/** What happens to the next connection that comes this far. `drop` cuts it; a code is the server's refusal. */
type MailFault =
  | { at: 'connect' | 'mail' | 'rcpt' | 'data'; code: number; message?: string }
  | { at: 'connect' | 'mail' | 'rcpt' | 'data'; drop: true }
  /** The mail is accepted (it is in `mails`), and the connection is cut before the 250. */
  | { at: 'accepted'; drop: true };

export interface PeerSmtp extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  /** What was accepted, oldest first. */
  readonly mails: readonly PeerMail[];
  /** Connections that were made so far. */
  connections(): number;
  /** Those that are open now. */
  open(): number;
  /** Cuts every connection, as a server does that restarts. */
  hangUp(): void;
  /** Queues faults; each is used once, in this order within its stage. */
  fail(...faults: MailFault[]): void;
  stop(): Promise<void>;
}

/** Starts a real SMTP server on loopback that fails by script. */
export async function startPeerSmtp(): Promise<PeerSmtp> {
  const mails: PeerMail[] = [];
  const script: MailFault[] = [];
  const sockets = new Map<number, Socket>();
  let connections = 0;

  function next(at: MailFault['at']): MailFault | undefined {
    const index = script.findIndex((fault) => fault.at === at);
    return index < 0 ? undefined : script.splice(index, 1)[0];
  }
  function stage(at: MailFault['at'], session: { remotePort: number }, callback: (error?: Error | null) => void): void {
    const fault = next(at);
    if (fault === undefined) return callback();
    if ('drop' in fault) return void sockets.get(session.remotePort)?.destroy();
    callback(Object.assign(new Error(fault.message ?? `scripted ${fault.code}`), { responseCode: fault.code }));
  }

  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS', 'AUTH'],
    disableReverseLookup: true,
    logger: false,
    onConnect: (session, callback) => stage('connect', session, callback),
    onMailFrom: (_address, session, callback) => stage('mail', session, callback),
    onRcptTo: (_address, session, callback) => stage('rcpt', session, callback),
    onData(stream, session, callback) {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        const raw = Buffer.concat(chunks);
        stage('data', session, (error) => {
          if (error) return callback(error);
          mails.push(toMail(raw, session.envelope));
          stage('accepted', session, callback);
        });
      });
    },
  });

  server.on('error', () => undefined);
  server.server.on('connection', (socket) => {
    const { remotePort = 0 } = socket;
    connections++;
    sockets.set(remotePort, socket);
    socket.once('close', () => sockets.delete(remotePort));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  const address = server.server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const stop = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => resolve());
      for (const socket of sockets.values()) socket.destroy();
    });
  return {
    url: `smtp://127.0.0.1:${port}`,
    port,
    mails,
    connections: () => connections,
    open: () => sockets.size,
    hangUp: () => {
      for (const socket of sockets.values()) socket.destroy();
    },
    fail: (...faults) => void script.push(...faults),
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

function toMail(
  raw: Buffer,
  envelope: { mailFrom: { address: string } | false; rcptTo: { address: string }[] },
): PeerMail {
  return {
    from: envelope.mailFrom === false ? '' : envelope.mailFrom.address,
    to: envelope.rcptTo.map(({ address }) => address),
    raw,
    parsed: () => PostalMime.parse(new Uint8Array(raw)),
  };
}
