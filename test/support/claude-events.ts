/** The events of a streamed answer of the Claude API, as its SDK 1.12 reads them. */
export interface WireUsage {
  /** What no cache was read or written for; default 1,000. */
  input?: number;
  /** Default 200. */
  output?: number;
  cacheRead?: number;
  cacheWrite5m?: number;
  cacheWrite1h?: number;
}
export type WireBlock =
  | { type: 'text'; text: string }
  | { type: 'tool_use'; id: string; name: string; input: unknown }
  | { type: 'thinking'; thinking: string; signature: string }
  | { type: 'redacted_thinking'; data: string };

export interface WireAnswer {
  content?: readonly WireBlock[];
  /** Default: tool_use with calls of tools in it, else end_turn. */
  stop?: string;
  /** With stop refusal. */
  category?: string;
  /** Or by the body of the request. */
  usage?: WireUsage | ((body: unknown) => WireUsage);
  /** Instead of all that is told of usage, at the beginning and at the end; undefined: nothing is told. */
  told?: { start: unknown; end: unknown };
  /** Output tokens that `message_start` tells; default 1. */
  startOutput?: number;
  /** Over what `message_delta` tells, which is by default the usage of the whole answer. */
  endUsage?: Record<string, unknown>;
  /** Characters of a delta; default: half of the block. */
  chop?: number;
  /** A ping before each event but the first. */
  pings?: boolean;
  /** The bytes that are sent at once; default: those of an event. */
  bytes?: number;
  /** What the answer calls its model; default: as asked. */
  model?: string;
  headers?: Record<string, string>;
  /** Awaited before the headers. */
  gate?: Promise<unknown>;
  /** Awaited before each event. */
  before?: (event: number) => unknown;
  /** The connection breaks after so many events. */
  cutAfter?: number;
  /** The answer ends, in good order, after so many events. */
  endAfter?: number;
  /** Nothing more is sent after so many events. */
  hangAfter?: number;
  /** An `error` event after so many events; then the end. */
  midError?: { after: number; type?: string; message?: string; errorCode?: string };
}

/** An answer in words; anything but a text as JSON. */
export function say(value: unknown, more: Omit<WireAnswer, 'content'> = {}): WireAnswer {
  return { content: [{ type: 'text', text: typeof value === 'string' ? value : JSON.stringify(value) }], ...more };
}

let calls = 0;
/** An answer that calls tools. */
export function callTools(
  tools: readonly { name: string; input?: unknown; id?: string }[],
  more: Omit<WireAnswer, 'content'> = {},
): WireAnswer {
  const content = tools.map(({ name, input = {}, id = `toolu_${++calls}` }) => ({
    type: 'tool_use' as const,
    id,
    name,
    input,
  }));
  return { content, ...more };
}

export interface WireEvent {
  event: string;
  data: object;
}

export function textOf({ event, data }: WireEvent): string {
  return `event: ${event}\ndata: ${JSON.stringify({ type: event, ...data })}\n\n`;
}

/** All events of an answer; a `midError` is the last. */
export function eventsOf(answer: WireAnswer, about: { n: number; model: string; body?: unknown }): WireEvent[] {
  const usage = typeof answer.usage === 'function' ? answer.usage(about.body) : (answer.usage ?? {});
  const whole = [
    ...beginning(answer, usage, about),
    ...(answer.content ?? []).flatMap((content, index) => block(content, { index, chop: answer.chop })),
    ...ending(answer, usage),
  ].flatMap((event, at) => (answer.pings === true && at > 0 ? [PING, event] : [event]));
  const { midError } = answer;
  if (midError === undefined) return whole;
  const details = midError.errorCode === undefined ? {} : { details: { error_code: midError.errorCode } };
  const error = { type: midError.type ?? 'overloaded_error', message: midError.message ?? 'Overloaded', ...details };
  return [...whole.slice(0, midError.after), { event: 'error', data: { error, request_id: `req_${about.n}` } }];
}

const PING: WireEvent = { event: 'ping', data: {} };

function beginning(answer: WireAnswer, usage: WireUsage, { n, model }: { n: number; model: string }): WireEvent[] {
  const message = {
    id: `msg_${n}`,
    type: 'message',
    role: 'assistant',
    model: answer.model ?? model,
    content: [],
    stop_reason: null,
    stop_sequence: null,
    stop_details: null,
    container: null,
    diagnostics: null,
    usage:
      answer.told === undefined ? { ...wireUsage(usage), output_tokens: answer.startOutput ?? 1 } : answer.told.start,
  };
  return [{ event: 'message_start', data: { message } }, PING];
}

function wireUsage(usage: WireUsage): object {
  const [short, long] = [usage.cacheWrite5m ?? 0, usage.cacheWrite1h ?? 0];
  return {
    input_tokens: usage.input ?? 1000,
    output_tokens: usage.output ?? 200,
    cache_read_input_tokens: usage.cacheRead ?? 0,
    cache_creation_input_tokens: short + long,
    cache_creation: { ephemeral_5m_input_tokens: short, ephemeral_1h_input_tokens: long },
    server_tool_use: null,
    output_tokens_details: null,
    service_tier: 'standard',
    inference_geo: 'not_available',
    speed: 'standard',
  };
}

function block(content: WireBlock, { index, chop }: { index: number; chop: number | undefined }): WireEvent[] {
  const deltas = (pieces: object[]): WireEvent[] =>
    pieces.map((delta) => ({ event: 'content_block_delta', data: { index, delta } }));
  const framed = (start: object, inner: WireEvent[]): WireEvent[] => [
    { event: 'content_block_start', data: { index, content_block: start } },
    ...inner,
    { event: 'content_block_stop', data: { index } },
  ];
  if (content.type === 'text')
    return framed(
      { type: 'text', text: '', citations: null },
      deltas(pieces(content.text, chop).map((text) => ({ type: 'text_delta', text }))),
    );
  if (content.type === 'tool_use') {
    const parts = ['', ...pieces(JSON.stringify(content.input), chop)];
    return framed(
      { ...content, caller: { type: 'direct' }, input: {} },
      deltas(parts.map((partial_json) => ({ type: 'input_json_delta', partial_json }))),
    );
  }
  if (content.type === 'redacted_thinking') return framed(content, []);
  return framed(
    { type: 'thinking', thinking: '', signature: '' },
    deltas([
      // By default thinking is not shown: then there is nothing but its signature.
      ...pieces(content.thinking, chop).map((thinking) => ({ type: 'thinking_delta', thinking })),
      { type: 'signature_delta', signature: content.signature },
    ]),
  );
}

/** By default in two, so that every block takes more than one event. A piece may end within a character of two halves. */
function pieces(text: string, chop = Math.ceil(text.length / 2)): string[] {
  return Array.from({ length: Math.ceil(text.length / Math.max(1, chop)) }, (_, at) =>
    text.slice(at * chop, (at + 1) * chop),
  );
}

function ending(answer: WireAnswer, usage: WireUsage): WireEvent[] {
  const hasCalls = (answer.content ?? []).some(({ type }) => type === 'tool_use');
  const stop = answer.stop ?? (hasCalls ? 'tool_use' : 'end_turn');
  const details = stop === 'refusal' ? { type: 'refusal', category: answer.category ?? null, explanation: null } : null;
  const delta = { stop_reason: stop, stop_sequence: null, stop_details: details, container: null };
  return [
    {
      event: 'message_delta',
      data: {
        delta,
        usage: answer.told === undefined ? { ...endUsage(usage), ...answer.endUsage } : answer.told.end,
      },
    },
    { event: 'message_stop', data: {} },
  ];
}

/** Sums of the whole answer, and none to add to those of the beginning. */
function endUsage(usage: WireUsage): object {
  return {
    input_tokens: usage.input ?? 1000,
    output_tokens: usage.output ?? 200,
    cache_read_input_tokens: usage.cacheRead ?? 0,
    cache_creation_input_tokens: (usage.cacheWrite5m ?? 0) + (usage.cacheWrite1h ?? 0),
    output_tokens_details: null,
    server_tool_use: null,
  };
}
