import type { KnownBlock } from '@slack/types';

/** One Slack message as it is posted: `text` is what notifications and screen readers get, and is always set. */
export interface SlackMessage {
  /** Escaped for mrkdwn, because Slack parses it: no report content can mention anybody through it. */
  text: string;
  blocks: KnownBlock[];
}
