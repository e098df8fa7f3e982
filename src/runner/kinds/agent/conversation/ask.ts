/** One turn: bounded, told to the purse, streamed, charged. */
import type Anthropic from '@anthropic-ai/sdk';
import type { Clock } from '../../../../clock.ts';
import type { Tokens } from '../../../../store/agent-records.ts';
import { orAbort } from '../abort.ts';
import { addedBy } from './blocks.ts';
import type { LoopRequest } from './loop.ts';
import { readUsage, wholeInput } from './meter.ts';
import type { Meter } from './meter.ts';
import { describeApiError } from './model-errors.ts';
import { Stopped, limitStop, purseStop } from './stops.ts';

/** What a request says, but for the length of its answer. */
export type RequestBody = Omit<Anthropic.MessageStreamParams, 'max_tokens' | 'output_config'> & {
  output_config: Anthropic.OutputConfig;
};

export interface Asking {
  client: Pick<Anthropic, 'messages'>;
  clock: Clock;
  meter: Meter;
  request: Pick<LoopRequest<unknown>, 'job' | 'beforeTurn' | 'note' | 'signal'>;
  requestIds: string[];
}
/** Of a request and its answer. */
interface Most {
  input: number;
  maxTokens: number;
  boundMicroUsd: number;
}
interface Turn {
  turn: number;
  /** Called when its request goes out, each time. */
  sent: () => void;
}
export interface Ask {
  /** Adds up what the next request says more than the last, in bytes of JSON. */
  added(value: unknown): void;
  /** Input tokens of the next request, at most. The first time the service counts them. */
  bound(body: RequestBody): Promise<number>;
  /** The answer, charged. Throws Stopped, or the reason of the signal; then too what came is charged. */
  turn(body: RequestBody, about: Turn): Promise<Anthropic.Message>;
}

/** Bytes that are one token at most: English has about four, tables of figures in JSON hardly more than two. */
const BYTES_A_TOKEN = 2;
const COUNT_TIMEOUT_MS = 10_000;

export function createAsk({ client, clock, meter, request, requestIds }: Asking): Ask {
  const { job, beforeTurn, note, signal } = request;
  /** After the last answer: its input and itself. */
  let known: number | undefined;
  let newBytes = 0;

  async function countInput(body: RequestBody): Promise<number> {
    const { cache_control: _, ...counted } = body;
    try {
      const options = { signal, maxRetries: 0, timeout: COUNT_TIMEOUT_MS };
      const { input_tokens: tokens } = await orAbort(client.messages.countTokens(counted, options), signal);
      if (Number.isSafeInteger(tokens) && tokens > 0) return tokens;
    } catch {
      signal.throwIfAborted();
    }
    note({ kind: 'note', text: 'the tokens of the first request could not be counted: half of its bytes is taken' });
    return tokensOf(Buffer.byteLength(JSON.stringify(counted)));
  }

  async function bound(body: RequestBody): Promise<number> {
    if (known === undefined) {
      known = await countInput(body);
      newBytes = 0;
    }
    return known + tokensOf(newBytes);
  }

  async function tell(boundMicroUsd: number): Promise<void> {
    const spentMicroUsd = meter.untold();
    const telling = (async () => await beforeTurn({ spentMicroUsd, boundMicroUsd }))();
    // Also when it is cut off by the signal: it was told, and the purse alone knows whether it had noted it.
    meter.told(spentMicroUsd);
    try {
      await orAbort(telling, signal);
    } catch (error) {
      signal.throwIfAborted();
      meter.told(-spentMicroUsd);
      throw purseStop(error);
    }
  }

  /** What nobody tells is counted at what was set aside for it: money that was spent is never forgotten. */
  function count({ usage }: Anthropic.Message, most: Most): { tokens: Tokens; microUsd: number } {
    const tokens = readUsage(usage);
    if (tokens !== undefined) return { tokens, microUsd: meter.add(tokens) };
    note({ kind: 'note', text: 'the answer tells no usage: it is counted at its upper bound' });
    const atMost = { input: most.input, output: most.maxTokens, cacheRead: 0, cacheWrite5m: 0, cacheWrite1h: 0 };
    return { tokens: atMost, microUsd: meter.add(atMost, most.boundMicroUsd) };
  }

  function keepId(id: string | null | undefined): void {
    if (typeof id === 'string') requestIds.push(id.slice(0, 100));
  }

  /** One request. Stopped: its answer broke off, and one more try is worth it; what came of it is charged. */
  async function send(body: RequestBody, most: Most): Promise<Anthropic.Message | Stopped> {
    const begun = clock.monotonic();
    const stream = client.messages.stream({ ...body, max_tokens: most.maxTokens }, { signal });
    let part: Anthropic.Message | undefined;
    let cameBytes = 0;
    stream.on('streamEvent', (event, snapshot) => {
      part = snapshot;
      cameBytes += Buffer.byteLength(addedBy(event));
    });
    const ended = (message: Anthropic.Message): Anthropic.Message => {
      keepId(stream.request_id);
      const { tokens, microUsd } = count(message, most);
      known = wholeInput(tokens) + tokens.output;
      newBytes = 0;
      const ms = clock.monotonic() - begun;
      const { content, stop_reason: stop, usage } = message;
      note({ kind: 'answer', content, stop, usage, microUsd, ms, requestId: stream.request_id ?? undefined });
      return message;
    };
    try {
      return ended(await orAbort(stream.finalMessage(), signal));
    } catch (error) {
      // The connection may break behind the last word.
      const whole = stream.receivedMessages.at(-1);
      if (whole !== undefined && !signal.aborted) return ended(whole);
      if (part !== undefined) count(soFar(part, Math.min(most.maxTokens, tokensOf(cameBytes))), most);
      signal.throwIfAborted();
      const failure = describeApiError(error, job.model);
      keepId(stream.request_id ?? failure.requestId);
      note({ kind: 'note', text: failure.error.message, charged: part?.usage });
      const stopped = new Stopped(failure.why, failure.error);
      // The SDK tries again until an answer begins; what breaks later is ours.
      const brokeOff = (stream.response ?? undefined) !== undefined && !failure.error.permanent;
      if (brokeOff || (failure.status === 400 && body.tool_choice?.type === 'none')) return stopped;
      throw stopped;
    }
  }

  async function once(body: RequestBody, { turn, sent }: Turn): Promise<Anthropic.Message | Stopped> {
    const input = await bound(body);
    const room = meter.room(input);
    if (!room.ok) throw limitStop(room.why, turn === 1 && meter.tokens().input === 0);
    await tell(room.boundMicroUsd);
    const { maxTokens } = room;
    note({ kind: 'request', turn, maxTokens, inputBound: input, toolChoice: body.tool_choice?.type });
    sent();
    return await send(body, { ...room, input });
  }

  return {
    added: (value) => void (newBytes += Buffer.byteLength(JSON.stringify(value))),
    bound,
    async turn(body, about) {
      const first = await once(body, about);
      if (!(first instanceof Stopped)) return first;
      // `none` is in the types, and no page says that every model takes it: the words alone forbid tools then.
      const again = first.error.code === 'MODEL_REJECTED' ? { ...body, tool_choice: { type: 'auto' as const } } : body;
      const second = await once(again, about);
      if (second instanceof Stopped) throw second;
      return second;
    },
  };
}

/** A part of an answer tells its first token, and the others with its end: what came of it was made all the same, and is paid for. */
function soFar(part: Anthropic.Message, came: number): Anthropic.Message {
  const { stop_reason: stop, usage } = part;
  const told: unknown = (usage as Anthropic.Usage | null | undefined)?.output_tokens; // a gateway may leave it out
  return stop !== null || typeof told !== 'number'
    ? part
    : { ...part, usage: { ...usage, output_tokens: Math.max(told, came) } };
}

function tokensOf(bytes: number): number {
  return Math.ceil(bytes / BYTES_A_TOKEN);
}
