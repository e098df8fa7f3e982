/** Calls over connections that are kept, so many at once, each timed. */
import { Agent, request } from 'node:http';
import { systemClock } from '../src/clock.ts';

export interface Answer {
  status: number;
  body: string;
}

export interface Caller {
  call(method: string, path: string, body?: string): Promise<Answer>;
  close(): void;
}

/** Makes a caller with a token; it holds as many connections as it has calls at once. */
export function createCaller(base: string, token: string): Caller {
  const agent = new Agent({ keepAlive: true });
  return {
    call(method, path, body) {
      const { promise, resolve, reject } = Promise.withResolvers<Answer>();
      const headers = {
        authorization: `Bearer ${token}`,
        ...(body === undefined
          ? {}
          : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }),
      };
      const asked = request(`${base}${path}`, { method, headers, agent }, (answer) => {
        let text = '';
        answer.setEncoding('utf8');
        answer.on('data', (piece: string) => (text += piece));
        answer.once('end', () => resolve({ status: answer.statusCode ?? 0, body: text }));
        answer.once('error', reject);
      });
      asked.once('error', reject);
      asked.end(body);
      return promise;
    },
    close: () => agent.destroy(),
  };
}

export interface Timed {
  /** In milliseconds. */
  latencies: number[];
  seconds: number;
  failures: string[];
}

export function nothingTimed(): Timed {
  return { latencies: [], seconds: 0, failures: [] };
}

/** Does the work `count` times, `inFlight` of them at once; it throws when what comes is not what it should be. */
export async function timed(work: () => Promise<void>, size: { count: number; inFlight: number }): Promise<Timed> {
  const sum = nothingTimed();
  const begun = systemClock.monotonic();
  let started = 0;
  await Promise.all(
    Array.from({ length: size.inFlight }, async () => {
      while (started < size.count) {
        started++;
        const at = systemClock.monotonic();
        await work().then(
          () => sum.latencies.push(systemClock.monotonic() - at),
          (error: unknown) => sum.failures.push(String(error)),
        );
      }
    }),
  );
  sum.seconds = (systemClock.monotonic() - begun) / 1_000;
  return sum;
}

export function add(sum: Timed, more: Timed): void {
  sum.latencies.push(...more.latencies);
  sum.failures.push(...more.failures);
  sum.seconds += more.seconds;
}
