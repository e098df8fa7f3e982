/** What each failure of the Slack SDK means for a message: the table of RELIABILITY 2, on the shapes of @slack/web-api 8.2. */
import { codeOf, DeliveryError } from '../../errors.ts';

/** Slack refused, and will refuse the same call again (docs.slack.dev, chat.postMessage, errors). */
const PERMANENT = new Set([
  'channel_not_found',
  'is_archived',
  'not_in_channel',
  'no_text',
  'invalid_blocks',
  'invalid_blocks_format',
  'msg_too_long',
  'msg_blocks_too_long',
  'account_inactive',
  'token_revoked',
  'token_expired',
  'invalid_auth',
  'not_authed',
  'missing_scope',
  'restricted_action',
  'team_access_not_granted',
  'user_not_found',
  'message_not_found',
  'cant_update_message',
  'edit_window_closed',
  'thread_not_found',
  'invalid_thread_ts',
  'invalid_arguments',
  'invalid_channel',
  'file_not_found',
  'file_upload_size_restricted',
  'file_upload_size_zero',
  'file_uploads_disabled',
  'file_uploads_except_images_disabled',
  'storage_limit_reached',
  'blocked_file_type',
  'malware_detected',
  'not_allowed_token_type',
  'posting_to_channel_denied',
  'alt_txt_too_large',
]);
/** Slack's own words for these: "it's possible some aspect of the operation succeeded before the error was raised". */
const MAYBE_DONE = new Set(['internal_error', 'fatal_error', 'service_unavailable', 'request_timeout']);
const RATE_LIMITED = new Set(['ratelimited', 'rate_limited', 'message_limit_exceeded']);
/** The connection never stood, so nothing was posted. */
const NEVER_CONNECTED = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'CERT_HAS_EXPIRED',
  'ERR_TLS_CERT_ALTNAME_INVALID',
]);
const HINTS: Record<string, string> = {
  not_in_channel: 'Invite the bot with /invite @Bellhop in that channel.',
  channel_not_found: 'Check the channel, and invite the bot with /invite @Bellhop when it is private.',
  is_archived: 'Unarchive the channel or choose another one.',
  invalid_auth: 'Check SLACK_BOT_TOKEN.',
  not_authed: 'Check SLACK_BOT_TOKEN.',
  token_revoked: 'Install the app again and set the new SLACK_BOT_TOKEN.',
  account_inactive: 'Install the app again and set the new SLACK_BOT_TOKEN.',
  thread_not_found: 'The message that threadTs names is gone; name another one.',
  missing_scope: 'Install the app again with the scopes of manifest.yml.',
};
const MIN_WAIT_MS = 1_000;
const MAX_WAIT_MS = 3_600_000;
/** A 429 whose Retry-After cannot be read raises a plain Error in the SDK. */
const UNREADABLE_WAIT_MS = 30_000;

/** The error as the outbox understands it; `what` names the call and the place, like `post to #sales`. */
export function toDeliveryError(error: unknown, what: string): DeliveryError {
  if (error instanceof DeliveryError) return error;
  switch (codeOf(error) ?? '') {
    case 'slack_webapi_rate_limited_error':
      return rateLimited(what, retryAfterOf(error), error);
    case 'slack_webapi_platform_error':
      return fromPlatform(what, error);
    case 'slack_webapi_http_error':
      return fromStatus(what, error);
    case 'slack_webapi_request_error':
      return NEVER_CONNECTED.has(causeCode(error) ?? '')
        ? notSent(what, `was not reached (${causeCode(error)})`, error)
        : ambiguous(what, error);
    default:
      break;
  }
  const plain = error instanceof Error && error.constructor === Error && codeOf(error) === undefined;
  return plain ? rateLimited(what, UNREADABLE_WAIT_MS, error) : ambiguous(what, error);
}

/** The error code in Slack's answer (`not_in_channel`), or undefined when the answer was not Slack's. */
export function slackCode(error: unknown): string | undefined {
  if (error instanceof DeliveryError) return slackCode(error.cause);
  const code = field(field(error, 'data'), 'error');
  return typeof code === 'string' && /^[a-z][a-z0-9_]{0,80}$/.test(code) ? code : undefined;
}

/** Which block was refused and why, as Slack says it. */
export function slackReasons(error: unknown): string[] {
  const data = error instanceof DeliveryError ? field(error.cause, 'data') : field(error, 'data');
  const messages = field(field(data, 'response_metadata'), 'messages');
  return Array.isArray(messages) ? messages.filter((one) => typeof one === 'string').slice(0, 5) : [];
}

/** The JSON pointers in these reasons, as `/blocks/4/text`. */
export function slackPointers(error: unknown): string[] {
  return slackReasons(error).flatMap((reason) => /\[json-pointer:([^\]\s]*)\]/.exec(reason)?.[1] ?? []);
}

function fromPlatform(what: string, error: unknown): DeliveryError {
  const code = slackCode(error);
  // A 200 whose body is not JSON (a proxy's HTML page) comes back as a platform error with the body as its code.
  if (code === undefined || MAYBE_DONE.has(code)) return ambiguous(what, error);
  if (RATE_LIMITED.has(code)) return rateLimited(what, UNREADABLE_WAIT_MS, error);
  const hint = HINTS[code];
  return new DeliveryError(`Slack refused the ${what}: ${code}.`, {
    code: PERMANENT.has(code) ? 'SLACK_REJECTED' : 'SLACK_UNAVAILABLE',
    permanent: PERMANENT.has(code),
    ...(hint === undefined ? {} : { hint }),
    cause: error,
  });
}

function fromStatus(what: string, error: unknown): DeliveryError {
  const status = field(error, 'statusCode');
  if (typeof status !== 'number' || status >= 500 || status === 408) return ambiguous(what, error);
  return notSent(what, `answered with HTTP ${status}`, error);
}

function rateLimited(what: string, waitMs: number, cause: unknown): DeliveryError {
  const retryAfterMs = Math.min(MAX_WAIT_MS, Math.max(MIN_WAIT_MS, waitMs));
  const message = `Slack asked to wait ${Math.ceil(retryAfterMs / 1_000)} s before the next ${what}.`;
  return new DeliveryError(message, { code: 'SLACK_RATE_LIMITED', retryAfterMs, cause });
}

function ambiguous(what: string, cause: unknown): DeliveryError {
  const message = `The answer of Slack to the ${what} was lost; the message may have been posted.`;
  return new DeliveryError(message, { code: 'SLACK_AMBIGUOUS', ambiguous: true, cause });
}

function notSent(what: string, why: string, cause: unknown): DeliveryError {
  return new DeliveryError(`Slack ${why}; the ${what} did not happen.`, { code: 'SLACK_UNAVAILABLE', cause });
}

function retryAfterOf(error: unknown): number {
  const seconds = field(error, 'retryAfter');
  return typeof seconds === 'number' && Number.isFinite(seconds) ? seconds * 1_000 : UNREADABLE_WAIT_MS;
}

/** The system's code below a failed fetch: `TypeError: fetch failed` hides it in `cause`, or in the errors of an AggregateError. */
function causeCode(error: unknown): string | undefined {
  let level: unknown = field(error, 'original') ?? field(error, 'cause');
  for (let depth = 0; depth < 5 && level !== undefined; depth++) {
    const code = codeOf(level);
    if (code !== undefined) return code;
    const errors = field(level, 'errors');
    level = Array.isArray(errors) ? errors[0] : field(level, 'cause');
  }
  return undefined;
}

function field(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null ? Object.getOwnPropertyDescriptor(value, key)?.value : undefined;
}
