/**
 * Every code an error of Bellhop can carry, with the one sentence that docs/errors.md repeats (a test holds the two together).
 * A code is part of the contract: it is stored with runs and deliveries and answered by the HTTP API; it is never renamed.
 */
export const ERROR_CODES = {
  CONFIG_INVALID: 'The environment or .env does not describe a server that can start; every problem is listed.',
  USAGE: 'The command line or slash command was not understood.',
  JOB_INVALID: 'A file in the jobs folder, or the manifest of a plugin, does not define a job that can be run.',
  JOB_UNKNOWN: 'No job has this name.',
  INPUT_INVALID: 'The input does not fit the schema of the job.',
  RUN_UNKNOWN: 'No run has this id.',
  RUN_AMBIGUOUS: 'More than one run ends with these characters.',
  RUN_UNFINISHED: 'The run has not finished, and the verb needs one that has.',
  SCHEDULE_UNKNOWN: 'No schedule has this name.',
  SCHEDULE_AMBIGUOUS: 'The job has more than one schedule, and the verb needs one.',
  SCHEDULE_INVALID: 'The time, zone, name, input or destination of a schedule cannot be used.',
  SCHEDULE_FIXED: 'The schedule is written in the file of its job and is changed or removed there.',
  SCHEDULES_FULL: 'There are as many schedules as Bellhop keeps, or as one job may have.',
  QUEUE_FULL: 'The store already holds as many unfinished runs as it accepts.',
  FORBIDDEN: 'The token is known, but its scope or its jobs do not reach that far.',
  TOKEN_IN_URL: 'A token stood in the address of a request, where it must not be; it was not looked at.',
  TOKEN_UNKNOWN: 'No token has this id or name.',
  TOKEN_INVALID: 'The name, scope, jobs, expiry or overlap of a token cannot be used.',
  TOKEN_TAKEN: 'A live token has this name already.',
  TOKEN_OVER: 'The token has expired or was revoked.',
  TOKEN_ROTATING: 'The token has two live secrets, and one more would end the older one before its time.',
  TOKENS_FULL: 'There are as many live tokens as Bellhop keeps.',
  RATE_LIMITED: 'More requests came from this token or address than it may send in a minute.',
  QUEUE_PAUSED: 'The queue is paused: nothing of it is begun until it is resumed.',
  JOB_FAILED: 'The function of a job threw an error.',
  JOB_PERMANENT: 'The function of a job said that trying again will not help.',
  COMMAND_NOT_FOUND: 'The executable of a command job or plugin does not exist or may not be executed.',
  COMMAND_EXIT: 'The command ended with an exit code other than 0, or by a signal.',
  PLUGIN_ERROR: 'The plugin answered status: error; its own code stands in the message.',
  PLUGIN_RESPONSE: 'What the plugin answered is not one response of its protocol.',
  PLUGIN_EXIT: 'The plugin ended with an exit code other than 0, or by a signal.',
  OUTPUT_LIMIT: 'The job wrote more output than it may and was killed.',
  LIMIT_REACHED: 'A process of the job used more than a limit of the job allows and was ended for it.',
  RESULT_INVALID: 'What the job returned is neither JSON nor a report.',
  TIMED_OUT: 'The attempt ran longer than the timeout of the job.',
  GUARD_REFUSED: 'A guard of the job refused the run before it was made.',
  CAP_REACHED: 'The job has run as often as its caps allow in this hour or day.',
  MODEL_UNAVAILABLE: 'The Claude API could not be reached, is overloaded or asked to wait; it is tried again.',
  MODEL_REJECTED:
    'The Claude API refused the request and will refuse it again: the key, the model or the request itself.',
  MODEL_SPEND_LIMIT: 'The Claude API says that the spend limit of the account is reached; it is not tried again.',
  AGENT_ANSWER:
    'What the model answered is no report: refused, cut off, without evidence, or not valid after one repair.',
  AGENT_TOOLS: 'All tools that the agent called failed, or one that its report needs.',
  AGENT_LIMIT: 'The agent reached a limit of its job (turns, tool calls, tokens, money) before it had a report.',
  BUDGET_REACHED: 'A cap on money does not allow the run.',
  PRICE_UNKNOWN: 'The model has no price in the table, and the job does not allow that.',
  SHOPIFY_REJECTED:
    'Shopify refused the request and will refuse it again: the store, the token, its scopes or the query.',
  SHOPIFY_UNAVAILABLE: 'Shopify could not be reached or asked to wait longer than the tool may; it is tried again.',
  LEASE_EXPIRED: 'The process that executed the run died or stopped answering.',
  CANCELLED: 'The run was cancelled.',
  CHILD_DIED: 'The child process of an isolated function ended without an answer.',
  CONFINEMENT_MISSING: 'BELLHOP_CONFINE is required, and this machine cannot give jobs namespaces of their own.',
  OVERLOADED: 'Changes come in faster than the disk takes them; nothing was changed, try again in a moment.',
  STORE_LOCKED: 'Another process holds the data folder.',
  STORE_FULL: 'The disk of the data folder is full.',
  STORE_FAILED: 'The data folder could not be written or read.',
  STORE_NETWORK_DISK: 'The data folder is on a network file system, where no lock and no sync can be relied on.',
  STORE_TOO_NEW: 'The data folder was written by a newer Bellhop.',
  STORE_UNFINISHED: 'The store is a copy that was not finished; copying again goes on with it.',
  STORE_CORRUPT: 'A record in the data folder cannot be read; it is set aside, never replaced.',
  TOO_LARGE: 'A record is larger than the store accepts.',
  SERVER_FAILED: 'The server could not listen or did not answer.',
  SLACK_REJECTED: 'Slack refused the call and will refuse it again.',
  SLACK_UNAVAILABLE: 'Slack could not be reached, and nothing was posted.',
  SLACK_AMBIGUOUS: 'Slack was reached but its answer was lost; the message may have been posted.',
  SLACK_RATE_LIMITED: 'Slack asked to wait before the next call.',
  MAIL_REJECTED: 'The mail server refused the message or the recipient for good.',
  WEBHOOK_AMBIGUOUS: 'The report was posted to the webhook and its answer was lost; it may have been taken.',
  WEBHOOK_REFUSED: 'The webhook refused the report, or its host is not one that reports may go to.',
  WEBHOOK_UNAVAILABLE: 'The webhook was not reached or could not take the report; it is tried again.',
  MAIL_UNAVAILABLE: 'The mail server could not be reached or refused for now, and nothing was sent.',
  MAIL_AMBIGUOUS: 'The message was handed over, but the answer of the mail server was lost; it may have been sent.',
  MAIL_SUPPRESSED:
    'The address gets no mail: its owner unsubscribed, its mailbox does not exist, or an operator said so.',
  FILE_FAILED: 'The report file could not be written.',
  TRANSPORT_OFF: 'The way to this destination is not configured.',
  RENDER_FAILED: 'The report could not be rendered for this destination.',
  GAVE_UP: 'The delivery was tried until its time was over.',
  POISON: 'The delivery was begun several times by processes that died while sending it.',
  INTERNAL: 'Bellhop itself failed; this is a bug.',
} as const;

export type ErrorCode = keyof typeof ERROR_CODES;

export interface ErrorDetail {
  code: ErrorCode;
  /** What the reader can do about it, as one sentence. */
  hint?: string;
  cause?: unknown;
}

/** The root of all errors of Bellhop: a code, a message that names the thing, and a hint that names the way out. */
export class BellhopError extends Error {
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  constructor(message: string, detail: ErrorDetail) {
    super(message, detail.cause === undefined ? undefined : { cause: detail.cause });
    this.name = new.target.name;
    this.code = detail.code;
    this.hint = detail.hint;
  }
}

/** The caller asked for something that cannot be done as asked; nothing was changed. */
export class UsageError extends BellhopError {}

/** The environment does not describe a server that can start (exit 78, EX_CONFIG of sysexits.h). */
export class ConfigError extends BellhopError {}

/** Something Bellhop depends on (disk, lock, port) is unavailable. */
export class DependencyError extends BellhopError {
  readonly retryable: boolean;
  constructor(message: string, detail: ErrorDetail & { retryable?: boolean }) {
    super(message, detail);
    this.retryable = detail.retryable ?? false;
  }
}

/** An attempt of a run failed; `permanent` says that no further attempt will help. */
export class RunError extends BellhopError {
  readonly permanent: boolean;
  readonly retryAfterMs: number | undefined;
  constructor(message: string, detail: ErrorDetail & { permanent?: boolean; retryAfterMs?: number }) {
    super(message, detail);
    this.permanent = detail.permanent ?? false;
    this.retryAfterMs = detail.retryAfterMs;
  }
}

/** Sending a part failed; `ambiguous` says that it may have arrived all the same (RELIABILITY: never resend blindly). */
export class DeliveryError extends BellhopError {
  readonly permanent: boolean;
  readonly ambiguous: boolean;
  readonly retryAfterMs: number | undefined;
  constructor(
    message: string,
    detail: ErrorDetail & { permanent?: boolean; ambiguous?: boolean; retryAfterMs?: number },
  ) {
    super(message, detail);
    this.permanent = detail.permanent ?? false;
    this.ambiguous = detail.ambiguous ?? false;
    this.retryAfterMs = detail.retryAfterMs;
  }
}

/** Thrown by a job: trying again will not help. */
export class PermanentError extends RunError {
  constructor(message: string, options: { hint?: string; cause?: unknown } = {}) {
    super(message, { code: 'JOB_PERMANENT', permanent: true, ...options });
  }
}

/** Thrown by a job: try again, but not before `afterMs` milliseconds. */
export class RetryLater extends RunError {
  constructor(message: string, options: { afterMs: number; hint?: string; cause?: unknown }) {
    const { afterMs, ...rest } = options;
    super(message, { code: 'JOB_FAILED', retryAfterMs: afterMs, ...rest });
  }
}

/** The text of anything thrown, without its stack. */
export function messageOf(error: unknown): string {
  if (error instanceof Error) return error.message;
  return typeof error === 'string' ? error : `a non-error value was thrown (${typeof error})`;
}

/** The `code` of a Node or library error, if it has one. */
export function codeOf(error: unknown): string | undefined {
  if (typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string')
    return error.code;
  return undefined;
}
