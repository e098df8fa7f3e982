/**
 * Who may speak over HTTP: the token of the configuration (bootstrap), and managed tokens `bh_<id>_<secret>`, which are shown once and
 * kept as digests. Every act and its audit entry are one commit.
 */
import { randomBytes } from 'node:crypto';
import { iso } from '../clock.ts';
import type { Clock } from '../clock.ts';
import type { Actor } from '../store/records.ts';
import type { NewAudit } from '../store/store.ts';
import { suggest } from '../suggest.ts';
import { byAge, createTokenBook, oldestOver } from './token-book.ts';
import type { Held, TokenBookDeps } from './token-book.ts';
import { createLastUses } from './token-last-uses.ts';
import { liveSecrets, stateOf, viewOf } from './token-record.ts';
import type { Scope, TokenRecord, TokenView } from './token-record.ts';
import { digest, mintId, mintSecret, sameDigest, splitToken } from './token-secret.ts';
import { readOverlap, readTerms } from './token-terms.ts';
import type { Invalid, NewToken, Terms } from './token-terms.ts';

export { reaches, SCOPES } from './token-record.ts';
export type { Scope, TokenView } from './token-record.ts';
export type { NewToken } from './token-terms.ts';

export interface Principal {
  actor: Actor;
  scope: Scope;
  /** Undefined: every job. */
  jobs?: readonly string[];
}

/** Why a request was not let in is for the log only: the answer is the same for all. */
export type Admission =
  | { outcome: 'admitted'; principal: Principal }
  | { outcome: 'refused'; reason: 'missing' | 'wrong_scheme' | 'invalid_token' }
  | { outcome: 'misconfigured' };

export type TokenRefused =
  | Invalid
  | { outcome: 'taken'; name: string; id: string }
  | { outcome: 'full'; limit: number }
  | { outcome: 'not_found'; ref: string; suggestions: string[] }
  | { outcome: 'over'; view: TokenView }
  | { outcome: 'rotating'; view: TokenView; until: string };

/** `secret` is the whole token, to be shown once: it is kept nowhere. */
export interface Minted<Outcome extends string> {
  outcome: Outcome;
  view: TokenView;
  secret: string;
}

export interface Tokens {
  /** Reads what is stored; idempotent. */
  start(): Promise<void>;
  /** Writes what is still to be noted; idempotent. */
  stop(): Promise<void>;
  /**
   * Who an `Authorization` header stands for. The same work is done for a token that nobody knows, and digests are compared in constant
   * time. `misconfigured`: nobody could be let in, for there is no live token at all (fail closed).
   */
  admit(authorization: string | undefined): Admission;
  /** Whether any token opens the door. */
  anyLive(): boolean;
  /** The live ones and, for 30 days, those that are over; the oldest first. */
  list(): { tokens: TokenView[]; bootstrap: 'set' | 'unset' };
  create(asked: NewToken, by: Actor): Promise<Minted<'created'> | TokenRefused>;
  /**
   * A new secret for the token, by its id or name. The one before works on for `overlap` (a duration, default 24h). While an older one
   * still does, another rotation is refused, for it would cut somebody off unannounced; with overlap 0 all before it end at once.
   */
  rotate(
    ref: string,
    overlap: string | undefined,
    by: Actor,
  ): Promise<(Minted<'rotated'> & { until: string }) | TokenRefused>;
  revoke(ref: string, by: Actor): Promise<{ outcome: 'revoked'; view: TokenView } | TokenRefused>;
}

export interface TokensDeps extends TokenBookDeps {
  clock: Clock;
}

/** Live ones; as many again are listed after their end. */
const MAX_TOKENS = 200;
const MAX_SECRETS = 2;
const BEARER = /^Bearer +([^\s]+)$/i;

/** Makes the service; `bootstrap` is the token of the configuration. */
export function createTokens(deps: TokensDeps, { bootstrap }: { bootstrap: string | undefined }): Tokens {
  const { clock, log } = deps;
  const book = createTokenBook(deps);
  const uses = createLastUses({ book, clock, log });
  // What nobody can offer, compared with where there is nothing to compare with.
  const dummy = randomBytes(32);
  const bootstrapDigest = bootstrap === undefined ? undefined : digest(bootstrap);
  let started: Promise<void> | undefined;

  const isLive = ({ record }: Held): boolean => stateOf(record, clock.now()) === 'live';
  const anyLive = (): boolean => bootstrap !== undefined || book.all().some(isLive);
  function view({ id, record }: Held): TokenView {
    const lastUsedAt = uses.of(id);
    return viewOf(id, lastUsedAt === undefined ? record : { ...record, lastUsedAt }, clock.now());
  }

  /** The managed token that this text is; the same work whether it is one or not. */
  function managed(given: string): Held | undefined {
    const parts = splitToken(given);
    const held = parts === undefined ? undefined : book.get(parts.id);
    const secrets = held !== undefined && isLive(held) ? liveSecrets(held.record, clock.now()) : [];
    const offered = digest(parts?.secret ?? given);
    let matches = 0;
    for (let at = 0; at < MAX_SECRETS; at++) {
      const secret = secrets[at];
      const kept = secret === undefined ? dummy : Buffer.from(secret.sha256, 'hex');
      if (sameDigest(offered, kept)) matches++;
    }
    return matches > 0 ? held : undefined;
  }
  function principalOf(given: string): Principal | undefined {
    const held = managed(given);
    const isBootstrap = sameDigest(digest(given), bootstrapDigest ?? dummy);
    if (held === undefined)
      return isBootstrap ? { actor: { kind: 'token', id: 'bootstrap' }, scope: 'admin' } : undefined;
    uses.note(held.id);
    const { name, scope, jobs } = held.record;
    return { actor: { kind: 'token', id: held.id, name }, scope, ...(jobs === undefined ? {} : { jobs }) };
  }

  /** By its id, or the live one of that name. */
  function named(ref: string): { held: Held } | TokenRefused {
    const text = ref.trim();
    const all = book.all();
    const own = byAge(all.filter(({ record }) => sameName(record.name, text))).toReversed();
    const held = book.get(text.toLowerCase()) ?? own.find(isLive) ?? own[0];
    if (held === undefined) {
      const names = [...new Set(all.filter(isLive).map(({ record }) => record.name))];
      return { outcome: 'not_found', ref: text, suggestions: suggest(text, names) };
    }
    return isLive(held) ? { held } : { outcome: 'over', view: view(held) };
  }
  function freeId(): string {
    const isTaken = (id: string): boolean =>
      book.all().some((held) => held.id === id || sameName(held.record.name, id));
    let id = mintId();
    while (isTaken(id)) id = mintId();
    return id;
  }
  /** Undefined when one more of these terms may be made. */
  function obstacle({ name }: Terms): TokenRefused | undefined {
    const live = book.all().filter(isLive);
    if (live.length >= MAX_TOKENS) return { outcome: 'full', limit: MAX_TOKENS };
    // An id would make it a reference to another token.
    const same = live.find((held) => sameName(held.record.name, name)) ?? book.get(name.toLowerCase());
    return same === undefined ? undefined : { outcome: 'taken', name, id: same.id };
  }

  async function create(terms: Terms, by: Actor): Promise<Minted<'created'> | TokenRefused> {
    const refused = obstacle(terms);
    if (refused !== undefined) return refused;
    const now = clock.now();
    // Before the commit: what fails after it would take the secret along, and leave a token that nobody can use.
    const over = oldestOver(book.all(), { now, limit: MAX_TOKENS });
    if (over !== undefined) await book.drop(over.id);
    const id = freeId();
    const { text, sha256 } = mintSecret(id);
    const { expiresAt, ...rest } = terms;
    const record: TokenRecord = {
      ...rest,
      createdAt: iso(now),
      createdBy: by,
      ...(expiresAt === undefined ? {} : { expiresAt: iso(expiresAt) }),
      secrets: [{ sha256, createdAt: iso(now) }],
    };
    const held = await book.write({ id, record }, noted('token', { id, by, note: described(record) }));
    return { outcome: 'created', view: view(held), secret: text };
  }

  async function rotate(ref: string, overlapMs: number, by: Actor): ReturnType<Tokens['rotate']> {
    const found = named(ref);
    if (!('held' in found)) return found;
    const { id, record } = found.held;
    const now = clock.now();
    const live = liveSecrets(record, now);
    const ending = live.find(({ notAfter }) => notAfter !== undefined)?.notAfter;
    if (ending !== undefined && overlapMs > 0) return { outcome: 'rotating', view: view(found.held), until: ending };
    const until = iso(now + overlapMs);
    const before = overlapMs === 0 ? [] : live.map((secret) => ({ ...secret, notAfter: until }));
    const { text, sha256 } = mintSecret(id);
    const next = { ...record, secrets: [...before, { sha256, createdAt: iso(now) }] };
    const note = `${record.name}: the secret before works until ${until}`;
    const held = await book.write({ id, record: next }, noted('token-rotate', { id, by, note }));
    return { outcome: 'rotated', view: view(held), secret: text, until };
  }

  async function revoke(ref: string, by: Actor): ReturnType<Tokens['revoke']> {
    const found = named(ref);
    if (!('held' in found)) return found;
    const { id, record } = found.held;
    const lastUsedAt = uses.of(id);
    const next: TokenRecord = {
      ...record,
      secrets: [],
      revokedAt: iso(clock.now()),
      ...(lastUsedAt === undefined ? {} : { lastUsedAt }),
    };
    const held = await book.write({ id, record: next }, noted('token-revoke', { id, by, note: record.name }));
    return { outcome: 'revoked', view: view(held) };
  }

  return {
    start: () => (started ??= book.load()),
    async stop() {
      await uses.flush();
      await book.inTurn(() => Promise.resolve());
    },
    admit(authorization) {
      if (!anyLive()) return { outcome: 'misconfigured' };
      if (authorization === undefined || authorization === '') return { outcome: 'refused', reason: 'missing' };
      const given = BEARER.exec(authorization)?.[1];
      if (given === undefined) return { outcome: 'refused', reason: 'wrong_scheme' };
      const principal = principalOf(given);
      return principal === undefined
        ? { outcome: 'refused', reason: 'invalid_token' }
        : { outcome: 'admitted', principal };
    },
    anyLive,
    list: () => ({
      tokens: byAge(book.all()).map((held) => view(held)),
      bootstrap: bootstrap === undefined ? 'unset' : 'set',
    }),
    async create(asked, by) {
      const terms = readTerms(asked, clock.now());
      return 'outcome' in terms ? terms : book.inTurn(() => create(terms, by));
    },
    async rotate(ref, overlap, by) {
      const ms = readOverlap(overlap);
      return typeof ms === 'object' ? ms : book.inTurn(() => rotate(ref, ms, by));
    },
    revoke: (ref, by) => book.inTurn(() => revoke(ref, by)),
  };
}

function sameName(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase();
}

function noted(act: NewAudit['act'], about: { id: string; by: Actor; note: string }): NewAudit {
  return { actor: about.by, act, token: about.id, note: about.note.slice(0, 500) };
}

function described({ name, scope, jobs, expiresAt }: TokenRecord): string {
  const reach = jobs === undefined ? 'every job' : jobs.join(', ');
  return `${name}: ${scope}, ${reach}, ${expiresAt === undefined ? 'for ever' : `until ${expiresAt}`}`;
}
