/** One turn: bounded, told to the purse, streamed, charged. */
import type Anthropic from '@anthropic-ai/sdk';
import type { Clock } from '../../../clock.ts';
import type { Tokens } from '../../../store/agent-records.ts';
import { orAbort } from './abort.ts';
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

  async function count(body: RequestBody): Promise<number> {
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
      known = await count(body);
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

  function charge(message: Anthropic.Message): number {
    const tokens = readUsage(message.usage);
    known = wholeInput(tokens) + tokens.output;
    newBytes = 0;
    return meter.add(tokens);
  }

  function keepId(id: string | null | undefined): void {
    if (typeof id === 'string') requestIds.push(id.slice(0, 100));
  }

  /** One request. Stopped: its answer broke off, and one more try is worth it; what came of it is charged. */
  async function send(body: RequestBody, maxTokens: number): Promise<Anthropic.Message | Stopped> {
    const begun = clock.monotonic();
    const stream = client.messages.stream({ ...body, max_tokens: maxTokens }, { signal });
    let part: Anthropic.Message | undefined;
    let cameBytes = 0;
    stream.on('streamEvent', (event, snapshot) => {
      part = snapshot;
      cameBytes += Buffer.byteLength(addedBy(event));
    });
    const ended = (message: Anthropic.Message): Anthropic.Message => {
      keepId(stream.request_id);
      const microUsd = charge(message);
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
      if (part !== undefined) meter.add(usageSoFar(part, Math.min(maxTokens, tokensOf(cameBytes))));
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
    if (!room.ok) throw limitStop(room.why);
    await tell(room.boundMicroUsd);
    const { maxTokens } = room;
    note({ kind: 'request', turn, maxTokens, inputBound: input, toolChoice: body.tool_choice?.type });
    sent();
    return await send(body, maxTokens);
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

/** Only its end tells how long an answer is: of one that broke off what came counts, where that is more than it told. */
function usageSoFar(part: Anthropic.Message, came: number): Tokens {
  const told = readUsage(part.usage);
  return part.stop_reason === null ? { ...told, output: Math.max(told.output, came) } : told;
}

function tokensOf(bytes: number): number {
  return Math.ceil(bytes / BYTES_A_TOKEN);
}
