/** The only file that reads the environment. One schema; every problem is reported at once; what is not configured is off. */
import { readFileSync } from 'node:fs';
import { isAbsolute, resolve } from 'node:path';
import { parseEnv } from 'node:util';
import { readBaseUrls, readPings } from './addresses.ts';
import { agentsOff, readAgentConfig, type AgentConfig } from './config-agents.ts';
import { halfConfigured, PLUGIN, tooLate, unknownNames } from './config-checks.ts';
import { codeOf, ConfigError } from './errors.ts';
import { Environment, VARIABLES } from './variables.ts';

const SECRETS = [
  'BELLHOP_API_TOKEN',
  'INTERNAL_HEALTH_TOKEN',
  'SLACK_BOT_TOKEN',
  'SLACK_SIGNING_SECRET',
  'BELLHOP_WEBHOOK_SECRET',
  'ANTHROPIC_API_KEY',
  'SHOPIFY_ACCESS_TOKEN',
  'SHOPIFY_CLIENT_SECRET',
] as const;

export interface MailConfig {
  smtpUrl: string;
  from: string;
  perSecond: number;
  /** Without a slash at its end. */
  publicUrl?: string;
  unsubscribeMail?: string;
  dkim?: { domain: string; selector: string; keyFile: string };
}

export interface Config extends AgentConfig {
  port: number;
  host: string;
  dataDir: string;
  /** What to do with a data folder on a network file system. */
  networkDisk: 'refused' | 'allowed';
  jobsDir: string;
  /** `missing`: what is said of a folder that does not exist; the default one need not. */
  plugins: { dir: string; missing: 'silent' | 'named' };
  concurrency: number;
  logLevel: Environment['LOG_LEVEL'];
  /** How long a request waits for the end of its run. */
  runWaitMs: number;
  shutdownMs: number;
  probeDelayMs: number;
  /** How long before a report is due its places are looked at; 0: never by itself. */
  preflightMs: number;
  /** How long runs are kept, and in files of their own, in milliseconds; Infinity: for ever. */
  keep: { retainMs: number; retainFailedMs: number; archiveAfterMs: number };
  confine: Environment['BELLHOP_CONFINE'];
  mode: 'production' | 'development';
  timeZone: string;
  /** As typed: `#ops`, `ops@example.com`. */
  alertsTo: string[];
  /** Font files for the pictures of charts beside those that are shipped; absolute. */
  fontFiles: string[];
  /** Good addresses of BASE_URLS, and what is wrong with the others. */
  targets: { urls: string[]; problems: string[] };
  /** Dead-man's switches by the name of their variable without HC_. */
  pings: Record<string, string>;
  internalHealthToken?: string;
  apiToken?: string;
  api: {
    state: 'on' | 'off';
    /** Requests a minute of a token, and of an address. */
    ratePerMinute: number;
    /** Whose word counts for the address of a client. */
    proxy: 'trusted' | 'ignored';
  };
  slack?: { botToken: string; signingSecret: string; apiUrl: string };
  webhooks?: { secret: string; hosts: string[] };
  mail?: MailConfig;
  /** All that is set, of others too: the gates of jobs are looked up in it. Holds secrets. */
  variables: Readonly<Record<string, string | undefined>>;
  /** Values that never appear in logs, records or reports. */
  secrets: string[];
  /** What is off, and what would turn it on: printed at start. */
  off: string[];
}

/** The environment of this process: the only place that touches it. */
export function environment(): Record<string, string | undefined> {
  return process.env;
}

/**
 * Reads and checks the environment (over `.env` in `cwd`).
 * @throws ConfigError naming every problem at once.
 */
export function loadConfig(env: Record<string, string | undefined>, cwd: string): Config {
  const merged: Record<string, string | undefined> = { ...readDotEnv(cwd), ...withoutEmpty(env) };
  const known = Object.keys(VARIABLES);
  const problems = unknownNames(merged, known);
  const { pings, problems: badPings } = readPings(merged);
  problems.push(...badPings);
  const picked = Object.fromEntries(known.map((name) => [name, merged[name]]));
  const parsed = Environment.safeParse(withoutEmpty(picked));
  if (!parsed.success) {
    problems.push(...parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`));
  } else {
    problems.push(...halfConfigured(parsed.data), ...tooLate(parsed.data));
  }
  if (problems.length > 0 || !parsed.success) {
    throw new ConfigError(
      `The configuration has ${count(problems.length)}:\n${problems.map((p) => `  - ${p}`).join('\n')}`,
      {
        code: 'CONFIG_INVALID',
        hint: 'Correct the environment or .env; docs/configuration.md lists every variable.',
      },
    );
  }
  return toConfig(parsed.data, { cwd, variables: merged, pings });
}

interface Around {
  cwd: string;
  variables: Config['variables'];
  pings: Record<string, string>;
}

function toConfig(env: Environment, { cwd, variables, pings }: Around): Config {
  const off: string[] = [];
  const at = (path: string): string => (isAbsolute(path) ? path : resolve(cwd, path));
  const slack =
    env.SLACK_BOT_TOKEN !== undefined && env.SLACK_SIGNING_SECRET !== undefined
      ? { botToken: env.SLACK_BOT_TOKEN, signingSecret: env.SLACK_SIGNING_SECRET, apiUrl: withSlash(env.SLACK_API_URL) }
      : undefined;
  const mail = mailOf(env, at);
  const webhooks = webhooksOf(env);
  if (slack === undefined) off.push('Slack is off: set SLACK_BOT_TOKEN and SLACK_SIGNING_SECRET');
  if (mail === undefined) off.push('Mail is off: set SMTP_URL and BELLHOP_MAIL_FROM');
  if (webhooks.webhooks === undefined) {
    off.push('Webhooks are off: set BELLHOP_WEBHOOK_SECRET and BELLHOP_WEBHOOK_HOSTS');
  }
  off.push(...agentsOff(env));
  if (env.BELLHOP_API_ENABLED === 'false') off.push('The HTTP API is off: BELLHOP_API_ENABLED is false');
  return {
    port: env.PORT,
    host: env.HOST,
    dataDir: at(env.BELLHOP_DATA_DIR),
    networkDisk: env.BELLHOP_ALLOW_NETWORK_DISK === 'true' ? 'allowed' : 'refused',
    jobsDir: at(env.BELLHOP_JOBS_DIR),
    plugins: {
      dir: at(env.BELLHOP_PLUGINS_DIR),
      missing: variables['BELLHOP_PLUGINS_DIR'] === undefined ? 'silent' : 'named',
    },
    concurrency: env.BELLHOP_CONCURRENCY,
    logLevel: env.LOG_LEVEL,
    runWaitMs: env.BELLHOP_RUN_WAIT_MS,
    shutdownMs: env.BELLHOP_SHUTDOWN_MS,
    probeDelayMs: env.BELLHOP_PROBE_DELAY_MS,
    preflightMs: env.BELLHOP_PREFLIGHT_HOURS * 3_600_000,
    keep: {
      retainMs: msOf(env.BELLHOP_RETAIN_DAYS),
      retainFailedMs: msOf(env.BELLHOP_RETAIN_FAILED_DAYS),
      archiveAfterMs: msOf(env.BELLHOP_ARCHIVE_AFTER_DAYS),
    },
    confine: env.BELLHOP_CONFINE,
    mode: env.BELLHOP_ENV ?? (variables['NODE_ENV'] === 'production' ? 'production' : 'development'),
    timeZone: env.BELLHOP_TIME_ZONE,
    alertsTo: listOf(env.BELLHOP_ALERTS_TO),
    fontFiles: listOf(env.BELLHOP_FONT_FILES).map(at),
    targets: readBaseUrls(env.BASE_URLS),
    pings,
    variables,
    ...(env.INTERNAL_HEALTH_TOKEN === undefined ? {} : { internalHealthToken: env.INTERNAL_HEALTH_TOKEN }),
    api: {
      state: env.BELLHOP_API_ENABLED === 'true' ? 'on' : 'off',
      ratePerMinute: env.BELLHOP_API_RATE,
      proxy: env.BELLHOP_TRUST_PROXY === 'true' ? 'trusted' : 'ignored',
    },
    ...(env.BELLHOP_API_TOKEN === undefined ? {} : { apiToken: env.BELLHOP_API_TOKEN }),
    ...(slack === undefined ? {} : { slack }),
    ...(mail === undefined ? {} : { mail }),
    ...webhooks,
    ...readAgentConfig(env, at),
    secrets: [...secretsOf(env), ...Object.values(pings), ...pluginValues(variables)],
    off,
  };
}

function webhooksOf(env: Environment): Pick<Config, 'webhooks'> {
  const { BELLHOP_WEBHOOK_SECRET: secret, BELLHOP_WEBHOOK_HOSTS: hosts } = env;
  return secret === undefined || hosts === undefined ? {} : { webhooks: { secret, hosts: listOf(hosts) } };
}

function listOf(text: string | undefined): string[] {
  return (text ?? '')
    .split(',')
    .map((one) => one.trim())
    .filter((one) => one !== '');
}

function mailOf(env: Environment, at: (path: string) => string): MailConfig | undefined {
  const { SMTP_URL: smtpUrl, BELLHOP_MAIL_FROM: from, BELLHOP_UNSUBSCRIBE_MAIL: unsubscribeMail } = env;
  if (smtpUrl === undefined || from === undefined) return undefined;
  const { BELLHOP_DKIM_DOMAIN: domain, BELLHOP_DKIM_SELECTOR: selector, BELLHOP_DKIM_KEY_FILE: keyFile } = env;
  const dkim =
    domain === undefined || selector === undefined || keyFile === undefined
      ? {}
      : { dkim: { domain, selector, keyFile: at(keyFile) } };
  const publicUrl = env.BELLHOP_PUBLIC_URL?.replace(/\/+$/, '');
  return {
    smtpUrl,
    from,
    perSecond: env.BELLHOP_MAIL_PER_SECOND,
    ...(publicUrl === undefined ? {} : { publicUrl }),
    ...(unsubscribeMail === undefined ? {} : { unsubscribeMail }),
    ...dkim,
  };
}

const DAY_MS = 86_400_000;

/** What is not set never comes. */
function msOf(wanted: number | undefined): number {
  return wanted === undefined ? Number.POSITIVE_INFINITY : wanted * DAY_MS;
}

/** What plugins are configured with: nobody can tell which of it is secret. */
function pluginValues(variables: Config['variables']): string[] {
  return Object.entries(variables).flatMap(([name, value]) => (PLUGIN.test(name) ? (value ?? []) : []));
}

function secretsOf(env: Environment): string[] {
  const secrets = SECRETS.flatMap((name) => env[name] ?? []);
  if (env.SMTP_URL !== undefined) {
    const { password } = new URL(env.SMTP_URL);
    if (password !== '') secrets.push(decoded(password), password);
  }
  return secrets;
}

/** A `%` that begins no escape is itself, as the mail room reads it. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function readDotEnv(cwd: string): Record<string, string | undefined> {
  try {
    return withoutEmpty(parseEnv(readFileSync(resolve(cwd, '.env'), 'utf8')));
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return {};
    throw new ConfigError('.env could not be read', {
      code: 'CONFIG_INVALID',
      hint: 'Check that .env is a file this user may read.',
      cause: error,
    });
  }
}

function withoutEmpty(env: Record<string, string | undefined>): Record<string, string | undefined> {
  return Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value.trim() !== ''));
}

function withSlash(url: string): string {
  return url.endsWith('/') ? url : `${url}/`;
}

function count(problems: number): string {
  return problems === 1 ? 'one problem' : `${problems} problems`;
}
