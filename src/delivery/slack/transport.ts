import type { Clock } from '../../clock.ts';
import { iso } from '../../clock.ts';
import { DeliveryError } from '../../errors.ts';
import { drawCard } from '../../render/card.ts';
import type { SlackFiles, SlackMessage, SlackPart } from '../../render/slack/message.ts';
import { renderSlackReport } from '../../render/slack/report.ts';
import type { Receipt } from '../../store/destinations.ts';
import type { Delivery } from '../../store/records.ts';
import { reportOf } from '../about.ts';
import type { Found, RenderRequest, SendRequest, Transport } from '../transport.ts';
import { inviteLine, labelled, readBody, readMessage, toBodies } from './body.ts';
import { createCall, fieldsOf, orAborted } from './call.ts';
import type { Call, SlackClient } from './call.ts';
import { slackCode } from './errors.ts';
import { headOf, placeOf, slackDestination } from './place.ts';
import type { SlackReceipt } from './place.ts';
import { firstOf, postMessage } from './posts.ts';
import type { PostResult, PostTask } from './posts.ts';
import { createProbe, isComplete } from './probe.ts';
import type { ProbeRequest, Sighting } from './probe.ts';
import { fileNames, shareFiles } from './upload.ts';
import type { Uploads } from './upload.ts';

export interface SlackTransportOptions {
  /** How long after the send an absent post is taken for lost. Default 30 s. */
  probeDelayMs?: number;
}

interface Deps {
  client: SlackClient;
  clock: Clock;
  uploads: Uploads;
}

const PERMALINK_TIMEOUT_MS = 3_000;
const RESENT_LABEL = '♻️ sent again after an interruption';
/** The channel cannot be posted to; the actor is told in a direct message instead. */
const UNPOSTABLE = new Set(['not_in_channel', 'channel_not_found', 'is_archived']);
const MAX_NOTES = 20;

/** Sends reports and live cards by chat.postMessage and chat.update, and files by the three calls of an upload. */
export function createSlackTransport(deps: Deps, options: SlackTransportOptions = {}): Transport {
  const { client, clock, uploads } = deps;
  const survey = createProbe(client);

  /** What of the part stands in Slack already, where it may; what cannot be known is sent again, marked. */
  async function seen(request: SendRequest): Promise<Sighting | undefined> {
    if (!request.resent) return undefined;
    const since = request.delivery.parts.find(({ n }) => n === request.n)?.startedAt ?? request.delivery.createdAt;
    const sighting = await survey({ ...request, since });
    return typeof sighting === 'string' ? undefined : sighting;
  }

  async function send(request: SendRequest, signal: AbortSignal): Promise<Receipt> {
    const body = readBody(request.body);
    const call = createCall(client, signal);
    const sighting = await seen(request);
    if (sighting !== undefined && isComplete(sighting)) return receiptOf(request, sighting);
    if ('files' in body) return sendFiles(request, body, { call, signal });
    return sendMessage(request, body, { call, sighting });
  }

  async function sendMessage(
    request: SendRequest,
    message: SlackMessage,
    means: { call: Call; sighting: Sighting | undefined },
  ): Promise<Receipt> {
    const { call, sighting } = means;
    const { delivery, n } = request;
    const head = headOf(request);
    const place = placeOf(request);
    const task: PostTask = {
      payload: { id: delivery.id, part: n },
      message,
      label: request.resent ? RESENT_LABEL : undefined,
      place: sighting === undefined ? place : { ...place, channel: sighting.channel },
      posted: sighting?.posted ?? new Map(),
    };
    const post = (over: Partial<PostTask> = {}): Promise<PostResult> =>
      postMessage({ call, clock }, { ...task, ...over });
    const moved = head?.insteadOf ?? sighting?.insteadOf;
    if (head !== undefined) return receipt(await post(), moved);
    if (moved !== undefined) {
      const invited = labelled(message, inviteLine(moved));
      return withPermalink(
        delivery,
        receipt(await post({ message: invited, place: { channel: task.place.channel } }), moved),
      );
    }
    try {
      return await withPermalink(delivery, receipt(await post()));
    } catch (error) {
      const user = delivery.fallbackUser;
      const { channel } = place;
      if (user === undefined || user === channel || !isUnpostable(error)) throw error;
      const invited = { message: labelled(message, inviteLine(channel)), place: { channel: user } };
      const posted = await post(invited).catch((second: unknown) => {
        throw neither(error, second);
      });
      return withPermalink(delivery, receipt(posted, channel));
    }
  }

  /** Files that could not be shared are told of in the same place, as a message of this part. */
  async function sendFiles(
    request: SendRequest,
    body: SlackFiles,
    means: { call: Call; signal: AbortSignal },
  ): Promise<Receipt> {
    const head = headOf(request);
    if (head === undefined)
      throw new DeliveryError('Files came before their message.', { code: 'RENDER_FAILED', permanent: true });
    const place = placeOf(request);
    const label = request.resent ? RESENT_LABEL : undefined;
    const result = await shareFiles({ ...uploads, ...means, clock }, { request, body, label, place });
    if (result.is === 'shared') {
      const { ts, files, degraded } = result;
      return { ...receipt({ channel: place.channel, ts, degraded }, head.insteadOf), files };
    }
    const message = { text: result.text, blocks: [] };
    const payload = { id: request.delivery.id, part: request.n };
    const posted = await postMessage(
      { call: means.call, clock },
      { payload, message, label: undefined, place, posted: new Map() },
    );
    return receipt({ ...posted, degraded: result.degraded }, head.insteadOf);
  }

  function receipt(posted: PostResult, insteadOf?: string): SlackReceipt {
    const { degraded, ...place } = posted;
    const notes = degraded.slice(0, MAX_NOTES).map((note) => note.slice(0, 500));
    return {
      kind: 'slack',
      at: iso(clock.now()),
      ...place,
      ...(insteadOf === undefined ? {} : { insteadOf }),
      ...(notes.length === 0 ? {} : { degraded: notes }),
    };
  }

  /** The receipt of what was found by looking; files of the part that are not there were not attached. */
  function receiptOf(request: ProbeRequest | SendRequest, sighting: Sighting): SlackReceipt {
    const { channel, insteadOf, posted, shared } = sighting;
    const ts = shared?.ts ?? firstOf(posted) ?? '';
    const lost = shared === undefined ? [] : missingFrom(request, shared.files);
    const degraded = lost.map((name) => `Not attached: ${name}.`);
    return {
      ...receipt({ channel, ts, degraded }, insteadOf),
      found: true,
      ...(shared === undefined ? {} : { files: shared.files }),
    };
  }

  async function probe(request: ProbeRequest): Promise<Found> {
    const sighting = await survey(request);
    if (typeof sighting === 'string') return sighting;
    // Of a message in halves one may be missing: it is sent again, which posts only what is missing.
    return isComplete(sighting) ? receiptOf(request, sighting) : 'absent';
  }

  /** The permalink is a convenience: it is waited for shortly, and its failure is nothing. */
  async function withPermalink(delivery: Delivery, posted: SlackReceipt): Promise<SlackReceipt> {
    if (delivery.mode === 'live') return posted;
    const giveUp = new AbortController();
    const asked = client
      .apiCall('chat.getPermalink', { channel: posted.channel, message_ts: posted.ts })
      .then((answer) => fieldsOf(answer)['permalink'])
      .catch(() => undefined);
    const link = await Promise.race([asked, clock.sleep(PERMALINK_TIMEOUT_MS, giveUp.signal)]);
    giveUp.abort();
    return typeof link === 'string' ? { ...posted, permalink: link } : posted;
  }

  return {
    kind: 'slack',
    ambiguity: { policy: 'probe', afterMs: options.probeDelayMs ?? 30_000 },
    lane: (destination) => `slack:${slackDestination(destination).channel}`,
    group: (action) => (action === 'send' ? 'slack:chat.postMessage' : 'slack:chat.update'),
    pace(action, destination) {
      // chat.postMessage: 1 a second a channel with short bursts; chat.update is tier 3, 50 a minute (docs.slack.dev, rate limits).
      if (action === 'send') return { key: `slack:${slackDestination(destination).channel}`, perSecond: 1, burst: 2 };
      return { key: 'slack:chat.update', perSecond: 50 / 60, burst: 10 };
    },
    prepare: (request) => prepare(request).flatMap(toBodies),
    send: (request, signal) => orAborted(send(request, signal), signal),
    probe: (request, signal) => orAborted<Found>(probe(request), signal),
    async edit({ delivery, receipt: posted, body }, signal) {
      if (posted.kind !== 'slack')
        throw new DeliveryError('A card has no Slack receipt.', { code: 'INTERNAL', permanent: true });
      const moved = posted.insteadOf === undefined ? undefined : inviteLine(posted.insteadOf);
      const { text, blocks } = labelled(readMessage(body), delivery.mode === 'live' ? moved : undefined);
      const args = { channel: posted.channel, ts: posted.ts, text, blocks };
      await orAborted(createCall(client, signal)('chat.update', args), signal);
    },
  };
}

function prepare(request: RenderRequest): SlackPart[] {
  const { about, delivery, deliveries } = request;
  if (delivery.mode === 'live' && about.kind === 'run') return [drawCard({ run: about.run, deliveries })];
  const { format, thread, attach } = slackDestination(delivery.destination);
  return renderSlackReport(reportOf(about), about, {
    ...(format === undefined ? {} : { format }),
    ...(thread === undefined ? {} : { thread }),
    ...(attach === undefined ? {} : { attach }),
  });
}

function isUnpostable(error: unknown): boolean {
  return error instanceof DeliveryError && !error.ambiguous && UNPOSTABLE.has(slackCode(error) ?? '');
}

function missingFrom(request: ProbeRequest | SendRequest, files: readonly { name: string }[]): string[] {
  const frozen = request.delivery.parts.find(({ n }) => n === request.n)?.body;
  const body = frozen === undefined ? undefined : readBody(frozen);
  if (body === undefined || !('files' in body)) return [];
  return fileNames(body).filter((name) => !files.some((file) => file.name === name));
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
