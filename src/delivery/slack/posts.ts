/**
 * One part that is a message, as Slack takes it: as it is, with single blocks as text, or in halves. Nothing of it is dropped.
 *
 * A message that is halved is a tree: each half is posted under its path (`0`, `1`, then `10`, `11` …) in the metadata. Halving follows
 * from the frozen body alone, so what a crash left behind tells which halves are still to be posted.
 */
import type { Clock } from '../../clock.ts';
import { DeliveryError, messageOf } from '../../errors.ts';
import { escapeMrkdwn } from '../../render/format.ts';
import { degradeBlock, splitMessage } from '../../render/slack/degrade.ts';
import type { SlackMessage } from '../../render/slack/message.ts';
import { blocksAsText } from '../../render/slack/plain.ts';
import { labelled } from './body.ts';
import { slackCode, slackPointers, slackReasons } from './errors.ts';
import type { Call } from './call.ts';

/** Where a message goes: a conversation, and the message under which it stands there. */
export interface Place {
  channel: string;
  threadTs?: string;
}

/** What was posted of a part before, by path; the whole message has the path ''. */
export type Posted = ReadonlyMap<string, { ts: string }>;

export interface PostTask {
  /** Arguments that every post of this part has, its metadata's payload among them. */
  payload: Record<string, unknown>;
  message: SlackMessage;
  label: string | undefined;
  place: Place;
  posted: Posted;
}

export interface PostResult {
  channel: string;
  ts: string;
  degraded: string[];
}

export const METADATA_TYPE = 'bellhop_delivery';
const MAX_DEGRADED = 3;
/** A message is halved three times at most: into eight. */
const MAX_DEPTH = 3;
const BLOCKS_REFUSED = new Set(['invalid_blocks', 'invalid_blocks_format']);
const TOO_LONG = new Set(['msg_too_long', 'msg_blocks_too_long']);
/** A second half is waited for this long where Slack asks to wait, so that it stands right behind the first. */
const MAX_PAUSE_MS = 15_000;
const MAX_PAUSES = 3;

interface Deps {
  call: Call;
  clock: Pick<Clock, 'sleep'>;
}

/** Posts what of the message is not posted yet; after the first post, every failure is "may have arrived" to the caller. */
export async function postMessage(deps: Deps, task: PostTask): Promise<PostResult> {
  const degraded: string[] = [];
  const before = firstOf(task.posted);
  let first = before === undefined ? undefined : { channel: task.place.channel, ts: before };

  async function bring(path: string, message: SlackMessage): Promise<void> {
    if (task.posted.has(path)) return;
    const place = first === undefined ? task.place : underFirst(task.place, first);
    const piece = { path, message, place, degraded };
    const known = [...task.posted.keys()].some((other) => other.startsWith(path));
    const halves = path.length < MAX_DEPTH ? splitMessage(message) : undefined;
    if (!known || halves === undefined) {
      const sent = await afterFirst(deps, first, () => postPiece(deps, task, { ...piece, last: halves === undefined }));
      if (sent !== 'too long') {
        first ??= sent;
        return;
      }
    }
    if (halves === undefined) return;
    degraded.push('Slack refused the message as too long: it was sent in halves.');
    await bring(`${path}0`, halves[0]);
    await bring(`${path}1`, halves[1]);
  }

  await bring('', task.message);
  if (first === undefined) throw new DeliveryError('Nothing was posted.', { code: 'INTERNAL', permanent: true });
  return { ...first, degraded: [...new Set(degraded)] };
}

/** Whether these posts are the whole message: itself, or both of its halves. */
export function isWhole(posted: Posted, path = ''): boolean {
  if (posted.has(path)) return true;
  const deeper = [...posted.keys()].some((other) => other.length > path.length && other.startsWith(path));
  return deeper && isWhole(posted, `${path}0`) && isWhole(posted, `${path}1`);
}

/** The ts of what stands first. */
export function firstOf(posted: Posted): string | undefined {
  const [path] = [...posted.keys()].sort();
  return path === undefined ? undefined : posted.get(path)?.ts;
}

function underFirst(place: Place, first: { channel: string; ts: string }): Place {
  return { channel: first.channel, threadTs: place.threadTs ?? first.ts };
}

interface Piece {
  path: string;
  message: SlackMessage;
  place: Place;
  /** Whether it cannot be halved any more. */
  last: boolean;
  degraded: string[];
}

/** Posts one piece: refused blocks as text, then all of it as plain text. */
async function postPiece(deps: Deps, task: PostTask, piece: Piece): Promise<PlaceOf | 'too long'> {
  const { path, place } = piece;
  const payload = { ...task.payload, ...(path === '' ? {} : { piece: path }) };
  const args = {
    channel: place.channel,
    ...(place.threadTs === undefined ? {} : { thread_ts: place.threadTs }),
    metadata: { event_type: METADATA_TYPE, event_payload: payload },
    unfurl_links: false,
    unfurl_media: false,
  };
  let message = labelled(piece.message, path.includes('1') ? undefined : task.label);
  for (let round = 0; ; round++) {
    try {
      return await post(deps, { ...args, text: message.text, blocks: message.blocks });
    } catch (error) {
      const code = slackCode(error) ?? '';
      if (!TOO_LONG.has(code) && !BLOCKS_REFUSED.has(code)) throw error;
      if (TOO_LONG.has(code) && !piece.last) return 'too long';
      const why = [code, ...slackReasons(error)].join(': ').slice(0, 300);
      const next = round < MAX_DEGRADED ? withoutRefused(message, slackPointers(error)) : undefined;
      piece.degraded.push(next === undefined ? `Shown as plain text (${why})` : `Blocks shown as text (${why})`);
      if (next === undefined) return await post(deps, { ...args, text: asPlainText(message, why) });
      message = next;
    }
  }
}

/** The message with the blocks at these pointers as text, from the last to the first, for one may become several. */
function withoutRefused(message: SlackMessage, pointers: readonly string[]): SlackMessage | undefined {
  const byBlock = new Map(pointers.map((pointer) => [Number(/^\/blocks\/(\d+)/.exec(pointer)?.[1] ?? -1), pointer]));
  let changed: SlackMessage | undefined;
  for (const [, pointer] of [...byBlock].sort(([a], [b]) => b - a))
    changed = degradeBlock(changed ?? message, pointer) ?? changed;
  return changed;
}

function asPlainText(message: SlackMessage, why: string): string {
  const note = escapeMrkdwn(`(shown as plain text, because Slack refused its layout: ${why})`);
  return `${blocksAsText(message.blocks) || message.text}\n${note}`;
}

type PlaceOf = { channel: string; ts: string };

async function post({ call }: Deps, args: Record<string, unknown>): Promise<PlaceOf> {
  const { channel, ts } = await call('chat.postMessage', args);
  if (typeof channel === 'string' && typeof ts === 'string') return { channel, ts };
  const message = `The answer of Slack to chat.postMessage to ${String(args['channel'])} names no message.`;
  throw new DeliveryError(message, { code: 'SLACK_AMBIGUOUS', ambiguous: true });
}

/** Once something of the part stands in Slack, "surely not sent" is no longer true of the part: it has to be looked at first. */
async function afterFirst<T>(deps: Deps, first: PlaceOf | undefined, work: () => Promise<T>): Promise<T> {
  if (first === undefined) return work();
  for (let pause = 0; ; pause++) {
    try {
      return await work();
    } catch (error) {
      const known = error instanceof DeliveryError && !error.ambiguous ? error : undefined;
      const wait = known?.retryAfterMs;
      if (wait === undefined || wait > MAX_PAUSE_MS || pause >= MAX_PAUSES) {
        const message = `A message was posted in part; of the rest: ${messageOf(error)}`;
        if (known?.permanent) throw new DeliveryError(message, { code: known.code, permanent: true, cause: error });
        throw new DeliveryError(message, { code: 'SLACK_AMBIGUOUS', ambiguous: true, cause: error });
      }
      await deps.clock.sleep(wait);
    }
  }
}
