/** How reports leave: the transports of what is configured. Part of the composition root. */
import { join } from 'node:path';
import { WebClient } from '@slack/web-api';
import type { Clock } from './clock.ts';
import type { Config } from './config.ts';
import { parseMailFrom, parseSmtpUrl } from './delivery/email/address.ts';
import { createEmailTransport } from './delivery/email/transport.ts';
import { createFileTransport } from './delivery/file.ts';
import { createFileReader } from './delivery/files.ts';
import type { FileReader } from './delivery/files.ts';
import type { OutboxDeps } from './delivery/outbox.ts';
import { createSlackTransport } from './delivery/slack/transport.ts';
import type { Transport } from './delivery/transport.ts';
import { createWebhookTransport } from './delivery/webhook.ts';
import { createRasteriser } from './render/charts/png.ts';
import type { Store } from './store/store.ts';

interface Deps {
  clock: Clock;
  blobs: Store['blobs'];
  fetch?: typeof globalThis.fetch;
}

/** Makes them; what is not configured has none, and its deliveries fail with TRANSPORT_OFF. */
export function transportsOf(config: Config, deps: Deps): OutboxDeps['transports'] {
  const { clock } = deps;
  const readFile = createFileReader({ blobs: deps.blobs, rasteriser: createRasteriser({ fontFiles: [] }) });
  const file = createFileTransport({ reportsDir: join(config.dataDir, 'reports'), clock });
  return {
    file,
    ...(config.slack === undefined ? {} : { slack: slackTransport(config.slack, { ...deps, config, readFile }) }),
    ...(config.mail === undefined ? {} : { email: emailTransport(config.mail, clock) }),
    ...(config.webhooks === undefined ? {} : { webhook: createWebhookTransport({ clock }, config.webhooks) }),
  };
}

function emailTransport(mail: NonNullable<Config['mail']>, clock: Clock): Transport {
  return createEmailTransport({ server: parseSmtpUrl(mail.smtpUrl), from: parseMailFrom(mail.from), clock });
}

function slackTransport(
  slack: NonNullable<Config['slack']>,
  deps: Deps & { config: Config; readFile: FileReader },
): Transport {
  const { clock, config, readFile } = deps;
  const client = outboxClient(slack, deps.fetch);
  const apiCall = async (method: string, args?: Record<string, unknown>) => ({
    ...(await client.apiCall(method, args)),
  });
  const uploads = { readFile, fetch: deps.fetch ?? globalThis.fetch, apiUrl: slack.apiUrl };
  return createSlackTransport({ client: { apiCall }, clock, uploads }, { probeDelayMs: config.probeDelayMs });
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
