import { access, constants } from 'node:fs/promises';
import { dirname } from 'node:path';
import { WebClient } from '@slack/web-api';
import { interactiveOptions } from '../bot/slack.ts';
import { systemClock } from '../clock.ts';
import type { Config } from '../config.ts';
import { isLoopback } from '../delivery/email/address.ts';
import type { MailServer } from '../delivery/email/address.ts';
import { messageOf } from '../errors.ts';
import { silentLog } from '../log.ts';
import { socketPath } from '../main.ts';
import { BUNDLED_FONTS, checkFonts } from '../render/charts/fonts.ts';
import { createRasteriser } from '../render/charts/png.ts';
import { drawSpark } from '../render/charts/svg.ts';
import { createConfinement } from '../runner/kinds/confine.ts';
import { createShelf } from '../runner/plugins/shelf.ts';
import { createRegistry } from '../runner/registry.ts';
import { readMailSettings } from '../transports.ts';
import type { Terminal } from './terminal.ts';
import { checkClaude, checkShopify } from './doctor-agents.ts';
import { serverAnswers } from './remote.ts';

type Finding = { check: string; state: 'ok' | 'off' | 'warn' | 'fail'; says: string };

const EX_UNAVAILABLE = 69;
const LINE = '\n             ';
const NEEDED_SCOPES = ['commands', 'chat:write'];
/** What Bellhop does without a scope, in words. */
const WITHOUT: readonly { scopes: readonly string[]; says: string }[] = [
  {
    scopes: ['channels:history', 'metadata.message:read'],
    says: 'a post whose answer was lost cannot be looked for and is sent again, labelled',
  },
  { scopes: ['files:write'], says: 'no file of a report is attached, and its thread says so' },
];

/** Looks at everything Bellhop depends on, the real Slack and the real mail server among it, and posts or sends nothing. */
export async function doctor(terminal: Terminal, config: Config): Promise<number> {
  const findings: Finding[] = [
    { check: 'node', state: 'ok', says: process.version },
    await checkData(config),
    await checkJobs(config),
    await checkSlack(config),
    await checkMail(config),
    checkWebhooks(config),
    await checkClaude(config),
    await checkShopify(config),
    checkApi(config),
    checkTargets(config),
    await checkConfinement(config),
    await checkPictures(config),
  ];
  for (const { check, state, says } of findings) terminal.out(`${state.padEnd(4)}  ${check.padEnd(5)}  ${says}`);
  return findings.some(({ state }) => state === 'fail') ? EX_UNAVAILABLE : 0;
}

/** The tokens lie in the data folder, which a running server holds: here is what the environment says. */
function checkApi({ api, apiToken }: Config): Finding {
  const check = 'api';
  if (api.state === 'off') return { check, state: 'off', says: 'BELLHOP_API_ENABLED is false' };
  return apiToken === undefined
    ? { check, state: 'ok', says: 'BELLHOP_API_TOKEN is not set; bellhop token list shows the others' }
    : { check, state: 'ok', says: `BELLHOP_API_TOKEN has ${apiToken.length} characters and may do everything` };
}

function checkTargets({ targets: { urls, problems } }: Config): Finding {
  const says = urls.length === 0 ? 'BASE_URLS names none' : `${urls.length} in BASE_URLS`;
  if (problems.length === 0) return { check: 'fan', state: urls.length === 0 ? 'off' : 'ok', says };
  return { check: 'fan', state: 'warn', says: [says, ...problems.slice(0, 20)].join('\n             ') };
}

/** How far programs of jobs are held here: tried, as a start would. */
async function checkConfinement({ confine, variables }: Config): Promise<Finding> {
  const check = 'held';
  const confinement = createConfinement({ clock: systemClock, env: variables }, confine === 'off' ? 'off' : 'auto');
  const { name, tools, missing } = await confinement.ready();
  confinement.stop();
  const by = `jobs are confined by ${name}${tools.length === 0 ? '' : ` (${tools.join(', ')})`}`;
  if (confine === 'required' && name !== 'namespaces')
    return { check, state: 'fail', says: [by, ...missing].join(LINE) };
  if (missing.length === 0) return { check, state: 'ok', says: by };
  const held = missing.map((one) => `not held: ${one}`);
  return { check, state: confine === 'off' ? 'off' : 'warn', says: [by, ...held].join(LINE) };
}

/** Draws a picture, as a chart in a mail is. */
async function checkPictures({ fontFiles }: Config): Promise<Finding> {
  const check = 'chart';
  const files = [...BUNDLED_FONTS, ...fontFiles];
  const { good, bad } = checkFonts(files);
  const left = bad.slice(0, 20).map(({ file, reason }) => `left out: ${file} ${reason}`);
  try {
    const svg = drawSpark([1, 3, 2], { width: 80, height: 20, color: '#000000' });
    const { length } = await createRasteriser({ fontFiles: files }).png(svg, 160);
    const says = `pictures are drawn with ${good.length} font files (${length} bytes tried)`;
    return { check, state: bad.length === 0 ? 'ok' : 'warn', says: [says, ...left].join(LINE) };
  } catch (error) {
    return { check, state: 'warn', says: [messageOf(error), ...left].join(LINE) };
  }
}

async function checkData(config: Config): Promise<Finding> {
  const check = 'data';
  if (await serverAnswers(socketPath(config.dataDir))) {
    return { check, state: 'ok', says: `${config.dataDir}, held by a running server that answers` };
  }
  try {
    const there = await nearestFolder(config.dataDir);
    await access(there, constants.R_OK | constants.W_OK | constants.X_OK);
    const says = there === config.dataDir ? 'no server is running' : 'made at the first start';
    return { check, state: 'ok', says: `${config.dataDir}, ${says}` };
  } catch (error) {
    return { check, state: 'fail', says: `${config.dataDir}: ${messageOf(error)}` };
  }
}

/** The folder itself, or the nearest one above it that is there. */
async function nearestFolder(path: string): Promise<string> {
  const parent = dirname(path);
  const there = await access(path).then(
    () => true,
    () => false,
  );
  return there || parent === path ? path : nearestFolder(parent);
}

async function checkJobs(config: Config): Promise<Finding> {
  const plugins = createShelf({ ...config.plugins, env: config.variables, log: silentLog });
  const registry = createRegistry({
    dir: config.jobsDir,
    clock: systemClock,
    log: silentLog,
    plugins,
    variables: config.variables,
  });
  await registry.refresh();
  const names = registry.list().map((job) => job.name);
  const problems = registry.problems().map(({ file, reason }) => `${file}: ${reason}`);
  const says = `${config.jobsDir}: ${names.length === 0 ? 'no jobs' : names.slice(0, 20).join(', ')}`;
  return problems.length === 0
    ? { check: 'jobs', state: names.length === 0 ? 'warn' : 'ok', says }
    : { check: 'jobs', state: 'warn', says: [says, ...problems].join('\n             ') };
}

async function checkSlack({ slack }: Config): Promise<Finding> {
  const check = 'slack';
  if (slack === undefined) return { check, state: 'off', says: 'set SLACK_BOT_TOKEN and SLACK_SIGNING_SECRET' };
  try {
    const client = new WebClient(slack.botToken, { ...interactiveOptions(slack.apiUrl), timeout: 10_000 });
    const answer = await client.auth.test();
    const scopes = answer.response_metadata?.scopes ?? [];
    const who = `${answer.user ?? 'a bot'} in ${answer.team ?? 'a workspace'}`;
    const missing = NEEDED_SCOPES.filter((scope) => scopes.length > 0 && !scopes.includes(scope));
    if (missing.length > 0) return { check, state: 'fail', says: `${who}, without the scopes ${missing.join(', ')}` };
    const without = WITHOUT.flatMap(({ scopes: wanted, says }) => {
      const absent = wanted.filter((scope) => !scopes.includes(scope));
      return absent.length === 0 ? [] : [`without ${absent.join(', ')} ${says}`];
    });
    return { check, state: without.length > 0 ? 'warn' : 'ok', says: [who, ...without].join(LINE) };
  } catch (error) {
    return { check, state: 'fail', says: messageOf(error) };
  }
}

async function checkMail(config: Config): Promise<Finding> {
  const check = 'mail';
  try {
    // What a start reads, so that it cannot be refused after all was well here.
    const settings = readMailSettings(config);
    if (settings === undefined) return { check, state: 'off', says: 'set SMTP_URL and BELLHOP_MAIL_FROM' };
    const answer = await askMailServer(settings.server);
    return { check, ...answer, says: [answer.says, ...mailTerms(config)].join(LINE) };
  } catch (error) {
    return { check, state: 'fail', says: messageOf(error) };
  }
}

async function askMailServer({ host, port, secure, auth }: MailServer): Promise<Pick<Finding, 'state' | 'says'>> {
  const { createTransport } = await import('nodemailer');
  const transport = createTransport({
    host,
    port,
    secure,
    requireTLS: !secure && !isLoopback(host),
    connectionTimeout: 10_000,
    greetingTimeout: 10_000,
    ...(auth === undefined ? {} : { auth }),
  });
  try {
    await transport.verify();
    return {
      state: 'ok',
      says: `${host}:${port} ${auth === undefined ? 'takes mail without a login' : 'accepts the login'}`,
    };
  } catch (error) {
    return { state: 'fail', says: `${host}:${port}: ${messageOf(error)}` };
  } finally {
    transport.close();
  }
}

/** How mails are signed, and how people get rid of them. */
function mailTerms({ mail }: Config): string[] {
  const { dkim, publicUrl, unsubscribeMail } = mail ?? {};
  const ways = [publicUrl === undefined ? [] : `${publicUrl}/unsubscribe`, unsubscribeMail ?? []].flat();
  return [
    dkim === undefined
      ? 'mails are not signed: BELLHOP_DKIM_DOMAIN, _SELECTOR and _KEY_FILE are not set'
      : `mails are signed for ${dkim.domain}, whose key is read at ${dkim.selector}._domainkey.${dkim.domain}`,
    ways.length === 0
      ? 'nobody can unsubscribe: neither BELLHOP_PUBLIC_URL nor BELLHOP_UNSUBSCRIBE_MAIL is set'
      : `people unsubscribe at ${ways.join(' and ')}`,
  ];
}

/** The hosts are not asked: they would take it for a report. */
function checkWebhooks({ webhooks }: Config): Finding {
  const check = 'hook';
  if (webhooks === undefined)
    return { check, state: 'off', says: 'set BELLHOP_WEBHOOK_SECRET and BELLHOP_WEBHOOK_HOSTS' };
  const { hosts } = webhooks;
  const more = hosts.length > 20 ? ` and ${hosts.length - 20} more` : '';
  return { check, state: 'ok', says: `reports may be posted, signed, to ${hosts.slice(0, 20).join(', ')}${more}` };
}
