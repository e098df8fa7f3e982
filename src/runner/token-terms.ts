/** What people ask for when they make or rotate a token, read and bounded; each refusal names the field and the way out. */
import { iso } from '../clock.ts';
import { JobName } from '../store/records.ts';
import { parseDuration } from './duration.ts';
import { SCOPES } from './token-record.ts';
import type { Scope } from './token-record.ts';

export interface NewToken {
  /** Letters, digits, dot, dash and underscore; at most 60. Another live token must not have it. */
  name: string;
  /** Default: run. */
  scope?: string;
  /** Default: every job. */
  jobs?: readonly string[];
  /** `90d`, a date or an instant; default: never. */
  expires?: string;
}

export interface Invalid {
  outcome: 'invalid';
  field: 'name' | 'scope' | 'jobs' | 'expires' | 'overlap';
  problem: string;
  hint: string;
}

export interface Terms {
  name: string;
  scope: Scope;
  jobs?: string[];
  /** Milliseconds since the epoch. */
  expiresAt?: number;
}

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,59}$/;
const MAX_JOBS = 50;
const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;
const MAX_LIFE_MS = 10 * 366 * DAY_MS;
const MAX_OVERLAP_MS = 30 * DAY_MS;
const OVERLAP_MS = DAY_MS;

const invalid = (field: Invalid['field'], problem: string, hint: string): Invalid => ({
  outcome: 'invalid',
  field,
  problem,
  hint,
});

/** Reads what a new token shall be. */
export function readTerms(asked: NewToken, now: number): Terms | Invalid {
  const { name } = asked;
  if (!NAME.test(name)) {
    const hint = 'Use letters, digits, dots, dashes and underscores, at most 60, and begin with a letter or a digit.';
    return invalid('name', `“${clip(name)}” cannot name a token.`, hint);
  }
  const scope = SCOPES.find((one) => one === (asked.scope ?? 'run'));
  if (scope === undefined)
    return invalid('scope', `“${clip(asked.scope ?? '')}” is no scope.`, `Scopes are ${SCOPES.join(', ')}.`);
  const jobs = readJobs(asked.jobs, scope);
  if (jobs !== undefined && 'outcome' in jobs) return jobs;
  const expiresAt = asked.expires === undefined ? undefined : readExpiry(asked.expires, now);
  if (typeof expiresAt === 'object') return expiresAt;
  return { name, scope, ...(jobs === undefined ? {} : { jobs }), ...(expiresAt === undefined ? {} : { expiresAt }) };
}

function readJobs(asked: readonly string[] | undefined, scope: Scope): string[] | Invalid | undefined {
  if (asked === undefined) return undefined;
  // It could make itself one without that bound.
  if (scope === 'admin')
    return invalid('jobs', 'A token of scope admin is for every job.', 'Leave the jobs out, or take another scope.');
  const jobs = [...new Set(asked.map((job) => job.trim()))];
  if (jobs.length === 0 || jobs.length > MAX_JOBS)
    return invalid(
      'jobs',
      `${jobs.length} jobs are named.`,
      `Name 1 to ${MAX_JOBS} jobs, or none at all for every job.`,
    );
  const bad = jobs.find((job) => !JobName.safeParse(job).success);
  if (bad === undefined) return jobs;
  return invalid('jobs', `“${clip(bad)}” cannot be the name of a job.`, 'Names are kebab-case, like weekly-report.');
}

const EXPIRY_HINT = 'Write 90d, 12h, a date like 2027-01-31 (UTC), or an instant like 2027-01-31T08:00:00Z.';

function readExpiry(text: string, now: number): number | Invalid {
  const typed = text.trim();
  const span = parseDuration(typed.toLowerCase());
  const at = span === undefined ? instantOf(typed) : now + span;
  if (!Number.isFinite(at)) return invalid('expires', `“${clip(typed)}” is no time.`, EXPIRY_HINT);
  if (at < now + MINUTE_MS)
    return invalid('expires', `${clip(typed)} is too soon.`, 'A token lives a minute at least.');
  if (at > now + MAX_LIFE_MS)
    return invalid(
      'expires',
      `${clip(typed)} is too far ahead.`,
      'Take ten years at most, or none at all: it is for ever then.',
    );
  return at;
}

function instantOf(typed: string): number {
  const [, date, rest] =
    /^(\d{4}-\d{2}-\d{2})(T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:\d{2}))?$/.exec(typed) ?? [];
  if (date === undefined) return Number.NaN;
  // Date.parse takes the 31st of February for the 3rd of March.
  const day = Date.parse(`${date}T00:00:00Z`);
  if (!Number.isFinite(day) || !iso(day).startsWith(date)) return Number.NaN;
  return rest === undefined ? day : Date.parse(typed);
}

/** How long the secret before goes on working, in milliseconds: a day unless something is said, 0 to 30 days. */
export function readOverlap(text: string | undefined): number | Invalid {
  if (text === undefined) return OVERLAP_MS;
  const typed = text.trim().toLowerCase();
  const span = typed === '0' ? 0 : parseDuration(typed);
  const hint = 'Write 0, 30m, 24h or 7d; at most 30d.';
  if (span === undefined) return invalid('overlap', `“${clip(typed)}” is no duration.`, hint);
  return span <= MAX_OVERLAP_MS ? span : invalid('overlap', `${clip(typed)} is too long.`, hint);
}

function clip(text: string): string {
  return text.slice(0, 60);
}
