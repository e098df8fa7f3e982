/** The only file that reads the environment. One schema; every problem is reported at once; what is not configured is off. */
import { readFileSync } from 'node:fs';
import { isAbsolute, resolve } from 'node:path';
import { parseEnv } from 'node:util';
import { z } from 'zod';
import { readBaseUrls, readPings } from './addresses.ts';
import { codeOf, ConfigError } from './errors.ts';
import { LOG_LEVELS } from './log.ts';
import { suggest } from './suggest.ts';

const port = z.coerce.number().int().min(0).max(65_535);
const optional = (schema: z.ZodType<string>) => schema.optional();
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

const isZone = (text: string): boolean => {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: text }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
};

/** Every variable, its default and its meaning; docs/configuration.md is held to this by a test. */
export const VARIABLES = {
  PORT: port.default(3000).describe('TCP port of the HTTP server; 0 takes a free one.'),
  HOST: z.string().min(1).default('127.0.0.1').describe('Address the HTTP server listens on.'),
  BELLHOP_DATA_DIR: z.string().min(1).default('./data').describe('Folder of the records; one process holds it.'),
  BELLHOP_JOBS_DIR: z.string().min(1).default('./jobs').describe('Folder of the job files.'),
  BELLHOP_CONCURRENCY: z.coerce.number().int().min(1).max(64).default(8).describe('Runs executed at the same time.'),
  BELLHOP_API_TOKEN: optional(z.string().min(16, 'must have at least 16 characters')).describe(
    'Bearer token of the HTTP API.',
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
  BELLHOP_PROBE_DELAY_MS: z.coerce
    .number()
    .int()
    .min(0)
    .max(600_000)
    .default(30_000)
    .describe('How long a post whose answer was lost is looked for before it is sent again.'),
  BELLHOP_SHUTDOWN_MS: z.coerce
    .number()
    .int()
    .min(0)
    .max(600_000)
    .default(20_000)
    .describe('How long running runs may go on after SIGTERM.'),
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
  BASE_URLS: optional(z.string().max(20_000)).describe(
    'Targets of jobs that fan out (ctx.targets): a JSON array of http and https addresses; a bad one is named and left out.',
  ),
  INTERNAL_HEALTH_TOKEN: optional(z.string().min(16, 'must have at least 16 characters')).describe(
    'Secret of the break-glass path /__cron/run/NAME, sent as X-Internal-Health; without it the path answers 403.',
  ),
  LOG_LEVEL: z.enum(LOG_LEVELS).default('info').describe('Lowest level that is logged.'),
} satisfies Record<string, z.ZodType>;

const SECRETS = ['BELLHOP_API_TOKEN', 'INTERNAL_HEALTH_TOKEN', 'SLACK_BOT_TOKEN', 'SLACK_SIGNING_SECRET'] as const;

const Environment = z.object(VARIABLES);
export type Environment = z.infer<typeof Environment>;

export interface Config {
  port: number;
  host: string;
  dataDir: string;
  jobsDir: string;
  concurrency: number;
  logLevel: Environment['LOG_LEVEL'];
  shutdownMs: number;
  probeDelayMs: number;
  mode: 'production' | 'development';
  timeZone: string;
  /** As typed: `#ops`, `ops@example.com`. */
  alertsTo: string[];
  /** Good addresses of BASE_URLS, and what is wrong with the others. */
  targets: { urls: string[]; problems: string[] };
  /** Dead-man's switches by the name of their variable without HC_. */
  pings: Record<string, string>;
  internalHealthToken?: string;
  apiToken?: string;
  slack?: { botToken: string; signingSecret: string; apiUrl: string };
  mail?: { smtpUrl: string; from: string };
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
    problems.push(...halfConfigured(parsed.data));
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
  return toConfig(parsed.data, { cwd, nodeEnv: merged['NODE_ENV'], pings });
}

interface Around {
  cwd: string;
  nodeEnv: string | undefined;
  pings: Record<string, string>;
}

function toConfig(env: Environment, { cwd, nodeEnv, pings }: Around): Config {
  const off: string[] = [];
  const at = (path: string): string => (isAbsolute(path) ? path : resolve(cwd, path));
  const slack =
    env.SLACK_BOT_TOKEN !== undefined && env.SLACK_SIGNING_SECRET !== undefined
      ? { botToken: env.SLACK_BOT_TOKEN, signingSecret: env.SLACK_SIGNING_SECRET, apiUrl: withSlash(env.SLACK_API_URL) }
      : undefined;
  const mail =
    env.SMTP_URL !== undefined && env.BELLHOP_MAIL_FROM !== undefined
      ? { smtpUrl: env.SMTP_URL, from: env.BELLHOP_MAIL_FROM }
      : undefined;
  if (slack === undefined) off.push('Slack is off: set SLACK_BOT_TOKEN and SLACK_SIGNING_SECRET');
  if (mail === undefined) off.push('Mail is off: set SMTP_URL and BELLHOP_MAIL_FROM');
  if (env.BELLHOP_API_TOKEN === undefined) off.push('The HTTP API answers nobody: set BELLHOP_API_TOKEN');
  return {
    port: env.PORT,
    host: env.HOST,
    dataDir: at(env.BELLHOP_DATA_DIR),
    jobsDir: at(env.BELLHOP_JOBS_DIR),
    concurrency: env.BELLHOP_CONCURRENCY,
    logLevel: env.LOG_LEVEL,
    shutdownMs: env.BELLHOP_SHUTDOWN_MS,
    probeDelayMs: env.BELLHOP_PROBE_DELAY_MS,
    mode: env.BELLHOP_ENV ?? (nodeEnv === 'production' ? 'production' : 'development'),
    timeZone: env.BELLHOP_TIME_ZONE,
    alertsTo: (env.BELLHOP_ALERTS_TO ?? '')
      .split(',')
      .map((one) => one.trim())
      .filter((one) => one !== ''),
    targets: readBaseUrls(env.BASE_URLS),
    pings,
    ...(env.INTERNAL_HEALTH_TOKEN === undefined ? {} : { internalHealthToken: env.INTERNAL_HEALTH_TOKEN }),
    ...(env.BELLHOP_API_TOKEN === undefined ? {} : { apiToken: env.BELLHOP_API_TOKEN }),
    ...(slack === undefined ? {} : { slack }),
    ...(mail === undefined ? {} : { mail }),
    secrets: [...secretsOf(env), ...Object.values(pings)],
    off,
  };
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

/** A name of ours that is unknown is a mistake; one that others use too (SLACK_…, SMTP_…) only when it is nearly one of ours. */
function unknownNames(env: Record<string, string | undefined>, known: readonly string[]): string[] {
  return Object.keys(env)
    .filter((name) => /^(?:BELLHOP|SLACK|SMTP)_/.test(name) && !known.includes(name))
    .flatMap((name) => {
      const [nearest] = suggest(name, known, 1);
      if (nearest === undefined) return name.startsWith('BELLHOP_') ? [`${name}: no variable has this name`] : [];
      return [`${name}: no variable has this name; did you mean ${nearest}?`];
    });
}

function halfConfigured(env: Environment): string[] {
  const problems: string[] = [];
  const pair = (a: keyof Environment, b: keyof Environment): void => {
    if (env[a] !== undefined && env[b] === undefined) problems.push(`${b}: is needed because ${a} is set`);
    if (env[b] !== undefined && env[a] === undefined) problems.push(`${a}: is needed because ${b} is set`);
  };
  pair('SLACK_BOT_TOKEN', 'SLACK_SIGNING_SECRET');
  pair('SMTP_URL', 'BELLHOP_MAIL_FROM');
  return problems;
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
