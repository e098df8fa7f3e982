/** How reports leave: the transports of what is configured. Part of the composition root. */
import { join } from 'node:path';
import { WebClient } from '@slack/web-api';
import type { Clock } from './clock.ts';
import type { Config, MailConfig } from './config.ts';
import { parseMailFrom, parseSmtpUrl } from './delivery/email/address.ts';
import { readDkimKey } from './delivery/email/dkim.ts';
import { createEmailTransport } from './delivery/email/transport.ts';
import type { EmailDeps } from './delivery/email/transport.ts';
import { createFileTransport } from './delivery/file.ts';
import { createFileReader } from './delivery/files.ts';
import type { FileReader } from './delivery/files.ts';
import { createWebhookTransport } from './delivery/webhook.ts';
import { createEmailCheck } from './delivery/email/check.ts';
import { createFileCheck } from './delivery/file-check.ts';
import type { OutboxDeps } from './delivery/outbox.ts';
import { createSlackCheck } from './delivery/slack/check.ts';
import { createSlackTransport } from './delivery/slack/transport.ts';
import type { Transport } from './delivery/transport.ts';
import type { Log } from './log.ts';
import type { Rasteriser } from './render/charts/png.ts';
import type { Store } from './store/store.ts';
import { ensureLinkSecret } from './store/suppressions.ts';

interface TransportDeps {
  clock: Clock;
  store: Store;
  log: Log;
  /** What was read of the mail settings; undefined: mail is off. */
  mail: MailSettings | undefined;
  /** One for all: its fonts stay in memory. */
  rasteriser: Rasteriser;
  fetch?: typeof globalThis.fetch;
}

type MailSettings = Pick<EmailDeps, 'server' | 'from' | 'dkim' | 'unsubscribeMail'>;

/** Reads what mail needs, its DKIM key too; throws a ConfigError. To be called before the data folder is opened, so that nothing is held then. */
export function readMailSettings({ mail }: Config): MailSettings | undefined {
  if (mail === undefined) return undefined;
  return {
    server: parseSmtpUrl(mail.smtpUrl),
    from: parseMailFrom(mail.from),
    ...(mail.dkim === undefined ? {} : { dkim: readDkimKey(mail.dkim) }),
    ...(mail.unsubscribeMail === undefined ? {} : { unsubscribeMail: mail.unsubscribeMail }),
  };
}

/** Makes them; what is not configured has none, and its deliveries fail with TRANSPORT_OFF. */
export async function transportsOf(config: Config, deps: TransportDeps): Promise<OutboxDeps['transports']> {
  const { clock, rasteriser } = deps;
  const shared = { ...deps, config, readFile: createFileReader({ blobs: deps.store.blobs, rasteriser }) };
  const reportsDir = join(config.dataDir, 'reports');
  const file = createFileTransport({ reportsDir, clock, readFile: shared.readFile });
  return {
    file: { ...file, check: createFileCheck({ reportsDir }) },
    ...(config.slack === undefined ? {} : { slack: slackTransport(config.slack, shared) }),
    ...(config.mail === undefined || deps.mail === undefined
      ? {}
      : { email: await emailTransport(config.mail, deps.mail, shared) }),
    ...(config.webhooks === undefined ? {} : { webhook: createWebhookTransport({ clock }, config.webhooks) }),
  };
}

interface Shared extends TransportDeps {
  config: Config;
  readFile: FileReader;
}

async function emailTransport(config: MailConfig, mail: MailSettings, deps: Shared): Promise<Transport> {
  const { clock, store, readFile: files, rasteriser } = deps;
  const unsubscribe = await unsubscribeOf(config, deps);
  const transport = createEmailTransport(
    { ...mail, ...unsubscribe, clock, store, files, pictureProblem: () => rasteriser.problem() },
    { perSecond: config.perSecond },
  );
  return { ...transport, check: createEmailCheck({ server: mail.server, clock }) };
}

/** A folder that cannot be written now is no reason not to start: what is wrong with it is said elsewhere, too. */
async function unsubscribeOf(
  { publicUrl }: MailConfig,
  { store, log }: Pick<TransportDeps, 'store' | 'log'>,
): Promise<Pick<EmailDeps, 'unsubscribe'>> {
  if (publicUrl === undefined) return {};
  try {
    return { unsubscribe: { page: `${publicUrl}/unsubscribe`, secret: await ensureLinkSecret(store) } };
  } catch (error) {
    log.warn('mails go without a link to unsubscribe until the next start', { error });
    return {};
  }
}

function slackTransport(slack: NonNullable<Config['slack']>, deps: Shared): Transport {
  const { clock, config, readFile } = deps;
  const client = outboxClient(slack, deps.fetch);
  const apiCall = async (method: string, args?: Record<string, unknown>) => ({
    ...(await client.apiCall(method, args)),
  });
  const uploads = { readFile, fetch: deps.fetch ?? globalThis.fetch, apiUrl: slack.apiUrl };
  const transport = createSlackTransport(
    { client: { apiCall }, clock, uploads },
    { probeDelayMs: config.probeDelayMs },
  );
  return { ...transport, check: createSlackCheck({ client: { apiCall }, clock }) };
}

/** The outbox's own client: a rate limit here never holds up an answer to a person. */
function outboxClient(
  slack: { botToken: string; apiUrl: string },
  fetch: typeof globalThis.fetch | undefined,
): WebClient {
  return new WebClient(slack.botToken, {
    slackApiUrl: slack.apiUrl,
    allowAbsoluteUrls: false,
    retryConfig: { retries: 0 },
    rejectRateLimitedCalls: true,
    timeout: 10_000,
    ...(fetch === undefined ? {} : { fetch }),
  });
}
