/** Where a report goes, how it is wanted there, and the proof that it arrived. */
import { z } from 'zod';

export const MAX_DESTINATIONS = 20;

export const ATTACH_FORMATS = ['csv', 'html', 'md', 'json'] as const;
const Attach = z.array(z.enum(ATTACH_FORMATS)).max(ATTACH_FORMATS.length);

const oneLine = (text: string): boolean => !/\p{Cc}/u.test(text);

/** When a destination wants the report. */
const when = {
  /** Nothing is sent when the report says nothing: no warnings, and no section with anything in it. */
  skipIfEmpty: z.boolean().exactOptional(),
  /** `changed`: only when it differs from the job's report before it; `failed`: only when the run failed or the report is not `ok`. */
  onlyIf: z.enum(['changed', 'failed']).exactOptional(),
};
/** What every destination may ask for that takes files. */
const options = {
  /** The report as files beside the message: `csv` is one file a table. */
  attach: Attach.exactOptional(),
  ...when,
};

const SlackDestination = z.object({
  kind: z.literal('slack'),
  /** A channel, direct-message or user id, or `#name`. */
  channel: z
    .string()
    .regex(/^(?:[CDGUW][A-Z0-9]{2,20}|#[^\s#<>&?]{1,80})$/, 'must be a Slack id (C…, D…, U…) or #name'),
  /** The message under which the report is posted. */
  threadTs: z
    .string()
    .regex(/^\d{10}\.\d{6}$/)
    .exactOptional(),
  /** `native` (default): blocks, charts and tables; `text`: one plain text, and the rest in the thread. */
  format: z.enum(['native', 'text']).exactOptional(),
  /** What goes to the thread: the `detail` sections (default), `all` but the headline, or `none`. */
  thread: z.enum(['detail', 'all', 'none']).exactOptional(),
  ...options,
});

export const EmailDestination = z.object({
  kind: z.literal('email'),
  to: z.email().max(254).refine(oneLine, 'must be one line'),
  /** `html` (default) has a text part as well; `text` has no other. */
  format: z.enum(['html', 'text']).exactOptional(),
  /** `series`: the mails of one job are one conversation; their subject stays the same. Default: each stands alone. */
  thread: z.enum(['series', 'none']).exactOptional(),
  ...options,
});

/** A file below the data folder's `reports/`, or at an absolute path. Without a format the ending chooses it. */
const FileDestination = z.object({
  kind: z.literal('file'),
  path: z.string().min(1).max(400).refine(oneLine),
  format: z.enum(['html', 'md', 'txt', 'json', 'csv']).exactOptional(),
  ...options,
});

/** A signed POST to another program (docs/webhooks.md). */
const WebhookDestination = z.object({
  kind: z.literal('webhook'),
  url: z
    .url()
    .max(2000)
    .refine((url) => /^https?:\/\/[^@\s]+$/i.test(url), 'must be an http or https address without a password'),
  /** `json` (default) has all of the report. */
  format: z.enum(['json', 'markdown', 'text']).exactOptional(),
  ...when,
});

export const Destination = z.discriminatedUnion('kind', [
  SlackDestination,
  EmailDestination,
  FileDestination,
  WebhookDestination,
]);
export type Destination = z.infer<typeof Destination>;

const Instant = z.iso.datetime();
const Count = z.number().int().nonnegative();
/** What is not as it was asked for, in words: blocks that were refused and shown as text, a file that could not be sent. */
const degraded = { degraded: z.array(z.string().max(500)).max(20).exactOptional() };

export const Receipt = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('slack'),
    at: Instant,
    channel: z.string(),
    ts: z.string(),
    permalink: z.string().optional(),
    /** Set when the post was found by the probe instead of being answered. */
    found: z.boolean().optional(),
    /** Set when the post went to the actor's direct messages because the channel could not be posted to. */
    insteadOf: z.string().optional(),
    /** The files of this part. */
    files: z
      .array(z.object({ id: z.string().max(40), name: z.string().max(200) }))
      .max(20)
      .exactOptional(),
    ...degraded,
  }),
  z.object({
    kind: z.literal('email'),
    at: Instant,
    to: z.string(),
    messageId: z.string(),
    response: z.string().max(500),
    ...degraded,
  }),
  z.object({ kind: z.literal('file'), at: Instant, path: z.string(), bytes: Count, sha256: z.string() }),
  z.object({
    kind: z.literal('webhook'),
    at: Instant,
    /** Without its query. */
    url: z.string().max(2000),
    status: z.number().int(),
    bytes: Count,
    sha256: z.string(),
  }),
]);
export type Receipt = z.infer<typeof Receipt>;

/** A destination of the job that this report was not sent to, and why. */
export const Withheld = z.object({ destination: Destination, reason: z.string().min(1).max(300) });
export type Withheld = z.infer<typeof Withheld>;
