/**
 * A report as one signed POST to another program, in the form of Standard Webhooks (standardwebhooks.com, spec 1.0.0): the receiver knows a
 * message that comes twice by its `webhook-id`. Where it may go is the operator's list of hosts, not the job's word.
 */
import { createHash, createHmac } from 'node:crypto';
import { z } from 'zod';
import { bareHost, hostFits } from '../addresses.ts';
import type { Clock } from '../clock.ts';
import { iso } from '../clock.ts';
import { codeOf, DeliveryError, messageOf } from '../errors.ts';
import { renderMarkdown } from '../render/markdown-file.ts';
import { renderText } from '../render/text.ts';
import type { Destination, Receipt } from '../store/destinations.ts';
import type { About } from '../store/notice-records.ts';
import { reportOf } from './about.ts';
import type { RenderRequest, SendRequest, Transport } from './transport.ts';

export interface WebhookTerms {
  /** `whsec_` and the key in base64, as Standard Webhooks writes it. */
  secret: string;
  /** Exact names, or `*.example.com`. */
  hosts: readonly string[];
}

/** The address is the destination's: of a frozen one, what looks like a secret would be masked. */
const Body = z.object({ contentType: z.string(), content: z.string() });
type Body = z.infer<typeof Body>;

const TIMEOUT_MS = 15_000;
const TEXT_COLUMNS = 100;
const MAX_WAIT_MS = 3_600_000;
/** Asked to come back later; any other 4xx is an answer about this very message. */
const FOR_NOW = new Set([408, 425, 429]);
/** The connection never stood, so nothing arrived. */
const NEVER_CONNECTED = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH']);
const CONNECT_TIMEOUT = 'UND_ERR_CONNECT_TIMEOUT';
/** Node's codes for a certificate that is not trusted: nothing is sent before it is, and waiting does not mend it. */
const CERTIFICATE =
  /^(?:DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_\w+|CERT_\w+|ERR_TLS_CERT_ALTNAME_INVALID|HOSTNAME_MISMATCH)$/;
const TRUST_HINT = 'Give the receiver a valid certificate, or name its authority in NODE_EXTRA_CA_CERTS.';

/** Makes the transport; redirects are never followed, and of an answer nothing but its status is read. */
export function createWebhookTransport(
  deps: { clock: Pick<Clock, 'now' | 'after'>; fetch?: typeof globalThis.fetch },
  terms: WebhookTerms,
): Transport {
  const { clock } = deps;
  const key = Buffer.from(terms.secret.replace(/^whsec_/, ''), 'base64');
  const post = deps.fetch ?? globalThis.fetch;

  async function send(request: SendRequest, signal: AbortSignal): Promise<Receipt> {
    const { contentType, content } = readBody(request);
    const url = urlOf(request.delivery.destination);
    // Again, for the list may have become shorter since the report was planned.
    checkHost(url, terms.hosts);
    const bytes = Buffer.from(content);
    const id = `${request.delivery.id}.${request.n}`;
    const timestamp = String(Math.floor(clock.now() / 1_000));
    const mac = createHmac('sha256', key).update(`${id}.${timestamp}.`).update(bytes).digest('base64');
    const headers = {
      'content-type': contentType,
      'user-agent': 'bellhop',
      'webhook-id': id,
      'webhook-timestamp': timestamp,
      'webhook-signature': `v1,${mac}`,
    };
    const status = await ask({ url, headers, bytes }, signal);
    const place = shown(url);
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    return { kind: 'webhook', at: iso(clock.now()), url: place, status, bytes: bytes.length, sha256 };
  }

  async function ask(
    call: { url: string; headers: Record<string, string>; bytes: Buffer<ArrayBuffer> },
    signal: AbortSignal,
  ): Promise<number> {
    const late = new AbortController();
    const timer = clock.after(TIMEOUT_MS, () => late.abort());
    try {
      const { url, headers, bytes } = call;
      const either = AbortSignal.any([signal, late.signal]);
      const answer = await post(url, { method: 'POST', headers, body: bytes, redirect: 'manual', signal: either });
      await answer.body?.cancel();
      if (answer.ok) return answer.status;
      throw refused(shown(url), answer);
    } catch (error) {
      throw toDeliveryError(error, shown(call.url));
    } finally {
      timer.cancel();
    }
  }

  return {
    kind: 'webhook',
    ambiguity: { policy: 'repeat' },
    lane: (destination) => `webhook:${new URL(urlOf(destination)).host}`,
    group: (_action, destination) => `webhook:${new URL(urlOf(destination)).host}`,
    pace: (_action, destination) => ({ key: `webhook:${new URL(urlOf(destination)).host}`, perSecond: 5, burst: 5 }),
    prepare(request) {
      const { destination } = request.delivery;
      const url = urlOf(destination);
      checkHost(url, terms.hosts);
      return [contentOf(request)];
    },
    send,
    async check(destination) {
      try {
        checkHost(urlOf(destination), terms.hosts);
        return [];
      } catch (error) {
        if (!(error instanceof DeliveryError)) throw error;
        const { code, message, hint = '' } = error;
        return [{ code, message, hint, severity: 'fails' }];
      }
    },
  };
}

/** Throws a DeliveryError where the operator's list does not have the host. */
function checkHost(url: string, hosts: readonly string[]): void {
  const { hostname } = new URL(url);
  const host = bareHost(hostname);
  if (hosts.some((pattern) => hostFits(pattern, host))) return;
  throw new DeliveryError(`The host ${host} is not one that reports may be posted to.`, {
    code: 'WEBHOOK_REFUSED',
    permanent: true,
    hint: `Add ${host} to BELLHOP_WEBHOOK_HOSTS, if reports may go there.`,
  });
}

function contentOf({ about, delivery }: RenderRequest): Body {
  const report = reportOf(about);
  const format = delivery.destination.kind === 'webhook' ? (delivery.destination.format ?? 'json') : 'json';
  switch (format) {
    case 'markdown':
      return { contentType: 'text/markdown; charset=utf-8', content: renderMarkdown(report, about) };
    case 'text':
      return {
        contentType: 'text/plain; charset=utf-8',
        content: renderText(report, { width: TEXT_COLUMNS, color: 'none', about }),
      };
    case 'json': {
      const data = { deliveryId: delivery.id, ...factsOf(about), report };
      return {
        contentType: 'application/json',
        content: JSON.stringify({ type: 'report', timestamp: delivery.createdAt, data }),
      };
    }
    default:
      return format satisfies never;
  }
}

/** Of the run nothing but what names it: input and result may be nobody else's business. */
function factsOf(about: About): Record<string, unknown> {
  if (about.kind === 'notice') {
    const { id, kind, schedule, job, createdAt } = about.notice;
    return { notice: { id, kind, schedule, job, createdAt } };
  }
  const { id, job, state, trigger, createdAt, finishedAt, schedule } = about.run;
  return { run: { id, job, state, trigger, createdAt, finishedAt, schedule } };
}

function refused(place: string, answer: Response): DeliveryError {
  const { status } = answer;
  const forNow = status >= 500 || FOR_NOW.has(status);
  const retryAfterMs = forNow ? waitOf(answer.headers.get('retry-after')) : undefined;
  const moved = status >= 300 && status < 400 ? { hint: 'Redirects are not followed: give the final address.' } : {};
  return new DeliveryError(`The webhook ${place} answered HTTP ${status}.`, {
    code: forNow ? 'WEBHOOK_UNAVAILABLE' : 'WEBHOOK_REFUSED',
    permanent: !forNow,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    ...moved,
  });
}

/** Seconds of a Retry-After; a date is left to our own backoff. */
function waitOf(text: string | null): number | undefined {
  const seconds = /^\d{1,6}$/.exec(text?.trim() ?? '')?.[0];
  return seconds === undefined ? undefined : Math.min(MAX_WAIT_MS, Math.max(1_000, Number(seconds) * 1_000));
}

function toDeliveryError(error: unknown, place: string): DeliveryError {
  if (error instanceof DeliveryError) return error;
  const cause = error instanceof Error ? (codeOf(error.cause) ?? codeOf(error)) : undefined;
  if (cause === CONNECT_TIMEOUT || NEVER_CONNECTED.has(cause ?? '')) {
    const message = `The webhook ${place} was not reached (${cause}).`;
    return new DeliveryError(message, { code: 'WEBHOOK_UNAVAILABLE', cause: error });
  }
  if (cause !== undefined && CERTIFICATE.test(cause)) {
    const message = `The certificate of the webhook ${place} is not trusted (${cause}); nothing was sent.`;
    return new DeliveryError(message, { code: 'WEBHOOK_REFUSED', permanent: true, hint: TRUST_HINT, cause: error });
  }
  const message = `The answer of the webhook ${place} was lost (${messageOf(error)}); it may have taken the report.`;
  return new DeliveryError(message, { code: 'WEBHOOK_AMBIGUOUS', ambiguous: true, cause: error });
}

/** An address without its query, in which people put secrets. */
function shown(url: string): string {
  const { origin, pathname } = new URL(url);
  return `${origin}${pathname}`;
}

function urlOf(destination: Destination): string {
  if (destination.kind === 'webhook') return destination.url;
  throw new DeliveryError(`A ${destination.kind} destination came to the webhook transport.`, {
    code: 'INTERNAL',
    permanent: true,
  });
}

function readBody({ body, delivery }: SendRequest): Body {
  const read = Body.safeParse(body);
  if (read.success) return read.data;
  throw new DeliveryError(`The stored webhook of ${delivery.id} is not readable.`, {
    code: 'RENDER_FAILED',
    permanent: true,
  });
}
