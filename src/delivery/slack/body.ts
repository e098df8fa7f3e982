/** The bodies of Slack parts as they are frozen, and the lines of ours that are put on top of them. */
import { z } from 'zod';
import { DeliveryError } from '../../errors.ts';
import { FilePlan } from '../../render/file-plan.ts';
import { escapeMrkdwn } from '../../render/format.ts';
import type { SlackFiles, SlackMessage, SlackPart } from '../../render/slack/message.ts';
import type { Json } from '../../store/store.ts';

/** Slack shares this many files with one message; more are shared with further ones. */
const MAX_FILES = 10;
type Block = SlackMessage['blocks'][number];
/** Which blocks there are is the renderer's matter, and Slack's: what was frozen is sent as it is. */
const Block = z.custom<Block>((value) => z.looseObject({ type: z.string() }).safeParse(value).success);
const Message = z.object({ text: z.string(), blocks: z.array(Block) });
const Files = z.object({ text: z.string(), files: z.array(FilePlan).min(1).max(MAX_FILES) });
const Body = z.union([Message, Files]);

/** A stored body; throws RENDER_FAILED for what is none. */
export function readBody(body: Json): SlackMessage | SlackFiles {
  const read = Body.safeParse(body);
  if (read.success) return read.data;
  throw new DeliveryError('A stored Slack message is not readable.', { code: 'RENDER_FAILED', permanent: true });
}

/** The same for a message; a part that brings files is none. */
export function readMessage(body: Json): SlackMessage {
  const read = readBody(body);
  if ('blocks' in read) return read;
  throw new DeliveryError('A stored Slack card is not readable.', { code: 'RENDER_FAILED', permanent: true });
}

/** The bodies of a part: files that are too many for one message become several. */
export function toBodies(part: SlackPart): Json[] {
  const bodies: SlackPart[] = [];
  if ('blocks' in part) bodies.push(part);
  else
    for (let at = 0; at < part.files.length; at += MAX_FILES)
      bodies.push({ text: part.text, files: part.files.slice(at, at + MAX_FILES) });
  return bodies.map((body) => z.json().parse(JSON.parse(JSON.stringify(body))));
}

/** A line of ours on top; the frozen body below it stays as it is. */
export function labelled(message: SlackMessage, label: string | undefined): SlackMessage {
  if (label === undefined) return message;
  const line: Block = { type: 'context', elements: [{ type: 'mrkdwn', text: label }] };
  return { text: message.text, blocks: [line, ...message.blocks] };
}

/** What stands on a report that went to the actor's direct messages instead. */
export function inviteLine(channel: string): string {
  const place = /^[CG][A-Z0-9]+$/.test(channel) ? `<#${channel}>` : escapeMrkdwn(channel);
  return `I could not post in ${place}: invite me there with \`/invite @Bellhop\``;
}
