import type { Json } from './state.ts';

/** The body of a Web API answer. `ratelimited` with `retry_after` becomes HTTP 429 on the wire. */
export type Reply = Json & { ok: boolean };

export function granted(body: Json = {}): Reply {
  return { ok: true, ...body };
}

export function refused(error: string, detail: Json = {}): Reply {
  return { ok: false, error, ...detail };
}

/** Cuts one page out of a list; the cursor is opaque to the caller, as Slack's are. */
export function pageOf<T>(
  items: readonly T[],
  cursor: string | undefined,
  limit: number,
): { items: T[]; next: string } | undefined {
  const from = cursor === undefined || cursor === '' ? 0 : offsetOf(cursor);
  if (from === undefined) return undefined;
  const next = from + limit < items.length ? Buffer.from(`next:${from + limit}`).toString('base64') : '';
  return { items: items.slice(from, from + limit), next };
}

function offsetOf(cursor: string): number | undefined {
  const parts = /^next:(\d{1,9})$/.exec(Buffer.from(cursor, 'base64').toString('utf8'));
  return parts === null ? undefined : Number(parts[1]);
}
