import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock } from '../clock.ts';
import type { Log } from '../log.ts';
import { createReplayMemory, verifyRequest } from './guard.ts';

/**
 * The door at `POST /slack/events`: reads the body within bounds, lets only genuine and fresh requests through, and hands their raw
 * bytes to Bolt's receiver, which then need not verify again. Nothing about the reason of a refusal is answered.
 */
export const MAX_BODY_BYTES = 256 * 1024;
const BODY_TIMEOUT_MS = 5_000;
const LOG_EVERY_MS = 10_000;

export interface DoorDeps {
  signingSecret: string;
  clock: Clock;
  log: Log;
  /** Bolt's request listener; reads `req.rawBody` when it is set. */
  listener: (req: IncomingMessage, res: ServerResponse) => void;
}

export interface Door {
  handle(req: IncomingMessage, res: ServerResponse): Promise<void>;
  /** Requests refused so far, by reason. */
  refused(): Record<string, number>;
}

/** A request that passed the door carries its raw body and the fingerprint of its signature. */
export interface AdmittedRequest extends IncomingMessage {
  rawBody?: Buffer;
  fingerprint?: string;
}

export function createDoor(deps: DoorDeps): Door {
  const { clock, log } = deps;
  const replays = createReplayMemory();
  const counts: Record<string, number> = {};
  const unlogged: Record<string, number> = {};
  let lastLogged = -LOG_EVERY_MS;

  function refuse(res: ServerResponse, status: number, reason: string): void {
    counts[reason] = (counts[reason] ?? 0) + 1;
    unlogged[reason] = (unlogged[reason] ?? 0) + 1;
    if (clock.monotonic() - lastLogged >= LOG_EVERY_MS) {
      lastLogged = clock.monotonic();
      log.warn('slack requests refused', { reasons: { ...unlogged } });
      for (const key of Object.keys(unlogged)) delete unlogged[key];
    }
    if (!res.headersSent) res.writeHead(status, { connection: 'close', 'content-length': '0' });
    res.end();
  }

  async function handle(req: AdmittedRequest, res: ServerResponse): Promise<void> {
    const read = await readBody(req, clock);
    if (read.outcome !== 'read') {
      return refuse(res, read.outcome === 'too_large' ? 413 : 408, read.outcome);
    }
    const verdict = verifyRequest(
      {
        signature: req.headers['x-slack-signature'],
        timestamp: req.headers['x-slack-request-timestamp'],
        body: read.body,
      },
      deps.signingSecret,
      clock.now(),
    );
    if (!verdict.genuine) return refuse(res, 401, verdict.reason);
    const problem = shapeProblem(req, read.body);
    if (problem !== undefined) return refuse(res, 400, problem);
    if (!replays.firstTime(verdict.fingerprint, clock.now())) return refuse(res, 401, 'replayed');
    // Proxies may add a charset, which the library's parser does not know.
    if (isForm(req)) req.headers['content-type'] = 'application/x-www-form-urlencoded';
    req.rawBody = read.body;
    req.fingerprint = verdict.fingerprint;
    deps.listener(req, res);
  }

  return { handle, refused: () => ({ ...counts }) };
}

type BodyRead = { outcome: 'read'; body: Buffer } | { outcome: 'too_large' | 'too_slow' | 'aborted' };

function readBody(req: IncomingMessage, clock: Clock): Promise<BodyRead> {
  return new Promise((resolve) => {
    if (Number(req.headers['content-length'] ?? 0) > MAX_BODY_BYTES) return resolve({ outcome: 'too_large' });
    const chunks: Buffer[] = [];
    let bytes = 0;
    const end = (read: BodyRead): void => {
      timer.cancel();
      req.off('data', onData);
      resolve(read);
    };
    const timer = clock.after(BODY_TIMEOUT_MS, () => end({ outcome: 'too_slow' }));
    const onData = (chunk: Buffer): void => {
      bytes += chunk.length;
      if (bytes > MAX_BODY_BYTES) return end({ outcome: 'too_large' });
      chunks.push(chunk);
    };
    req.on('data', onData);
    req.once('end', () => end({ outcome: 'read', body: Buffer.concat(chunks) }));
    req.once('error', () => end({ outcome: 'aborted' }));
    req.once('close', () => end({ outcome: 'aborted' }));
  });
}

function isForm(req: IncomingMessage): boolean {
  return /^application\/x-www-form-urlencoded\s*(?:;|$)/i.test(req.headers['content-type'] ?? '');
}

/** Signed or not, a body of the wrong shape must not reach the library, which answers some of them with 500. */
function shapeProblem(req: IncomingMessage, body: Buffer): string | undefined {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(body);
  } catch {
    return 'not_utf8';
  }
  if (isForm(req)) {
    const form = new URLSearchParams(text);
    const payload = form.get('payload');
    if (payload !== null) return isObject(parseJson(payload)) ? undefined : 'bad_payload';
    return form.has('command') || form.has('ssl_check') ? undefined : 'bad_form';
  }
  const json = parseJson(text);
  if (!isObject(json)) return 'bad_json';
  if (json['type'] === 'event_callback' && !isObject(json['event'])) return 'bad_event';
  return typeof json['type'] === 'string' ? undefined : 'bad_json';
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
