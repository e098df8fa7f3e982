import type { KnownBlock } from '@slack/types';
import type { FilePlan } from '../file-plan.ts';

/** One Slack message as it is posted: `text` is what notifications and screen readers get, and is always set. */
export interface SlackMessage {
  /** Escaped for mrkdwn, because Slack parses it: no report content can mention anybody through it. */
  text: string;
  blocks: KnownBlock[];
}

/** Files that are shared in the thread, with the words that go with them (escaped as well). */
export interface SlackFiles {
  text: string;
  files: FilePlan[];
}

export type SlackPart = SlackMessage | SlackFiles;
