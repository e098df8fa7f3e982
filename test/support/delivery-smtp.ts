/** SMTP peers for what a scripted server cannot show: TLS with a certificate nobody trusts, and a peer that only listens. */
import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { SMTPServer } from 'smtp-server';

interface Peer extends AsyncDisposable {
  port: number;
}

/** A server whose STARTTLS certificate is self-signed (the one smtp-server brings), or that knows no STARTTLS at all. */
export async function startTlsPeer(tls: 'self-signed' | 'none'): Promise<Peer> {
  const server = new SMTPServer({
    authOptional: true,
    disableReverseLookup: true,
    logger: false,
    disabledCommands: tls === 'none' ? ['STARTTLS', 'AUTH'] : ['AUTH'],
    onData(stream, _session, callback) {
      stream.on('end', () => callback());
      stream.resume();
    },
  });
  server.on('error', () => undefined);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  return {
    port: portOf(server.server),
    [Symbol.asyncDispose]: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

/** A server that asks for a login and takes only this one. */
export async function startLoginPeer(login: { user: string; pass: string }): Promise<Peer> {
  const server = new SMTPServer({
    disableReverseLookup: true,
    logger: false,
    allowInsecureAuth: true,
    disabledCommands: ['STARTTLS'],
    onAuth(auth, _session, callback) {
      if (auth.username === login.user && auth.password === login.pass) callback(null, { user: login.user });
      else callback(new Error('Invalid credentials'));
    },
    onData(stream, _session, callback) {
      stream.on('end', () => callback());
      stream.resume();
    },
  });
  server.on('error', () => undefined);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  return {
    port: portOf(server.server),
    [Symbol.asyncDispose]: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

/** A peer that says nothing, or a greeting that never ends, a little at a time, or that is gone when it is connected to. */
export async function startSilentPeer(fate: 'silent' | 'dripping' | 'gone'): Promise<Peer & { spoken: Promise<void> }> {
  const sockets = new Set<Socket>();
  const spoken = Promise.withResolvers<void>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    if (fate !== 'dripping') return;
    const drip = setInterval(() => socket.write('220-more\r\n', () => spoken.resolve()), 5);
    socket.on('close', () => clearInterval(drip));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  const port = portOf(server);
  const close = (): Promise<void> =>
    new Promise((resolve) => {
      for (const socket of sockets) socket.destroy();
      server.close(() => resolve());
    });
  if (fate === 'gone') await close();
  return { port, spoken: spoken.promise, [Symbol.asyncDispose]: () => (fate === 'gone' ? Promise.resolve() : close()) };
}

function portOf(server: Server): number {
  const address: AddressInfo | string | null = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}
