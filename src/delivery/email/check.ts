/** Looks whether a mail could be handed over, and hands over none: connect, EHLO, STARTTLS, login, QUIT; no MAIL FROM. */
import type SMTPConnection from 'nodemailer/lib/smtp-connection';
import type { Clock } from '../../clock.ts';
import { codeOf, messageOf } from '../../errors.ts';
import type { Problem } from '../../store/preflight-records.ts';
import type { Report } from '../../store/report.ts';
import { createRemembered } from '../remembered.ts';
import type { Transport } from '../transport.ts';
import { isLoopback } from './address.ts';
import type { MailServer } from './address.ts';

/** What the server says of itself; `maxBytes` where it announces SIZE (RFC 1870). */
type Greeting = { maxBytes?: number } | { problem: Problem };

const TIMEOUT_MS = 5_000;
/** All recipients of one look share a login; a person who has just mended it is not told the old story. */
const LOGIN_MS = 10_000;
/** Of a picture of a chart, and of the page around everything, in bytes: the mail is not rendered to weigh it. */
const CHART_BYTES = 40_000;
const PAGE_BYTES = 20_000;
const CERTIFICATE = /CERT|SELF_SIGNED|UNABLE_TO_VERIFY|HOSTNAME_MISMATCH/;

/** Makes the check of mail destinations. nodemailer is loaded with the first. */
export function createEmailCheck(deps: {
  server: MailServer;
  clock: Pick<Clock, 'monotonic'>;
}): NonNullable<Transport['check']> {
  const logins = createRemembered<Greeting>(deps.clock, { keepMs: LOGIN_MS, max: 1 });
  return async (_destination, { report, suppressed }, signal) => {
    if (suppressed !== undefined) return [suppression(suppressed)];
    const greeting = await logins.recall('login', () => greet(deps.server, signal));
    if ('problem' in greeting) return [greeting.problem];
    const bytes = report === undefined ? 0 : weigh(report);
    const { maxBytes } = greeting;
    return maxBytes === undefined || bytes <= maxBytes ? [] : [tooLarge(bytes, maxBytes)];
  };
}

async function greet(server: MailServer, signal: AbortSignal): Promise<Greeting> {
  const { default: Connection } = await import('nodemailer/lib/smtp-connection');
  const local = isLoopback(server.host);
  const connection = new Connection({
    host: server.host,
    port: server.port,
    secure: server.secure,
    requireTLS: !server.secure && !local,
    opportunisticTLS: local,
    connectionTimeout: TIMEOUT_MS,
    greetingTimeout: TIMEOUT_MS,
    socketTimeout: TIMEOUT_MS,
  });
  const broken = Promise.withResolvers<never>();
  const abort = (): void => broken.reject(new Error('it took too long'));
  connection.on('error', broken.reject);
  connection.on('end', () => broken.reject(new Error('the connection was closed')));
  signal.addEventListener('abort', abort, { once: true });
  try {
    // Loading nodemailer took a moment: the time may be over already.
    if (signal.aborted) throw new Error('it took too long');
    await Promise.race([introduced(connection, server.auth), broken.promise]);
    return sizeOf(connection);
  } catch (error) {
    return { problem: problemOf(error, `${server.host}:${server.port}`) };
  } finally {
    signal.removeEventListener('abort', abort);
    broken.promise.catch(() => undefined);
    connection.on('error', () => undefined);
    // QUIT is polite; whoever does not answer it is left all the same.
    if (signal.aborted) connection.close();
    else connection.quit();
  }
}

async function introduced(connection: SMTPConnection, auth: MailServer['auth']): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    connection.connect((error) => (error ? reject(error) : resolve()));
  });
  if (auth === undefined) return;
  await new Promise<void>((resolve, reject) => {
    connection.login({ ...auth, credentials: auth }, (error) => (error ? reject(error) : resolve()));
  });
}

/** nodemailer keeps what EHLO announced in a field without a type. */
function sizeOf(connection: SMTPConnection): Greeting {
  const announced: unknown = Object.getOwnPropertyDescriptor(connection, '_maxAllowedSize')?.value;
  return typeof announced === 'number' && announced > 0 ? { maxBytes: announced } : {};
}

/** What a mail of this report weighs, roughly: base64 makes three bytes four. */
function weigh(report: Report): number {
  const charts = report.sections.filter((section) => section.kind === 'chart').length;
  const files = (report.attachments ?? []).reduce((sum, { bytes }) => sum + bytes, 0);
  const text = Buffer.byteLength(JSON.stringify(report)) * 3;
  return Math.round(((text + files + charts * CHART_BYTES) * 4) / 3) + PAGE_BYTES;
}

function problemOf(error: unknown, host: string): Problem {
  const certificate = codesOf(error).find((code) => CERTIFICATE.test(code));
  if (certificate !== undefined) {
    const hint = 'Give the server a valid certificate, or name its authority in NODE_EXTRA_CA_CERTS.';
    return fails(`The certificate of the mail server ${host} is not trusted (${certificate})`, hint);
  }
  const answer: unknown = Object.getOwnPropertyDescriptor(Object(error), 'responseCode')?.value;
  const why = messageOf(error).replace(/\s+/g, ' ').slice(0, 200);
  if (codeOf(error) === 'EAUTH' && typeof answer === 'number' && answer >= 500)
    return fails(`The mail server ${host} refuses the login: ${why}`, 'Check the user and the password in SMTP_URL.');
  if (codeOf(error) === 'ETLS' || (typeof answer === 'number' && answer >= 500))
    return fails(`The mail server ${host} takes no mail from here: ${why}`, 'Check the host and the port in SMTP_URL.');
  const hint = 'Whether it answers is seen again at the next look.';
  return { code: 'CANNOT_LOOK', message: `The mail server ${host} did not answer: ${why}`, hint, severity: 'unknown' };
}

/** Of the error and of what caused it. */
function codesOf(error: unknown): string[] {
  const codes: string[] = [];
  let level: unknown = error;
  for (let depth = 0; depth < 4 && typeof level === 'object' && level !== null; depth++) {
    const original: unknown = Object.getOwnPropertyDescriptor(level, 'originalCode')?.value;
    codes.push(codeOf(level) ?? '', typeof original === 'string' ? original : '');
    level = Object.getOwnPropertyDescriptor(level, 'cause')?.value;
  }
  return codes;
}

function suppression(why: string): Problem {
  const hint = 'Take the address out of the destinations, or off the list when its owner asks for it.';
  return {
    code: 'SUPPRESSED',
    message: `No mail is sent to this address: ${why}`.slice(0, 500),
    hint,
    severity: 'fails',
  };
}

function tooLarge(bytes: number, maxBytes: number): Problem {
  const [mail, limit] = [bytes, maxBytes].map((one) => `${(one / 1_000_000).toFixed(1)} MB`);
  const message = `The last report makes a mail of about ${mail}, and the server takes ${limit}`;
  return { code: 'MAIL_TOO_LARGE', message, hint: 'Attach less, or send a link.', severity: 'degrades' };
}

function fails(message: string, hint: string): Problem {
  return { code: 'MAIL_REFUSED', message, hint, severity: 'fails' };
}
