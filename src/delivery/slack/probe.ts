/** Looks for a part that may have arrived: the answer to "was it posted?" when the answer of Slack was lost. */
import type { SendRequest } from '../transport.ts';
import { readBody } from './body.ts';
import { fieldsOf } from './call.ts';
import type { SlackClient } from './call.ts';
import { headOf, placeOf, slackDestination } from './place.ts';
import { firstOf, isWhole, METADATA_TYPE } from './posts.ts';
import { fileNames } from './upload.ts';

/** Clocks of ours and Slack's may differ by this much. */
const BEFORE_MS = 120_000;
const PAGE = 100;
const MAX_PAGES = 5;
const MAX_CHANNEL_PAGES = 5;

type Fields = Record<string, unknown>;
export type ProbeRequest = Omit<SendRequest, 'resent' | 'body'> & { since: string };

/** What stands in Slack of a part: its posts by path, or the files that it shared. */
export interface Sighting {
  channel: string;
  insteadOf?: string;
  posted: Map<string, { ts: string }>;
  shared?: { ts: string; files: { id: string; name: string }[] };
  /** There are files whose names Slack does not tell: they may be those of the part. */
  unclear?: true;
}

/** Whether it is all there. */
export function isComplete(sighting: Sighting): boolean {
  return sighting.shared !== undefined || isWhole(sighting.posted);
}

/**
 * Makes the look: it reads the channel (or the thread) from two minutes before the send. A message is known by its metadata. A message
 * that shares files has none: it is known by the names of its files, as the bot's own, in the thread, behind the parts before it.
 * What it may not read is `unknowable`, as is a channel with more than 500 newer messages.
 */
export function createProbe(client: SlackClient) {
  let botId: Promise<string | undefined> | undefined;

  async function ask(method: string, args: Fields): Promise<Fields | undefined> {
    try {
      return fieldsOf(await client.apiCall(method, args));
    } catch {
      // Whatever stands in the way of looking (scope, rate limit, outage), the answer is the same: not knowable now.
      return undefined;
    }
  }

  function ownBot(): Promise<string | undefined> {
    botId ??= ask('auth.test', {}).then((answer) => {
      const id = answer?.['bot_id'];
      if (typeof id === 'string') return id;
      botId = undefined;
      return undefined;
    });
    return botId;
  }

  /** Adds what is seen at the place to the sighting; false when it could not be looked at to the end. */
  async function look(place: Fields, sighting: Sighting, match: Match): Promise<boolean> {
    const method = place['ts'] === undefined ? 'conversations.history' : 'conversations.replies';
    let cursor: string | undefined;
    for (let page = 0; page < MAX_PAGES; page++) {
      const options = { inclusive: true, include_all_metadata: true, limit: PAGE, ...(cursor ? { cursor } : {}) };
      const answer = await ask(method, { ...place, channel: sighting.channel, ...options });
      if (answer === undefined || !Array.isArray(answer['messages'])) return false;
      for (const message of answer['messages'].map(fieldsOf)) match(message, sighting);
      cursor = nextCursor(answer);
      if (cursor === undefined || isComplete(sighting)) return true;
    }
    return false;
  }

  /** The halves behind the first stand in its thread. */
  async function lookBehind(place: Fields, sighting: Sighting, match: Match): Promise<boolean> {
    if (!(await look(place, sighting, match))) return false;
    const first = firstOf(sighting.posted);
    if (place['ts'] !== undefined || first === undefined || isComplete(sighting)) return true;
    return look({ ...place, ts: first }, sighting, match);
  }

  /** Ids of the conversations where the post can be: the channel, or the actor's direct messages when it fell back to these. */
  async function candidates({ delivery }: ProbeRequest): Promise<(string | undefined)[]> {
    const channel = await conversationId(slackDestination(delivery.destination).channel);
    return delivery.fallbackUser === undefined ? [channel] : [channel, await conversationId(delivery.fallbackUser)];
  }

  async function conversationId(channel: string): Promise<string | undefined> {
    if (/^[UW]/.test(channel)) {
      const id = fieldsOf((await ask('conversations.open', { users: channel }))?.['channel'])['id'];
      return typeof id === 'string' ? id : undefined;
    }
    return channel.startsWith('#') ? byName(channel.slice(1)) : channel;
  }

  async function byName(name: string): Promise<string | undefined> {
    let cursor: string | undefined;
    for (let page = 0; page < MAX_CHANNEL_PAGES; page++) {
      const answer = await ask('conversations.list', {
        limit: 1_000,
        exclude_archived: true,
        ...(cursor ? { cursor } : {}),
      });
      if (answer === undefined || !Array.isArray(answer['channels'])) return undefined;
      const id = answer['channels'].map(fieldsOf).find((channel) => channel['name'] === name)?.['id'];
      if (typeof id === 'string') return id;
      cursor = nextCursor(answer);
      if (cursor === undefined) return undefined;
    }
    return undefined;
  }

  return async function survey(request: ProbeRequest): Promise<Sighting | 'absent' | 'unknowable'> {
    const match = matcher(request, await ownBot());
    const oldest = ((Date.parse(request.since) - BEFORE_MS) / 1_000).toFixed(6);
    const head = headOf(request);
    const { threadTs } = placeOf(request);
    const destination = slackDestination(request.delivery.destination).channel;
    for (const [index, channel] of (head === undefined ? await candidates(request) : [head.channel]).entries()) {
      if (channel === undefined) continue;
      const moved = head?.insteadOf ?? (index > 0 ? destination : undefined);
      const sighting: Sighting = { channel, ...(moved ? { insteadOf: moved } : {}), posted: new Map() };
      // Under a message of the channel, or in direct messages at their top.
      const ts = index > 0 || threadTs === undefined ? {} : { ts: threadTs };
      const looked = await lookBehind({ oldest, ...ts }, sighting, match);
      if (isComplete(sighting) || (looked && sighting.posted.size > 0)) return sighting;
      if (sighting.unclear) return 'unknowable';
      // A conversation that can be read could be posted to: the actor's direct messages are only looked through when it could not.
      if (looked) return 'absent';
    }
    return 'unknowable';
  };
}

type Match = (message: Fields, sighting: Sighting) => void;

function matcher(request: ProbeRequest, bot: string | undefined): Match {
  const names = plannedNames(request);
  const last = request.previous.at(-1);
  const after = last?.kind === 'slack' ? last.ts : '';
  return (message, sighting) => {
    const { ts, bot_id: by } = message;
    if (typeof ts !== 'string' || (bot !== undefined && by !== undefined && by !== bot)) return;
    const { event_type: type, event_payload } = fieldsOf(message['metadata']);
    const { id, part, piece } = fieldsOf(event_payload);
    if (type === METADATA_TYPE && id === request.delivery.id && Number(part) === request.n)
      sighting.posted.set(typeof piece === 'string' ? piece : '', { ts });
    const files = (Array.isArray(message['files']) ? message['files'] : []).map(fieldsOf).map(fileOf);
    // All ts have ten digits before the point and six behind it, so they compare as text.
    if (names.size === 0 || files.length === 0 || ts <= after) return;
    if (files.every(({ name }) => names.has(name))) sighting.shared = { ts, files };
    // A channel that is shared with another workspace answers so (docs.slack.dev, file object, `check_file_info`).
    else if (files.some(({ name }) => name === '')) sighting.unclear = true;
  };
}

/** The names of the files that the part brings, as it was frozen. */
function plannedNames({ delivery, n }: ProbeRequest): Set<string> {
  const frozen = delivery.parts.find((part) => part.n === n)?.body;
  if (frozen === undefined) return new Set();
  const body = readBody(frozen);
  return new Set('files' in body ? fileNames(body) : []);
}

function fileOf(file: Fields): { id: string; name: string } {
  return { id: String(file['id']), name: typeof file['name'] === 'string' ? file['name'] : '' };
}

function nextCursor(answer: Fields): string | undefined {
  const cursor = fieldsOf(answer['response_metadata'])['next_cursor'];
  return typeof cursor === 'string' && cursor !== '' ? cursor : undefined;
}
