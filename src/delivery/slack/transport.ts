import { z } from 'zod';
import type { Clock } from '../../clock.ts';
import { iso } from '../../clock.ts';
import { DeliveryError } from '../../errors.ts';
import { drawCard } from '../../render/card.ts';
import { escapeMrkdwn } from '../../render/format.ts';
import { blocksAsText } from '../../render/slack/plain.ts';
import { renderSlackReport } from '../../render/slack/report.ts';
import type { SlackMessage } from '../../render/slack/message.ts';
import type { Destination, Receipt } from '../../store/destinations.ts';
import type { Delivery } from '../../store/records.ts';
import type { Json } from '../../store/store.ts';
import { reportOf } from '../about.ts';
import type { Found, RenderRequest, SendRequest, Transport } from '../transport.ts';
import { slackCode, slackReasons, toDeliveryError } from './errors.ts';
import { createProbe, fieldsOf } from './probe.ts';

/**
 * What the transport needs of a WebClient. Make it with `retryConfig: { retries: 0 }`, `rejectRateLimitedCalls: true` and a timeout:
 * with the SDK's defaults one post becomes three when an answer is lost (RELIABILITY finding 5).
 */
export interface SlackClient {
  apiCall(method: string, options?: Record<string, unknown>): Promise<object>;
}

export interface SlackTransportOptions {
  /** How long after the send an absent post is taken for lost. Default 30 s. */
  probeDelayMs?: number;
}

type SlackReceipt = Extract<Receipt, { kind: 'slack' }>;

const METADATA_TYPE = 'bellhop_delivery';
const PERMALINK_TIMEOUT_MS = 3_000;
const RESENT_LABEL = '♻️ sent again after an interruption';
/** The channel cannot be posted to; the actor is told in a direct message instead. */
const UNPOSTABLE = new Set(['not_in_channel', 'channel_not_found', 'is_archived']);
/** The blocks are refused, not the message: it is sent once more as plain text. */
const BLOCKS_REFUSED = new Set(['invalid_blocks', 'invalid_blocks_format', 'msg_too_long', 'msg_blocks_too_long']);
const Body = z.object({ text: z.string(), blocks: z.array(z.looseObject({ type: z.string() })) });
type Body = z.infer<typeof Body>;

/** Sends reports and live cards by chat.postMessage and chat.update. */
export function createSlackTransport(
  deps: { client: SlackClient; clock: Clock },
  options: SlackTransportOptions = {},
): Transport {
  const { client, clock } = deps;
  const probe = createProbe({ client, metadataType: METADATA_TYPE });

  async function call(method: string, args: Record<string, unknown>): Promise<Record<string, unknown>> {
    try {
      return fieldsOf(await client.apiCall(method, args));
    } catch (error) {
      throw toDeliveryError(error, `${method} to ${String(args['channel'])}`);
    }
  }

  /** Posts; blocks that Slack refuses are sent once more as plain text that says so. */
  async function post(args: Record<string, unknown>, body: Body): Promise<{ channel: string; ts: string }> {
    let answer: Record<string, unknown>;
    try {
      answer = await call('chat.postMessage', { ...args, text: body.text, blocks: body.blocks });
    } catch (error) {
      if (!BLOCKS_REFUSED.has(slackCode(error) ?? '')) throw error;
      const why = [slackCode(error), ...slackReasons(error)].join(': ').slice(0, 300);
      const note = escapeMrkdwn(`(shown as plain text, because Slack refused its layout: ${why})`);
      answer = await call('chat.postMessage', { ...args, text: `${blocksAsText(body.blocks) || body.text}\n${note}` });
    }
    const { channel, ts } = answer;
    if (typeof channel !== 'string' || typeof ts !== 'string') {
      const message = `The answer of Slack to chat.postMessage to ${String(args['channel'])} names no message.`;
      throw new DeliveryError(message, { code: 'SLACK_AMBIGUOUS', ambiguous: true });
    }
    return { channel, ts };
  }

  async function send(request: SendRequest): Promise<Receipt> {
    const { delivery, n, previous } = request;
    const channel = channelOf(delivery.destination);
    const body = labelled(readBody(request.body), request.resent ? RESENT_LABEL : undefined);
    const head = previous[0]?.kind === 'slack' ? previous[0] : undefined;
    const args = {
      metadata: { event_type: METADATA_TYPE, event_payload: { id: delivery.id, part: n } },
      unfurl_links: false,
      unfurl_media: false,
    };
    if (n > 1 && head !== undefined) {
      const posted = await post({ ...args, channel: head.channel, thread_ts: head.ts }, body);
      return {
        kind: 'slack',
        at: iso(clock.now()),
        ...posted,
        ...(head.insteadOf ? { insteadOf: head.insteadOf } : {}),
      };
    }
    try {
      return await withPermalink(delivery, await post({ ...args, channel }, body));
    } catch (error) {
      const user = delivery.fallbackUser;
      if (user === undefined || user === channel || !UNPOSTABLE.has(slackCode(error) ?? '')) throw error;
      const posted = await post({ ...args, channel: user }, labelled(body, inviteLine(channel))).catch(
        (second: unknown) => {
          throw neither(error, second);
        },
      );
      return { ...(await withPermalink(delivery, posted)), insteadOf: channel };
    }
  }

  /** The permalink is a convenience: it is waited for shortly, and its failure is nothing. */
  async function withPermalink(delivery: Delivery, posted: { channel: string; ts: string }): Promise<SlackReceipt> {
    const receipt: SlackReceipt = { kind: 'slack', at: iso(clock.now()), ...posted };
    if (delivery.mode === 'live') return receipt;
    const giveUp = new AbortController();
    const asked = client
      .apiCall('chat.getPermalink', { channel: posted.channel, message_ts: posted.ts })
      .then((answer) => fieldsOf(answer)['permalink'])
      .catch(() => undefined);
    const link = await Promise.race([asked, clock.sleep(PERMALINK_TIMEOUT_MS, giveUp.signal)]);
    giveUp.abort();
    return typeof link === 'string' ? { ...receipt, permalink: link } : receipt;
  }

  return {
    kind: 'slack',
    ambiguity: { policy: 'probe', afterMs: options.probeDelayMs ?? 30_000 },
    lane: (destination) => `slack:${channelOf(destination)}`,
    group: (action) => (action === 'send' ? 'slack:chat.postMessage' : 'slack:chat.update'),
    pace(action, destination) {
      // chat.postMessage: 1 a second a channel with short bursts; chat.update is tier 3, 50 a minute (docs.slack.dev, rate limits).
      if (action === 'send') return { key: `slack:${channelOf(destination)}`, perSecond: 1, burst: 2 };
      return { key: 'slack:chat.update', perSecond: 50 / 60, burst: 10 };
    },
    prepare: (request) => prepare(request).map(toJson),
    send: (request, signal) => orAborted(send(request), signal),
    probe: (request, signal) => orAborted<Found>(probe(request, clock), signal),
    async edit({ delivery, receipt, body }, signal) {
      if (receipt.kind !== 'slack')
        throw new DeliveryError('A card has no Slack receipt.', { code: 'INTERNAL', permanent: true });
      const moved = receipt.insteadOf === undefined ? undefined : inviteLine(receipt.insteadOf);
      const { text, blocks } = labelled(readBody(body), delivery.mode === 'live' ? moved : undefined);
      const args = { channel: receipt.channel, ts: receipt.ts, text, blocks };
      await orAborted(call('chat.update', args), signal);
    },
  };
}

function prepare(request: RenderRequest): SlackMessage[] {
  const { about, delivery, deliveries } = request;
  if (delivery.mode === 'live' && about.kind === 'run') return [drawCard({ run: about.run, deliveries })];
  return renderSlackReport(reportOf(about), about).filter((part) => 'blocks' in part);
}

/** A line of ours on top; the frozen body below it stays as it is. */
function labelled(body: Body, label: string | undefined): Body {
  if (label === undefined) return body;
  const block = { type: 'context', elements: [{ type: 'mrkdwn', text: label }] };
  return { text: body.text, blocks: [block, ...body.blocks] };
}

/** Neither the channel nor the direct message: people have to know what stands in the way of the channel. */
function neither(first: unknown, second: unknown): unknown {
  if (!(first instanceof DeliveryError) || !(second instanceof DeliveryError)) return second;
  const { code, permanent, ambiguous, retryAfterMs, cause } = second;
  const hint = first.hint ?? second.hint;
  return new DeliveryError(`${first.message} Instead: ${second.message}`, {
    code,
    permanent,
    ambiguous,
    cause,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    ...(hint === undefined ? {} : { hint }),
  });
}

function inviteLine(channel: string): string {
  const place = /^[CG][A-Z0-9]+$/.test(channel) ? `<#${channel}>` : escapeMrkdwn(channel);
  return `I could not post in ${place}: invite me there with \`/invite @Bellhop\``;
}

function channelOf(destination: Destination): string {
  if (destination.kind === 'slack') return destination.channel;
  throw new DeliveryError(`A ${destination.kind} destination came to the Slack transport.`, {
    code: 'INTERNAL',
    permanent: true,
  });
}

function readBody(body: Json): Body {
  const read = Body.safeParse(body);
  if (read.success) return read.data;
  throw new DeliveryError('A stored Slack message is not readable.', { code: 'RENDER_FAILED', permanent: true });
}

function toJson(message: SlackMessage): Json {
  return z.json().parse(JSON.parse(JSON.stringify(message)));
}

/** A call cannot be taken back: when the signal comes first, the post may have happened. */
async function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const error = new DeliveryError('Stopped while Slack was being asked; the message may have been posted.', {
    code: 'SLACK_AMBIGUOUS',
    ambiguous: true,
  });
  if (signal.aborted) throw error;
  const { promise, reject } = Promise.withResolvers<never>();
  const abort = (): void => reject(error);
  signal.addEventListener('abort', abort, { once: true });
  try {
    return await Promise.race([work, promise]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
