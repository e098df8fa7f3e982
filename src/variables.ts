/** The variables of the environment: what each may be, its default, and its meaning. Only config.ts reads them. */
import { z } from 'zod';
import { LOG_LEVELS } from './log.ts';

const port = z.coerce.number().int().min(0).max(65_535);
const optional = (schema: z.ZodType<string>) => schema.optional();
/** A hundred years: more is a slip of the finger. */
const days = z.coerce
  .number()
  .int('must be a whole number of days')
  .min(1, 'must be at least one day')
  .max(36_500)
  .optional();
const isUrl = (...protocols: string[]) =>
  z.string().refine((text) => URL.canParse(text) && protocols.includes(new URL(text).protocol), {
    message: `must be an address that begins with ${protocols.map((protocol) => `${protocol}//`).join(' or ')}`,
  });

const isMailAddress = (text: string): boolean => {
  const bare = /<([^<>]+)>\s*$/.exec(text)?.[1] ?? text;
  return z.email().safeParse(bare.trim()).success;
};
// eslint-disable-next-line no-control-regex -- a header must be one line
const oneLine = (text: string): boolean => !/[\u0000-\u001f\u007f]/.test(text);

/** Mail programs post to https only; plain http is for a try on this machine. */
const isPublic = (text: string): boolean => {
  const url = new URL(text);
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') return false;
  if (url.protocol === 'https:') return true;
  return url.protocol === 'http:' && ['localhost', '127.0.0.1', '[::1]'].includes(url.hostname);
};
const PUBLIC_RULE = 'must be an https address without a password, query or fragment (http only on this machine)';
const DOMAIN = /^(?=.{4,253}$)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}$/i;
const SELECTOR = /^(?=.{1,63}$)[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*$/i;

const isZone = (text: string): boolean => {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: text }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
};

/** Whoever is at the address gets a key: plain http is for a try on this machine. */
const isSafeBase = (text: string): boolean => URL.canParse(text) && isPublic(text);
const usd = optional(
  z.string().regex(/^\d{1,6}(?:\.\d{1,6})?$/, 'must be US dollars with at most 6 decimals, like 10 or 2.50'),
);

/** Every variable, its default and its meaning; docs/configuration.md is held to this by a test. */
export const VARIABLES = {
  PORT: port.default(3000).describe('TCP port of the HTTP server; 0 takes a free one.'),
  HOST: z.string().min(1).default('127.0.0.1').describe('Address the HTTP server listens on.'),
  BELLHOP_DATA_DIR: z.string().min(1).default('./data').describe('Folder of the records; one process holds it.'),
  BELLHOP_ALLOW_NETWORK_DISK: z
    .enum(['true', 'false'])
    .default('false')
    .describe('Whether the data folder may be on a network file system, where the lock and the syncs may do nothing.'),
  BELLHOP_JOBS_DIR: z.string().min(1).default('./jobs').describe('Folder of the job files.'),
  BELLHOP_PLUGINS_DIR: z
    .string()
    .min(1)
    .default('./plugins')
    .describe('Folder of the plugins, a folder each; the default one need not exist.'),
  BELLHOP_CONCURRENCY: z.coerce.number().int().min(1).max(64).default(8).describe('Runs executed at the same time.'),
  BELLHOP_API_TOKEN: optional(z.string().min(16, 'must have at least 16 characters')).describe(
    'Bearer token of the HTTP API beside those of `bellhop token`: scope admin, for every job.',
  ),
  BELLHOP_API_ENABLED: z
    .enum(['true', 'false'])
    .default('true')
    .describe(
      'Whether the HTTP API answers; without it all but the health routes, Slack and the break-glass path is 404.',
    ),
  BELLHOP_API_RATE: z.coerce
    .number()
    .int()
    .min(10)
    .max(1_000_000)
    .default(600)
    .describe(
      'Requests a minute from one token, and from one address; a tenth of them, at least 10, may come at once.',
    ),
  BELLHOP_TRUST_PROXY: z
    .enum(['true', 'false'])
    .default('false')
    .describe(
      'Whether the last entry of X-Forwarded-For is the address of the client; only behind a proxy that writes it.',
    ),
  SLACK_BOT_TOKEN: optional(z.string().regex(/^xoxb-/, 'must be a bot token, which begins with xoxb-')).describe(
    'Bot token of the Slack app (OAuth & Permissions).',
  ),
  SLACK_SIGNING_SECRET: optional(z.string().min(8, 'must have at least 8 characters')).describe(
    'Signing secret of the Slack app (Basic Information).',
  ),
  SLACK_API_URL: isUrl('https:', 'http:')
    .default('https://slack.com/api/')
    .describe('Base address of the Slack Web API.'),
  SMTP_URL: optional(isUrl('smtp:', 'smtps:')).describe('Mail server: smtp://user:password@host:587 or smtps://…:465.'),
  BELLHOP_MAIL_FROM: optional(
    z
      .string()
      .refine(oneLine, 'must be one line')
      .refine(isMailAddress, 'must be an address, like Bellhop <bellhop@example.com>'),
  ).describe('Sender of the mails; its domain ends every Message-ID.'),
  BELLHOP_WEBHOOK_SECRET: optional(
    z.string().regex(/^whsec_(?:[A-Za-z0-9+/]{32,}={0,2})$/, 'must be whsec_ and a key of 24 bytes or more in base64'),
  ).describe('Key that signs the reports posted to webhooks: `whsec_` and 24 bytes or more in base64.'),
  BELLHOP_WEBHOOK_HOSTS: optional(z.string().max(2000)).describe(
    'Hosts that reports may be posted to, separated by commas: hooks.example.com, *.example.com.',
  ),
  BELLHOP_MAIL_PER_SECOND: z.coerce
    .number()
    .min(0.1)
    .max(1000)
    .default(10)
    .describe('Mails a second, over all recipients; what a provider allows.'),
  BELLHOP_PUBLIC_URL: optional(z.url().refine(isPublic, PUBLIC_RULE)).describe(
    'Address of this server from outside; with it every mail of a job has a link that unsubscribes with one click.',
  ),
  BELLHOP_UNSUBSCRIBE_MAIL: optional(z.email()).describe(
    'Address for requests to unsubscribe that are written by hand, named in every mail of a job.',
  ),
  BELLHOP_DKIM_DOMAIN: optional(z.string().regex(DOMAIN, 'must be a domain, like example.com')).describe(
    'Domain that signs the mails (DKIM).',
  ),
  BELLHOP_DKIM_SELECTOR: optional(z.string().regex(SELECTOR, 'must be letters, digits, - and dots')).describe(
    'Selector of the DKIM key: its public half stands in DNS at SELECTOR._domainkey.DOMAIN.',
  ),
  BELLHOP_DKIM_KEY_FILE: optional(z.string().min(1)).describe(
    'File of the private DKIM key: RSA, PEM, without a passphrase.',
  ),
  BELLHOP_PROBE_DELAY_MS: z.coerce
    .number()
    .int()
    .min(0)
    .max(600_000)
    .default(30_000)
    .describe('How long a post whose answer was lost is looked for before it is sent again.'),
  BELLHOP_PREFLIGHT_HOURS: z.coerce
    .number()
    .min(0)
    .max(72)
    .default(12)
    .describe(
      'Hours before a report is due at which the places it goes to are looked at (docs/preflight.md); 0: never by itself.',
    ),
  BELLHOP_RUN_WAIT_MS: z.coerce
    .number()
    .int()
    .min(0)
    .max(120_000)
    .default(25_000)
    .describe('How long a request that waits for the end of its run is held before it is answered 202.'),
  BELLHOP_SHUTDOWN_MS: z.coerce
    .number()
    .int()
    .min(0)
    .max(600_000)
    .default(20_000)
    .describe('How long running runs may go on after SIGTERM.'),
  BELLHOP_RETAIN_DAYS: days.describe('Days until a completed or cancelled run is deleted with its report; off: never.'),
  BELLHOP_RETAIN_FAILED_DAYS: days.describe('The same for a failed run.'),
  BELLHOP_ARCHIVE_AFTER_DAYS: days.describe(
    'Days until a run that is over is packed into the file of its month; off: never.',
  ),
  BELLHOP_CONFINE: z
    .enum(['auto', 'off', 'required'])
    .default('auto')
    .describe(
      'How programs of jobs are held: the best that works here, the process group alone, or no start without namespaces.',
    ),
  BELLHOP_ENV: z
    .enum(['production', 'development'])
    .optional()
    .describe('In production an expensive job needs a gate and a cap; default: production when NODE_ENV is.'),
  BELLHOP_TIME_ZONE: z
    .string()
    .refine(isZone, 'must be the name of a time zone, like Europe/Berlin')
    .default('UTC')
    .describe('Zone of schedules that name none.'),
  BELLHOP_ALERTS_TO: optional(z.string().max(1000)).describe(
    'Where people are told of failures and missed times, separated by commas: #channel, a Slack id, an e-mail address, file:path.',
  ),
  ANTHROPIC_API_KEY: optional(
    z.string().regex(/^\S{16,300}$/, 'must be a key of 16 characters or more, without spaces'),
  ).describe('Key of the Claude API; without it agents report figures only.'),
  ANTHROPIC_BASE_URL: optional(z.string().refine(isSafeBase, PUBLIC_RULE)).describe(
    'Address of the Claude API, or of a gateway before it; default: that of Anthropic.',
  ),
  BELLHOP_PRICES_FILE: optional(z.string().min(1)).describe(
    'JSON file of model prices that go over those that are shipped (docs/money.md).',
  ),
  BELLHOP_BUDGET_DAY_USD: usd.describe('US dollars that all agents together may spend in a day of BELLHOP_TIME_ZONE.'),
  BELLHOP_BUDGET_MONTH_USD: usd.describe('The same in a month.'),
  BELLHOP_OWNERS: optional(
    z
      .string()
      .max(1000)
      .regex(
        /^\s*[UW][A-Z0-9]{4,20}(?:\s*,\s*[UW][A-Z0-9]{4,20})*\s*,?\s*$/,
        'must be Slack user ids, like U012ABCDEF',
      ),
  ).describe('Slack user ids, separated by commas, of those who may approve runs, and let one pass its caps on money.'),
  BELLHOP_TRANSCRIPT_DAYS: z.coerce
    .number()
    .int()
    .min(0)
    .max(36_500)
    .default(30)
    .describe('Days for which the transcripts of agents are kept; 0: none is.'),
  SHOPIFY_STORE: optional(
    z
      .string()
      .regex(/^[a-z0-9][a-z0-9-]{0,59}\.myshopify\.com$/, 'must be the name of a store, like example.myshopify.com'),
  ).describe('The shop that the Shopify tools read, as NAME.myshopify.com (docs/shopify.md).'),
  SHOPIFY_ACCESS_TOKEN: optional(
    z.string().regex(/^\S{16,300}$/, 'must be a token of 16 characters or more, without spaces'),
  ).describe('Admin API token of a custom app of the shop.'),
  SHOPIFY_CLIENT_ID: optional(z.string().regex(/^\S{6,200}$/, 'must be an id, without spaces')).describe(
    'Client id of an app of the Dev Dashboard, instead of a token.',
  ),
  SHOPIFY_CLIENT_SECRET: optional(
    z.string().regex(/^\S{16,300}$/, 'must be a secret of 16 characters or more, without spaces'),
  ).describe('Its client secret.'),
  SHOPIFY_ALLOW_WRITE_SCOPES: z
    .enum(['true', 'false'])
    .default('false')
    .describe('Whether an app that may change the shop is taken all the same; no tool needs that.'),
  SHOPIFY_API_URL: optional(z.string().refine(isSafeBase, PUBLIC_RULE)).describe(
    'Base address of the Admin API; default: that of the shop. For a try against a shop on this machine.',
  ),
  BELLHOP_FONT_FILES: optional(z.string().max(4_000)).describe(
    'More font files for the pictures of charts, separated by commas (.ttf, .otf, .ttc), for what DejaVu Sans has not: Chinese, Japanese, Korean.',
  ),
  BASE_URLS: optional(z.string().max(20_000)).describe(
    'Targets of jobs that fan out (ctx.targets): a JSON array of http and https addresses; a bad one is named and left out.',
  ),
  INTERNAL_HEALTH_TOKEN: optional(z.string().min(16, 'must have at least 16 characters')).describe(
    'Secret of the break-glass path /__cron/run/NAME, sent as X-Internal-Health; without it the path answers 403.',
  ),
  LOG_LEVEL: z.enum(LOG_LEVELS).default('info').describe('Lowest level that is logged.'),
} satisfies Record<string, z.ZodType>;

export const Environment = z.object(VARIABLES);
export type Environment = z.infer<typeof Environment>;
