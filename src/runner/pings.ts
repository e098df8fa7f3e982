/**
 * Tells a dead-man's switch (the Healthchecks protocol: `URL/start`, `URL`, `URL/fail`, with `rid` naming the run) that a run of a schedule
 * began, went well or failed. Well means that the report arrived. Pings are best effort: they never hold up a run, and one that cannot be
 * sent in three tries is dropped, for then the switch itself raises the alarm. Those to one address go one after the other: a start that
 * came after its end would say that the run never ended.
 */
import { createHash } from 'node:crypto';
import type { Clock } from '../clock.ts';
import { codeOf } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Scrub } from '../scrub.ts';
import type { Run, StoreEvent } from '../store/records.ts';
import type { Store } from '../store/store.ts';
import type { Follower } from './followers.ts';
import { scheduleOf, verdictOn } from './verdict.ts';

const TIMEOUT_MS = 5000;
const TRIES = 3;
const WAIT_MS = 1000;
const AT_ONCE = 4;
const MAX_WAITING = 200;
const MAX_REMEMBERED = 2000;
/** The most of an error that leaves this machine. */
const SAMPLE = 512;
const STOP_MS = 1000;

type Ping = 'start' | 'ok' | 'fail';

interface Message {
  name: string;
  url: string;
  run: Run;
  kind: Ping;
  sample: string;
}

export interface PingDeps {
  store: Store;
  clock: Clock;
  log: Log;
  scrub: Scrub;
  /** Addresses by the name of the variable without HC_: `WEEKLY_REPORT`. */
  urls: Readonly<Record<string, string>>;
  fetch?: typeof globalThis.fetch;
}

export interface Pings extends Follower {
  /** Resolves when nothing is to be sent any more. */
  idle(): Promise<void>;
  /** Sends nothing more, after a moment. */
  stop(): Promise<void>;
}

/** Makes the follower. */
export function createPings(deps: PingDeps): Pings {
  const { store, clock, log, scrub, urls, fetch = globalThis.fetch } = deps;
  const sent = new Set<string>();
  const waiting: Message[] = [];
  /** By address. */
  const underWay = new Map<string, Promise<void>>();
  const stopping = new AbortController();

  function queue(ping: Message): void {
    const once = `${ping.run.id} ${ping.kind}`;
    if (sent.has(once) || stopping.signal.aborted) return;
    if (sent.size >= MAX_REMEMBERED) sent.clear();
    sent.add(once);
    if (waiting.length >= MAX_WAITING) {
      log.warn('a ping was dropped: too many wait', { schedule: ping.name, kind: ping.kind });
      return;
    }
    waiting.push(ping);
    pump();
  }
  function pump(): void {
    while (underWay.size < AT_ONCE) {
      const at = waiting.findIndex(({ url }) => !underWay.has(url));
      const [next] = at === -1 ? [] : waiting.splice(at, 1);
      if (next === undefined) return;
      const work = send(next).finally(() => {
        underWay.delete(next.url);
        pump();
      });
      underWay.set(next.url, work);
    }
  }
  async function send({ name, url, run, kind, sample }: Message): Promise<void> {
    for (let tries = 1; tries <= TRIES && !stopping.signal.aborted; tries++) {
      if (await post(addressOf(url, kind, run), { name, kind, sample })) return;
      if (tries < TRIES) await clock.sleep(WAIT_MS * tries, stopping.signal);
    }
    log.warn('a ping was not taken', { schedule: name, kind });
  }
  /** Whether it was taken. The address is a secret, and an error may quote it: whoever has it can silence the alarm. */
  async function post(
    address: URL,
    { name, kind, sample }: { name: string; kind: Ping; sample: string },
  ): Promise<boolean> {
    const timeout = new AbortController();
    const timer = clock.after(TIMEOUT_MS, () => timeout.abort());
    const signal = AbortSignal.any([timeout.signal, stopping.signal]);
    try {
      const answer = await fetch(address, { method: 'POST', body: sample, redirect: 'manual', signal });
      await answer.body?.cancel();
      return answer.ok;
    } catch (error) {
      const cause = error instanceof Error ? error.cause : undefined;
      const why = timeout.signal.aborted ? 'timeout' : (codeOf(cause) ?? codeOf(error) ?? 'unknown');
      log.debug('a ping failed', { schedule: name, kind, why });
      return false;
    } finally {
      timer.cancel();
    }
  }

  return {
    name: 'pings',
    wants: ({ type, state }: StoreEvent) =>
      (type === 'run' || type === 'delivery') && state !== undefined && TELLING.has(state),
    async noticed(event: StoreEvent) {
      if (event.runId === undefined) return;
      const run = await store.get(event.runId);
      const name = run === undefined ? undefined : scheduleOf(run);
      const url = name === undefined ? undefined : urls[pingName(name)];
      if (run === undefined || name === undefined || url === undefined) return;
      if (event.type === 'run' && event.state === 'running')
        return queue({ name, url, run, kind: 'start', sample: '' });
      const verdict = await verdictOn(store, run);
      if (verdict.how === 'good') queue({ name, url, run, kind: 'ok', sample: '' });
      if (verdict.how !== 'bad') return;
      const sample = scrub(`${verdict.code}: ${verdict.message}`).slice(0, SAMPLE);
      queue({ name, url, run, kind: 'fail', sample });
    },
    async idle() {
      while (underWay.size > 0) await Promise.all(underWay.values());
    },
    async stop() {
      // The last end of a run is worth a moment; what cannot be sent in it is an alarm of the switch.
      const timeout = new AbortController();
      const idle = Promise.all(underWay.values());
      await Promise.race([idle, clock.sleep(STOP_MS, timeout.signal)]);
      timeout.abort();
      waiting.length = 0;
      stopping.abort();
    },
  };
}

const TELLING = new Set(['running', 'completed', 'failed', 'delivered', 'unknown']);

/** `weekly-report.monday` is `WEEKLY_REPORT_MONDAY`. */
export function pingName(schedule: string): string {
  return schedule.toUpperCase().replaceAll(/[^A-Z0-9]/g, '_');
}

function addressOf(url: string, kind: Ping, run: Run): URL {
  const address = new URL(url);
  if (kind !== 'ok') address.pathname = `${address.pathname.replace(/\/+$/, '')}/${kind}`;
  address.searchParams.set('rid', uuidOf(run.id));
  return address;
}

/** The protocol wants a UUID; the same run has the same one. */
function uuidOf(runId: string): string {
  const hex = createHash('sha256').update(runId).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
