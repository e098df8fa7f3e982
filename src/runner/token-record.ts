/** What is kept of a token, and what follows from it at an instant. The record is a document of the kind `token` under the token's id. */
import { z } from 'zod';
import { iso } from '../clock.ts';
import { Actor, Instant, JobName } from '../store/records.ts';

/** Each includes the ones before it. */
export const SCOPES = ['read', 'run', 'manage', 'admin'] as const;
export type Scope = (typeof SCOPES)[number];

export const TokenSecret = z.object({
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  createdAt: Instant,
  /** A newer one took its place: from this instant on it opens nothing. */
  notAfter: Instant.exactOptional(),
});
export type TokenSecret = z.infer<typeof TokenSecret>;

/** The newest secret stands last. A revoked token keeps none. */
export const TokenRecord = z.object({
  name: z.string().min(1).max(60),
  scope: z.enum(SCOPES),
  /** Absent: every job. */
  jobs: z.array(JobName).min(1).max(50).exactOptional(),
  createdAt: Instant,
  createdBy: Actor,
  expiresAt: Instant.exactOptional(),
  secrets: z.array(TokenSecret).max(2),
  revokedAt: Instant.exactOptional(),
  lastUsedAt: Instant.exactOptional(),
});
export type TokenRecord = z.infer<typeof TokenRecord>;

/** A token as people see it: without any digest. */
export interface TokenView extends Omit<TokenRecord, 'secrets'> {
  id: string;
  state: 'live' | 'expired' | 'revoked';
  /** The newest first; those that open nothing any more are left out. */
  secrets: Omit<TokenSecret, 'sha256'>[];
}

/** How long a token that is over is still listed. */
export const KEPT_MS = 30 * 86_400_000;

/** Whether `scope` reaches as far as `wanted`. */
export function reaches(scope: Scope, wanted: Scope): boolean {
  return SCOPES.indexOf(scope) >= SCOPES.indexOf(wanted);
}

/** Whether the token opens anything at this instant. */
export function stateOf(record: TokenRecord, now: number): TokenView['state'] {
  if (record.revokedAt !== undefined) return 'revoked';
  return record.expiresAt !== undefined && Date.parse(record.expiresAt) <= now ? 'expired' : 'live';
}

/** The secrets that open something at this instant, if the token does. */
export function liveSecrets(record: TokenRecord, now: number): TokenSecret[] {
  return record.secrets.filter(({ notAfter }) => notAfter === undefined || Date.parse(notAfter) > now);
}

/** When the record may be forgotten; undefined while it opens something and no end is set. */
export function forgottenAt({ revokedAt, expiresAt }: TokenRecord): string | undefined {
  const end = revokedAt ?? expiresAt;
  return end === undefined ? undefined : iso(Date.parse(end) + KEPT_MS);
}

/** Draws a token for people. */
export function viewOf(id: string, record: TokenRecord, now: number): TokenView {
  const { secrets: _digests, ...rest } = record;
  const secrets = liveSecrets(record, now).map(({ sha256: _sha256, ...secret }) => secret);
  return { id, ...rest, state: stateOf(record, now), secrets: secrets.toReversed() };
}
