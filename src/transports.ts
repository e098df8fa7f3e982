/** How reports leave: the transports of what is configured. Part of the composition root. */
import { join } from 'node:path';
import { WebClient } from '@slack/web-api';
import type { Clock } from './clock.ts';
import type { Config } from './config.ts';
import { parseMailFrom, parseSmtpUrl } from './delivery/email/address.ts';
import { createEmailTransport } from './delivery/email/transport.ts';
import { createFileTransport } from './delivery/file.ts';
import { createFileReader } from './delivery/files.ts';
import type { OutboxDeps } from './delivery/outbox.ts';
import { createSlackTransport } from './delivery/slack/transport.ts';
import type { Transport } from './delivery/transport.ts';
import { createRasteriser } from './render/charts/png.ts';
import type { Store } from './store/store.ts';

/** Makes them; what is not configured has none, and its deliveries fail with TRANSPORT_OFF. */
export function transportsOf(
  config: Config,
  deps: { clock: Clock; blobs: Store['blobs']; fetch?: typeof globalThis.fetch },
): OutboxDeps['transports'] {
  const { clock } = deps;
  const readFile = createFileReader({ blobs: deps.blobs, rasteriser: createRasteriser({ fontFiles: [] }) });
  const file = createFileTransport({ reportsDir: join(config.dataDir, 'reports'), clock, readFile });
  return {
    file,
    ...(config.slack === undefined ? {} : { slack: slackTransport(config, config.slack, deps) }),
    ...(config.mail === undefined ? {} : { email: emailTransport(config.mail, clock) }),
  };
}

function emailTransport(mail: NonNullable<Config['mail']>, clock: Clock): Transport {
  return createEmailTransport({ server: parseSmtpUrl(mail.smtpUrl), from: parseMailFrom(mail.from), clock });
}

function slackTransport(
  config: Config,
  slack: NonNullable<Config['slack']>,
  deps: { clock: Clock; fetch?: typeof globalThis.fetch },
): Transport {
  const client = outboxClient(slack, deps.fetch);
  const apiCall = async (method: string, args?: Record<string, unknown>) => ({
    ...(await client.apiCall(method, args)),
  });
  return createSlackTransport({ client: { apiCall }, clock: deps.clock }, { probeDelayMs: config.probeDelayMs });
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
