/** Looks for a post that may have been made: the answer to "was it posted?" when the answer of chat.postMessage was lost. */
import type { Clock } from '../../clock.ts';
import { iso } from '../../clock.ts';
import type { Found, SendRequest } from '../transport.ts';
import type { SlackClient } from './transport.ts';

/** Clocks of ours and Slack's may differ by this much. */
const BEFORE_MS = 120_000;
const PAGE = 100;
const MAX_PAGES = 5;
const MAX_CHANNEL_PAGES = 5;

type Fields = Record<string, unknown>;
export type ProbeRequest = Omit<SendRequest, 'resent' | 'body'> & { since: string };

/**
 * Makes the probe: it reads the channel (or the thread) from two minutes before the send and compares the metadata of the bot's own
 * messages. What it may not read is `unknowable`, as is a channel with more than 500 newer messages.
 */
export function createProbe(deps: { client: SlackClient; metadataType: string }) {
  const { client, metadataType } = deps;
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

  async function look(place: Fields, match: (message: Fields) => boolean): Promise<Fields | 'absent' | undefined> {
    const method = place['ts'] === undefined ? 'conversations.history' : 'conversations.replies';
    let cursor: string | undefined;
    for (let page = 0; page < MAX_PAGES; page++) {
      const args = {
        ...place,
        inclusive: true,
        include_all_metadata: true,
        limit: PAGE,
        ...(cursor ? { cursor } : {}),
      };
      const answer = await ask(method, args);
      if (answer === undefined || !Array.isArray(answer['messages'])) return undefined;
      const hit = answer['messages'].map(fieldsOf).find(match);
      if (hit !== undefined) return hit;
      cursor = nextCursor(answer);
      if (cursor === undefined) return 'absent';
    }
    return undefined;
  }

  /** Ids of the conversations where the post can be: the channel, or the actor's direct messages when it fell back to these. */
  async function candidates(request: ProbeRequest): Promise<(string | undefined)[]> {
    const { delivery } = request;
    if (delivery.destination.kind !== 'slack') return [undefined];
    const channel = await conversationId(delivery.destination.channel);
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

  async function isPart(request: ProbeRequest): Promise<(message: Fields) => boolean> {
    const bot = await ownBot();
    return (message) => {
      const { event_type: type, event_payload } = fieldsOf(message['metadata']);
      const { id, part } = fieldsOf(event_payload);
      const ours = bot === undefined || message['bot_id'] === undefined || message['bot_id'] === bot;
      return ours && type === metadataType && id === request.delivery.id && Number(part) === request.n;
    };
  }

  return async function probe(request: ProbeRequest, clock: Pick<Clock, 'now'>): Promise<Found> {
    const { destination } = request.delivery;
    const match = await isPart(request);
    const oldest = ((Date.parse(request.since) - BEFORE_MS) / 1_000).toFixed(6);
    const head = request.n > 1 && request.previous[0]?.kind === 'slack' ? request.previous[0] : undefined;
    const places = head === undefined ? await candidates(request) : [head.channel];
    for (const [index, channel] of places.entries()) {
      const place = { channel, oldest, ...(head === undefined ? {} : { ts: head.ts }) };
      const found = channel === undefined ? undefined : await look(place, match);
      // A conversation that can be read could be posted to: the actor's direct messages are only looked through when it could not.
      if (found === 'absent') return 'absent';
      const ts = found?.['ts'];
      if (channel === undefined || typeof ts !== 'string') continue;
      const moved = head?.insteadOf ?? (index > 0 && destination.kind === 'slack' ? destination.channel : undefined);
      return { kind: 'slack', at: iso(clock.now()), channel, ts, found: true, ...(moved ? { insteadOf: moved } : {}) };
    }
    return 'unknowable';
  };
}

function nextCursor(answer: Fields): string | undefined {
  const cursor = fieldsOf(answer['response_metadata'])['next_cursor'];
  return typeof cursor === 'string' && cursor !== '' ? cursor : undefined;
}

/** The own fields of an answer, or none. */
export function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? Object.fromEntries(Object.entries(value)) : {};
}
