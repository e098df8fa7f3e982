/** The small texts about a run and its deliveries that the card, the terminal and the bot share. */
import { shortId } from '../ids.ts';
import { isFinal } from '../store/records.ts';
import type { Destination, Receipt, Withheld } from '../store/destinations.ts';
import type { Actor, Delivery, Run, RunSlot, RunState, Step } from '../store/records.ts';
import { dayAndTime } from '../when.ts';
import { formatDuration, graphemeEnd, oneLine } from './format.ts';

/** How much a reader may see of a mail address: `masked` in rooms that others read. */
export type Addresses = 'plain' | 'masked';

const STATES: Record<RunState, { emoji: string; word: string }> = {
  waiting: { emoji: '⏸️', word: 'waiting for approval' },
  scheduled: { emoji: '🕒', word: 'scheduled' },
  queued: { emoji: '🕒', word: 'queued' },
  running: { emoji: '⏳', word: 'running' },
  retrying: { emoji: '🔁', word: 'will be tried again' },
  completed: { emoji: '✅', word: 'completed' },
  failed: { emoji: '❌', word: 'failed' },
  cancelled: { emoji: '🚫', word: 'cancelled' },
};

export interface RunDescription {
  emoji: string;
  /** The state in words: `completed`, `will be tried again`. */
  state: string;
  /** `repo-digest completed in 4.2 s`. */
  headline: string;
  /** From the first claim to the end; present when both are known. */
  duration?: string;
  /** Who asked: a name, or the id where there is none; `schedule weekly-report`. */
  actor: string;
  /** How it came about: `from Slack`, `as a retry of 8dk2jf`, `due Mon 23 Nov 09:00 (Europe/Berlin), 13 h 45 min late`. */
  trigger: string;
  /** `attempt 2 of 3`; present when there was more than one, or is one of several under way. */
  attempt?: string;
  /** `Report: delivered to #sales · mail to ana@example.com sending`; absent while no report is planned. */
  delivery?: string;
  shortId: string;
}

/** The run and its deliveries in words; the two are never mixed into one state. */
export function describeRun(run: Run, deliveries: readonly Delivery[], addresses: Addresses = 'plain'): RunDescription {
  const { emoji, word } = STATES[run.state];
  const duration = runDuration(run);
  const timed =
    isFinal(run.state) && duration !== undefined ? ` ${run.state === 'completed' ? 'in' : 'after'} ${duration}` : '';
  const attempt = describeAttempt(run);
  const delivery = describeDeliveries(deliveries, addresses, run.withheld);
  return {
    emoji,
    state: word,
    headline: `${run.job} ${word}${timed}`,
    ...(duration === undefined ? {} : { duration }),
    actor: describeActor(run.actor),
    trigger: describeTrigger(run),
    ...(attempt === undefined ? {} : { attempt }),
    ...(delivery === undefined ? {} : { delivery }),
    shortId: shortId(run.id),
  };
}

/** `✅ completed`: a mark for the eye beside the word that carries the meaning. */
export function stateMark(state: RunState): string {
  return `${STATES[state].emoji} ${state}`;
}

/** The time from first claim to end; undefined for a run that never started or has not ended. */
function runDuration(run: Run): string | undefined {
  if (run.startedAt === undefined || run.finishedAt === undefined) return undefined;
  return formatDuration(Date.parse(run.finishedAt) - Date.parse(run.startedAt));
}

/** The name of who asked, or the id where there is none. */
export function describeActor(actor: Actor): string {
  const name = oneLine(actor.name ?? actor.id);
  return actor.kind === 'schedule' ? `schedule ${name}` : name;
}

/** `due Mon 23 Nov 09:00 (Europe/Berlin), 13 h 45 min late`. */
function describeSlot({ slot, zone, late }: RunSlot): string {
  const due = `due ${oneLine(dayAndTime(slot, zone ?? 'UTC'))}`;
  return late === undefined ? due : `${due}, ${formatDuration(late.ms)} late`;
}

function describeTrigger(run: Run): string {
  if (run.schedule !== undefined) return describeSlot(run.schedule);
  switch (run.trigger) {
    case 'slack':
      return 'from Slack';
    case 'api':
      return 'by the API';
    case 'cli':
      return 'on the command line';
    case 'schedule':
      return 'by a schedule';
    case 'manual':
      return 'by hand';
    case 'retry':
      return run.retryOf === undefined ? 'as a retry' : `as a retry of ${shortId(run.retryOf)}`;
    default:
      return run.trigger satisfies never;
  }
}

function describeAttempt(run: Run): string | undefined {
  const { maxAttempts } = run.policy;
  if (run.attemptsUsed === 0 || maxAttempts === 1) return undefined;
  if (run.state === 'completed' && run.attemptsUsed === 1) return undefined;
  return `attempt ${run.attemptsUsed} of ${maxAttempts}`;
}

/** Where the report is and where it was not sent, one phrase a destination; undefined when there is none. */
export function describeDeliveries(
  deliveries: readonly Delivery[],
  addresses: Addresses = 'plain',
  withheld: readonly Withheld[] = [],
): string | undefined {
  const sent = deliveries.filter((delivery) => delivery.mode === 'report');
  const phrases = [
    ...sent.map((one) => describeDelivery(one, addresses)),
    ...withheld.map((one) => describeWithheld(one, addresses)),
  ];
  return phrases.length === 0 ? undefined : `Report: ${phrases.join(' · ')}`;
}

/** `delivered to #sales`, `mail to ana@example.com is being sent`, `file reports/x.html failed: …`. */
export function describeDelivery(delivery: Delivery, addresses: Addresses = 'plain'): string {
  const place = describeDestination(delivery.destination, addresses);
  switch (delivery.state) {
    case 'pending':
      return `${place}: planned`;
    case 'sending':
      return `${place}: sending`;
    case 'delivered':
      return `${place}: delivered${insteadNote(delivery)}`;
    case 'retrying':
      return `${place}: will be tried again${reason(delivery)}`;
    case 'unknown':
      return `${place}: may have arrived${reason(delivery)}`;
    case 'failed':
      return `${place}: failed${reason(delivery)}`;
    default:
      return delivery.state satisfies never;
  }
}

/** `#sales: not sent (nothing has changed since run 8dk2jf)`. */
export function describeWithheld({ destination, reason: why }: Withheld, addresses: Addresses = 'plain'): string {
  return `${describeDestination(destination, addresses)}: not sent (${oneLine(why)})`;
}

/** How the report is wanted at a place, as it may be written behind a target: `attach=csv&onlyIf=changed`; empty without options. */
export function describeOptions(destination: Destination): string {
  const attach = 'attach' in destination ? destination.attach : undefined;
  const options = [
    ...(attach === undefined ? [] : [`attach=${attach.join(',')}`]),
    ...Object.entries(destination).flatMap(([name, value]) =>
      OPTIONS.includes(name) && value !== undefined ? [`${name}=${String(value)}`] : [],
    ),
  ];
  return options.join('&');
}

const OPTIONS: readonly string[] = ['format', 'thread', 'onlyIf', 'skipIfEmpty'];

/** `#sales`, `thread in #sales`, `mail to a…@example.com`, `file out.html`. */
export function describeDestination(destination: Destination, addresses: Addresses = 'plain'): string {
  switch (destination.kind) {
    case 'slack': {
      const { channel, threadTs } = destination;
      const place = channel.startsWith('#') ? channel : `Slack ${channel}`;
      return threadTs === undefined ? place : `thread in ${place}`;
    }
    case 'email':
      return `mail to ${addresses === 'masked' ? maskAddress(destination.to) : destination.to}`;
    case 'file':
      return `file ${oneLine(destination.path)}`;
    case 'webhook':
      return `webhook ${new URL(destination.url).host}`;
    default:
      return destination satisfies never;
  }
}

/** `ana@example.com` as `a…@example.com`: enough for its owner to know it. */
export function maskAddress(address: string): string {
  const at = address.lastIndexOf('@');
  return at < 1 ? '…' : `${address.slice(0, graphemeEnd(address, 1))}…${address.slice(at)}`;
}

/** The proof in one line: channel and ts with its link, Message-ID and answer, or path and checksum. */
export function describeReceipt(receipt: Receipt): string {
  switch (receipt.kind) {
    case 'slack': {
      const link = receipt.permalink === undefined ? '' : ` ${receipt.permalink}`;
      const files = receipt.files === undefined ? '' : ` · files ${receipt.files.map(({ name }) => name).join(', ')}`;
      const found = receipt.found ? ' (found by looking)' : '';
      return `Slack ${receipt.channel} ts ${receipt.ts}${found}${link}${files}${describeDegraded(receipt)}`;
    }
    case 'email':
      return `mail ${receipt.messageId} · ${oneLine(receipt.response)}${describeDegraded(receipt)}`;
    case 'file':
      return `file ${receipt.path} · ${receipt.bytes} bytes · sha256 ${receipt.sha256.slice(0, 12)}…`;
    case 'webhook':
      return `webhook ${receipt.url} · HTTP ${receipt.status} · ${receipt.bytes} bytes · sha256 ${receipt.sha256.slice(0, 12)}…`;
    default:
      return receipt satisfies never;
  }
}

function describeDegraded({ degraded = [] }: { degraded?: readonly string[] }): string {
  return degraded.map((note) => ` · ⚠️ ${oneLine(note)}`).join('');
}

/** Steps as people read them: `✓ clone (1.2 s)`. */
export function describeStep(step: Step): string {
  const mark = { running: '…', completed: '✓', failed: '✗' }[step.state];
  const spent =
    step.endedAt === undefined ? '' : ` (${formatDuration(Date.parse(step.endedAt) - Date.parse(step.startedAt))})`;
  return `${mark} ${oneLine(step.title)}${spent}`;
}

function reason(delivery: Delivery): string {
  return delivery.error === undefined ? '' : ` (${oneLine(delivery.error.message)})`;
}

function insteadNote(delivery: Delivery): string {
  const moved = delivery.parts.some((part) => part.receipt?.kind === 'slack' && part.receipt.insteadOf !== undefined);
  return moved ? ' in a direct message instead, because the channel could not be posted to (/invite @Bellhop)' : '';
}
