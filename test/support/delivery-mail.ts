/** What a mail transport needs besides a server: a suppression list, and files whose bytes a test chooses. */
import { createIds } from '../../src/ids.ts';
import { silentLog } from '../../src/log.ts';
import type { EmailDeps } from '../../src/delivery/email/transport.ts';
import type { Transport } from '../../src/delivery/transport.ts';
import { DeliveryError } from '../../src/errors.ts';
import type { Receipt } from '../../src/store/destinations.ts';
import type { About } from '../../src/store/notice-records.ts';
import type { Delivery } from '../../src/store/records.ts';
import type { Json } from '../../src/store/store.ts';
import { createMemoryStore } from '../../src/store/memory.ts';
import type { Store } from '../../src/store/store.ts';
import { manualClock } from './clock.ts';
import { sampleReport, sampleRun } from './delivery-report.ts';

export function memoryStore(): Store {
  const clock = manualClock();
  return createMemoryStore({ clock, ids: createIds(clock), log: silentLog });
}

/** On loopback, from bellhop@example.org, with an empty suppression list. */
export function mailDeps(port: number, over: Partial<EmailDeps> = {}): EmailDeps {
  return {
    server: { host: '127.0.0.1', port, secure: false },
    from: { name: 'Bellhop', address: 'bellhop@example.org' },
    clock: manualClock(),
    store: memoryStore(),
    files: ({ name }) => Promise.reject(new Error(`${name} is not there`)),
    ...over,
  };
}

const AT = '2026-11-23T09:00:00.000Z';

/** A delivery of the sample run by mail. */
export function mailDelivery(over: Partial<Delivery> = {}): Delivery {
  return {
    id: 'dlv_01k9zzzzzzzzzzzzzzzzzzzz8d',
    mode: 'report',
    destination: { kind: 'email', to: 'ana@example.com' },
    runId: sampleRun().id,
    rev: 0,
    state: 'sending',
    createdAt: AT,
    updatedAt: AT,
    fence: 1,
    attempts: 1,
    parts: [],
    ...over,
  };
}

export interface Posted {
  about?: About;
  delivery?: Partial<Delivery>;
  /** Instead of what the transport renders. */
  body?: Json;
}

/** Brings one mail to its receipt, or to what it fails with. */
export async function post(transport: Transport, asked: Posted = {}): Promise<Receipt & { kind: 'email' }> {
  const about: About = asked.about ?? { kind: 'run', run: sampleRun({ report: sampleReport() }) };
  const delivery = mailDelivery(asked.delivery);
  const body = asked.body ?? transport.prepare({ delivery, about, deliveries: [] })[0] ?? null;
  const request = { delivery, about, n: 1, body, previous: [], resent: false };
  const receipt = await transport.send(request, new AbortController().signal);
  if (receipt.kind !== 'email') throw new Error('no mail was sent');
  return receipt;
}

/** The error that the work ends with; throws when it does not. */
export async function failureOf(work: Promise<unknown>): Promise<DeliveryError> {
  try {
    await work;
  } catch (error) {
    if (error instanceof DeliveryError) return error;
    throw error;
  }
  throw new Error('it was sent');
}

export interface MimeNode {
  type: string;
  headers: Map<string, string>;
  /** Of a leaf, decoded from base64 where it is that. */
  content: Buffer;
  parts: MimeNode[];
}

/** The tree of a message as it stands there; clients flatten it. */
export function mimeTree(raw: Buffer | string): MimeNode {
  const text = typeof raw === 'string' ? raw : raw.toString('latin1');
  const end = text.indexOf('\r\n\r\n');
  const headers = new Map(
    text
      .slice(0, end)
      .replace(/\r\n[ \t]+/g, ' ')
      .split('\r\n')
      .map(
        (line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()] as const,
      ),
  );
  const type = headers.get('content-type') ?? '';
  const boundary = /boundary="([^"]+)"/.exec(type)?.[1];
  const body = text.slice(end + 4);
  const parts =
    boundary === undefined
      ? []
      : body
          .split(`--${boundary}`)
          .slice(1, -1)
          .map((part) => mimeTree(part.replace(/^\r\n/, '').replace(/\r\n$/, '')));
  const isBase64 = headers.get('content-transfer-encoding') === 'base64';
  const content = Buffer.from(body, isBase64 ? 'base64' : 'latin1');
  return { type: /^[^;]+/.exec(type)?.[0] ?? '', headers, content, parts };
}

/** `multipart/mixed(text/plain, …)` */
export function shapeOf({ type, parts }: MimeNode): string {
  return parts.length === 0 ? type : `${type.replace('multipart/', '')}(${parts.map(shapeOf).join(', ')})`;
}
