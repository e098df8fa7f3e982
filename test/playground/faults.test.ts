import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { ErrorCode, WebClient } from '@slack/web-api';
import { beforeEach, describe, expect, it } from 'vitest';
import type { Fault } from '../../src/playground/faults.ts';
import { systemClock } from '../../src/clock.ts';
import { createTwin } from '../../src/playground/twin.ts';
import type { Twin } from '../../src/playground/twin.ts';
import { createWorkspace } from '../../src/playground/workspace.ts';
import type { Workspace } from '../../src/playground/workspace.ts';
import { manualClock } from '../support/clock.ts';
import { quietLogger } from '../support/peer-logger.ts';
import { waitFor } from '../support/peer-wait.ts';

describe.each(['the in-process fetch', 'the HTTP twin'])('a fault through %s', (way) => {
  const clock = manualClock();
  let workspace: Workspace;
  let twin: Twin | undefined;
  let client: WebClient;

  beforeEach(async () => {
    workspace = createWorkspace({ clock }, { rates: 'off' });
    twin = undefined;
    if (way === 'the HTTP twin') {
      twin = createTwin({ workspace });
      await twin.start();
    }
    client = new WebClient(workspace.token, {
      ...(twin === undefined ? { fetch: workspace.fetch } : { slackApiUrl: twin.apiUrl }),
      retryConfig: { retries: 0 },
      rejectRateLimitedCalls: true,
      timeout: 400,
      logger: quietLogger,
    });
    return () => twin?.stop();
  });

  const post = (): Promise<unknown> => client.chat.postMessage({ channel: 'C0REPORTS', text: 'x' });
  const failure = async (fault: Fault): Promise<unknown> => {
    workspace.faults.add({ method: 'chat.postMessage', fault });
    return post().then(
      (value) => value,
      (error: unknown) => error,
    );
  };
  const posted = (): number => workspace.messages('reports').length;

  it('says how long to wait with 429, and nothing is posted', async () => {
    expect(await failure({ kind: 'rate_limited', retryAfter: 7 })).toMatchObject({
      code: ErrorCode.RateLimitedError,
      retryAfter: 7,
    });
    expect(posted()).toBe(0);
    await post();
    expect(posted()).toBe(1);
  });

  it.each([undefined, -5, 'Mon, 23 Nov 2026 09:00:00 GMT'])(
    'passes a 429 on with Retry-After %s as it stands',
    async (retryAfter) => {
      const error = await failure({ kind: 'rate_limited', ...(retryAfter === undefined ? {} : { retryAfter }) });
      expect(error).toBeInstanceOf(Error);
      expect(posted()).toBe(0);
    },
  );

  it('loses the answer of a message that was accepted, which is then in the channel', async () => {
    expect(await failure({ kind: 'drop_after' })).toMatchObject({ code: ErrorCode.RequestError });
    expect(posted()).toBe(1);
  });

  it.each<Fault>([{ kind: 'drop_before' }, { kind: 'refuse' }])(
    'drops the connection before anything is accepted: $kind',
    async (fault) => {
      expect(await failure(fault)).toMatchObject({ code: ErrorCode.RequestError });
      expect(posted()).toBe(0);
    },
  );

  it('hangs until the client gives up', async () => {
    expect(await failure({ kind: 'hang' })).toMatchObject({ code: ErrorCode.RequestError });
    expect(posted()).toBe(0);
    expect(await failure({ kind: 'hang', accepted: true })).toMatchObject({ code: ErrorCode.RequestError });
    expect(posted()).toBe(1);
  });

  it('answers 500, HTML, half a JSON, a wrong ts or any error code', async () => {
    expect(await failure({ kind: 'status', status: 500 })).toMatchObject({
      code: ErrorCode.HTTPError,
      statusCode: 500,
    });
    expect(await failure({ kind: 'html' })).toMatchObject({
      code: ErrorCode.PlatformError,
      data: { error: expect.stringContaining('<html>') },
    });
    expect(await failure({ kind: 'malformed_json' })).toMatchObject({ data: { error: '{"ok":true,"ts":"17' } });
    expect(await failure({ kind: 'error', error: 'fatal_error' })).toMatchObject({ data: { error: 'fatal_error' } });
    expect(posted()).toBe(0);
    expect(await failure({ kind: 'wrong_ts' })).toMatchObject({ ok: true, ts: '1000000000.000001' });
    expect(posted()).toBe(1);
  });

  it('is slow for as long as it was told', async () => {
    const slow = failure({ kind: 'slow', ms: 300 });
    await waitFor('the call to arrive', () => workspace.calls.length === 1);
    expect(posted()).toBe(0);
    await clock.advance(300);
    expect(await slow).toMatchObject({ ok: true });
    expect(posted()).toBe(1);
  });

  it('hits the calls that its rule names, as often as it says', async () => {
    workspace.faults.add({
      method: 'chat.postMessage',
      fault: { kind: 'error', error: 'a' },
      skip: 1,
      times: 2,
      channel: 'C0REPORTS',
    });
    workspace.faults.add({ method: '*', fault: { kind: 'error', error: 'b' } }, ({ args }) => args['text'] === 'x');
    const outcomes: unknown[] = [];
    for (let n = 0; n < 5; n++)
      outcomes.push(
        await post().then(
          () => 'ok',
          (error: { data: { error: string } }) => error.data.error,
        ),
      );
    expect(outcomes).toEqual(['b', 'a', 'a', 'ok', 'ok']);
    expect(workspace.faults.pending()).toBe(0);
  });
});

it('a call of the in-process fetch that hangs ends by its timeout, also when memory is collected meanwhile', async () => {
  setFlagsFromString('--expose-gc');
  const collect: unknown = runInNewContext('gc');
  if (typeof collect !== 'function') throw new Error('this node cannot be told to collect');
  const workspace = createWorkspace({ clock: systemClock });
  workspace.faults.add({ method: 'auth.test', fault: { kind: 'hang' } });
  const call = workspace.fetch('https://slack.com/api/auth.test', { method: 'POST', signal: AbortSignal.timeout(200) });
  const collecting = setInterval(() => void collect(), 20);
  const ended = await Promise.race([call.catch((error: Error) => error.name), systemClock.sleep(10_000)]);
  clearInterval(collecting);
  expect(ended).toBe('TimeoutError');
});
