/** A few sessions with one mail server, kept open between messages. What a message may have met is never hidden by it. */
import type { Clock, Timer } from '../../clock.ts';
import type { MailServer } from './address.ts';
import { answerOf, toMailError } from './smtp-errors.ts';
import { createSmtpSession } from './smtp.ts';
import type { OutgoingMail, SmtpOptions, SmtpSession } from './smtp.ts';

export interface SmtpPool {
  /** Hands the message to the server and answers its reply; throws DeliveryError that says whether it may have been sent. */
  send(mail: OutgoingMail, signal: AbortSignal): Promise<string>;
  /** Ends what is idle, and what is under way when it is over; idempotent. */
  stop(): void;
}

export interface PoolOptions extends SmtpOptions {
  /** Of one mail from the connection to the answer: a server that drips bytes is never idle. Default 5 min. */
  deadlineMs?: number;
}

interface Kept {
  session: SmtpSession;
  /** Messages that went over it. */
  messages: number;
}

const MAX_SESSIONS = 4;
const MAX_MESSAGES = 100;
const IDLE_MS = 30_000;
const DEADLINE_MS = 300_000;
/** The server closes the session (RFC 5321, 3.8); it says nothing about the message. */
const CLOSING = 421;

/** Makes an empty pool. */
export function createSmtpPool(
  { server, clock }: { server: MailServer; clock: Pick<Clock, 'after'> },
  options: PoolOptions = {},
): SmtpPool {
  const host = `${server.host}:${server.port}`;
  const idle: (Kept & { timer: Timer })[] = [];
  const waiting = new Set<() => void>();
  let busy = 0;
  let stopped = false;

  /** Resolves when one more session may be used; they are handed on in the order they were asked for. */
  function place(signal: AbortSignal): Promise<void> {
    if (busy < MAX_SESSIONS) {
      busy++;
      return Promise.resolve();
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const turn = (): void => {
      signal.removeEventListener('abort', leave);
      resolve();
    };
    function leave(): void {
      waiting.delete(turn);
      reject(toMailError(new Error('Stopped before a connection was free'), { phase: 'connect', host }));
    }
    waiting.add(turn);
    signal.addEventListener('abort', leave, { once: true });
    if (signal.aborted) leave();
    return promise;
  }
  function free(): void {
    const [next] = waiting;
    if (next === undefined) return void busy--;
    waiting.delete(next);
    next();
  }

  function keep(kept: Kept): void {
    if (stopped || kept.messages >= MAX_MESSAGES || !kept.session.isOpen()) return kept.session.close();
    const timer = clock.after(IDLE_MS, () => {
      const at = idle.indexOf(entry);
      if (at >= 0) idle.splice(at, 1);
      kept.session.close();
    });
    const entry = { ...kept, timer };
    idle.push(entry);
  }

  async function fresh(signal: AbortSignal): Promise<Kept> {
    const session = await createSmtpSession(server, options);
    try {
      await session.open(signal);
      return { session, messages: 0 };
    } catch (error) {
      session.close();
      throw toMailError(error, { phase: session.phase(), host });
    }
  }

  /** The session that was used last, when the server still answers there. */
  async function reused(signal: AbortSignal): Promise<Kept | undefined> {
    const kept = idle.pop();
    if (kept === undefined) return undefined;
    kept.timer.cancel();
    try {
      await kept.session.reset(signal);
      return kept;
    } catch {
      // It died while nothing was under way: nothing was sent, whatever the reason, and a fresh one will say what is wrong.
      kept.session.close();
      return undefined;
    }
  }

  async function over({ session, messages }: Kept, mail: OutgoingMail, signal: AbortSignal): Promise<string> {
    try {
      const response = await session.send(mail, signal);
      keep({ session, messages: messages + 1 });
      return response;
    } catch (error) {
      session.close();
      throw error;
    }
  }

  async function sendOnce(mail: OutgoingMail, signal: AbortSignal): Promise<string> {
    const old = await reused(signal);
    if (old !== undefined) {
      try {
        return await over(old, mail, signal);
      } catch (error) {
        if (!endedBefore(error, old.session) || signal.aborted)
          throw toMailError(error, { phase: old.session.phase(), host });
      }
    }
    const kept = await fresh(signal);
    return over(kept, mail, signal).catch((error: unknown) => {
      throw toMailError(error, { phase: kept.session.phase(), host });
    });
  }

  return {
    async send(mail, signal) {
      await place(signal);
      const late = new AbortController();
      const timer = clock.after(options.deadlineMs ?? DEADLINE_MS, () => late.abort());
      try {
        return await sendOnce(mail, AbortSignal.any([signal, late.signal]));
      } finally {
        timer.cancel();
        free();
      }
    },
    stop() {
      stopped = true;
      for (const { session, timer } of idle.splice(0)) {
        timer.cancel();
        session.close();
      }
    },
  };
}

/** Whether an old session ended before the message was on its way; only then may another one take it at once. */
function endedBefore(error: unknown, session: SmtpSession): boolean {
  const answer = answerOf(error);
  return session.phase() === 'send' && (answer === undefined || answer === CLOSING);
}
