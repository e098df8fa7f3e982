import type { Wire } from './wire.ts';

export type Fetch = typeof globalThis.fetch;

/**
 * A `fetch` whose whole world is the fake workspace: for `clientOptions.fetch` of Bolt and `fetch` of WebClient, which also sends
 * Bolt's response_url posts here. Hosts are not looked at, only paths.
 */
export function createFetch(wire: Wire): Fetch {
  // A Request follows the signal that it was made with only while somebody holds it: one that waits for nothing but its own abort would be
  // collected, and hang for ever.
  const underWay = new Set<Request>();
  async function respond(request: Request): Promise<Response> {
    const { signal } = request;
    signal.throwIfAborted();
    const answered = wire(
      {
        path: new URL(request.url).pathname,
        contentType: request.headers.get('content-type') ?? '',
        authorization: request.headers.get('authorization') ?? undefined,
        body: Buffer.from(await request.arrayBuffer()),
      },
      signal,
    );
    const answer = await Promise.race([answered, aborted(signal)]);
    if (!('cut' in answer)) return new Response(answer.body, { status: answer.status, headers: answer.headers });
    if (answer.cut === 'hang') return aborted(signal);
    throw failure(answer.cut);
  }
  return async (input, init) => {
    const request = new Request(input, init);
    underWay.add(request);
    try {
      return await respond(request);
    } finally {
      underWay.delete(request);
    }
  };
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    if (signal.aborted) reject(reasonOf(signal));
    else signal.addEventListener('abort', () => reject(reasonOf(signal)), { once: true });
  });
}

function reasonOf(signal: AbortSignal): Error {
  return signal.reason instanceof Error ? signal.reason : new DOMException('This operation was aborted', 'AbortError');
}

// What undici throws: callers tell "surely not sent" from "may have arrived" by the code of the cause.
function failure(cut: 'refused' | 'dropped'): TypeError {
  const cause =
    cut === 'refused'
      ? Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:443'), { code: 'ECONNREFUSED' })
      : Object.assign(new Error('other side closed'), { code: 'UND_ERR_SOCKET' });
  return new TypeError('fetch failed', { cause });
}
