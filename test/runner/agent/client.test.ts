import { createServer } from 'node:http';
import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { RunError } from '../../../src/errors.ts';
import { checkModel, openClaude } from '../../../src/runner/kinds/agent/conversation/client.ts';
import type { Claude } from '../../../src/runner/kinds/agent/conversation/client.ts';
import { describeApiError } from '../../../src/runner/kinds/agent/conversation/model-errors.ts';
import { say, startClaudeWire } from '../../support/claude-wire.ts';

const MODEL = 'claude-sonnet-5-5';
const KEY = 'sk-ant-test-0123456789';

afterEach(() => vi.unstubAllEnvs());

async function ask({ client }: Claude, signal?: AbortSignal): Promise<string> {
  const params = { model: MODEL, max_tokens: 100, messages: [{ role: 'user' as const, content: 'Hello' }] };
  const message = await client.messages.stream(params, signal === undefined ? {} : { signal }).finalMessage();
  return message.content.map((block) => (block.type === 'text' ? block.text : '')).join('');
}

async function failureOf(promise: Promise<unknown>): Promise<RunError> {
  const thrown = await promise.then(
    () => expect.unreachable('it did not fail'),
    (error: unknown) => error,
  );
  return thrown instanceof RunError ? thrown : describeApiError(thrown, MODEL).error;
}

describe('the client', () => {
  test('sends the key as a bearer, the version of the API, and tells the version of the installed SDK', async () => {
    await using wire = await startClaudeWire([say('Hi')]);
    const claude = await openClaude({ apiKey: KEY, baseUrl: wire.url });
    expect(await ask(claude)).toBe('Hi');
    expect(wire.requests[0]?.headers).toMatchObject({
      authorization: `Bearer ${KEY}`,
      'anthropic-version': '2026-10-21',
      // Seconds until its headers.
      'x-stainless-timeout': '300',
    });
    const installed = readFileSync('node_modules/@anthropic-ai/sdk/package.json', 'utf8');
    expect(claude.sdk).toBe((JSON.parse(installed) as { version: string }).version);
  });

  test('goes to the public API when it is told no other address, whatever the environment says', async () => {
    vi.stubEnv('ANTHROPIC_BASE_URL', 'http://127.0.0.1:9/stolen');
    const { client } = await openClaude({ apiKey: KEY });
    expect(client).toHaveProperty('baseURL', 'https://api.anthropic.com');
  });

  test('lets no ANTHROPIC variable of the process leak in or change what it does', async () => {
    await using wire = await startClaudeWire([say('Hi')]);
    const plain = await openClaude({ apiKey: KEY, baseUrl: wire.url });
    await ask(plain);
    const variables = {
      ANTHROPIC_API_KEY: 'sk-ant-of-another-0123',
      ANTHROPIC_AUTH_TOKEN: 'token-of-another',
      ANTHROPIC_BASE_URL: 'http://127.0.0.1:9/',
      ANTHROPIC_CUSTOM_HEADERS: 'authorization: Bearer stolen\nx-api-key: stolen\nx-evil: 1\nanthropic-beta: surprise',
      ANTHROPIC_LOG: 'debug',
      ANTHROPIC_PROFILE: 'missing',
      ANTHROPIC_WEBHOOK_SIGNING_KEY: 'whsec_b3RoZXI=',
      ANTHROPIC_ORGANIZATION_ID: 'org',
      ANTHROPIC_OPEN_TELEMETRY_TRACES_CONTENT_MODE: 'content',
    };
    for (const [name, value] of Object.entries(variables)) vi.stubEnv(name, value);
    const said = (['log', 'debug', 'info', 'warn', 'error'] as const).map((level) =>
      vi.spyOn(console, level).mockReturnValue(undefined),
    );
    await using second = await startClaudeWire([say('Hi')]);
    const claude = await openClaude({ apiKey: KEY, baseUrl: second.url });
    await ask(claude);
    expect(claude.client).toMatchObject({ openTelemetry: { traces: { enabled: false } }, webhookKey: null });
    for (const spy of said) {
      expect(spy).not.toHaveBeenCalled();
      spy.mockRestore();
    }
    const sent = [wire, second].map(({ requests }) => {
      const { host, ...headers } = requests[0]?.headers ?? {};
      expect(host).toMatch(/^127/);
      return headers;
    });
    expect(sent[1]).toEqual(sent[0]);
    expect(second.requests[0]?.text).toBe(wire.requests[0]?.text);
  });

  test('waits for a short retry-after and asks again', async () => {
    await using wire = await startClaudeWire([{ status: 429, headers: { 'retry-after': '0.01' } }, say('Hi')]);
    expect(await ask(await openClaude({ apiKey: KEY, baseUrl: wire.url }))).toBe('Hi');
    expect(wire.requests).toHaveLength(2);
  });

  test('gives an overloaded service three tries, then an error that may be tried again', async () => {
    const overloaded = { status: 529, headers: { 'retry-after-ms': '1' } };
    await using wire = await startClaudeWire([overloaded, overloaded, overloaded, say('too late')]);
    const error = await failureOf(ask(await openClaude({ apiKey: KEY, baseUrl: wire.url })));
    expect(error).toMatchObject({ code: 'MODEL_UNAVAILABLE', permanent: false });
    expect(wire.requests).toHaveLength(3);
  });

  test.each([
    ['enforced_spend_limit_reached', 429],
    ['contract_spend_limit_reached', 429],
    ['linked_organization_spend_limit_reached', 402],
  ])('asks once and never again when %s', async (errorCode, status) => {
    await using wire = await startClaudeWire(() => ({ status, errorCode, headers: { 'retry-after-ms': '1' } }));
    const error = await failureOf(ask(await openClaude({ apiKey: KEY, baseUrl: wire.url })));
    expect(error).toMatchObject({ code: 'MODEL_SPEND_LIMIT', permanent: true });
    expect(wire.requests).toHaveLength(1);
  });

  test('takes words of a spend limit without its code for an ordinary 429', async () => {
    const worded = { status: 429, message: 'spend_limit reached', headers: { 'retry-after-ms': '1' } };
    await using wire = await startClaudeWire([worded, say('Hi')]);
    expect(await ask(await openClaude({ apiKey: KEY, baseUrl: wire.url }))).toBe('Hi');
  });

  test('does not sit out a wait of more than a minute, and hands it on, at most an hour of it', async () => {
    for (const [asked, handedOn] of [
      ['61', 61_000],
      ['86400', 3_600_000],
    ] as const) {
      await using wire = await startClaudeWire(() => ({ status: 429, headers: { 'retry-after': asked } }));
      const error = await failureOf(ask(await openClaude({ apiKey: KEY, baseUrl: wire.url })));
      expect(error).toMatchObject({ code: 'MODEL_UNAVAILABLE', permanent: false, retryAfterMs: handedOn });
      expect(wire.requests).toHaveLength(1);
    }
  });

  test('reads a retry-after that is a date by the clock of the service', async () => {
    const headers = { date: 'Sun, 22 Nov 2026 10:00:00 GMT', 'retry-after': 'Sun, 22 Nov 2026 10:05:00 GMT' };
    await using wire = await startClaudeWire(() => ({ status: 503, headers }));
    const error = await failureOf(ask(await openClaude({ apiKey: KEY, baseUrl: wire.url })));
    expect(error.retryAfterMs).toBe(300_000);
    expect(wire.requests).toHaveLength(1);
  });

  test('follows no redirect, and sends the key nowhere else', async () => {
    await using elsewhere = await startClaudeWire([say('stolen')]);
    const headers = { location: `${elsewhere.url}/v1/messages` };
    await using wire = await startClaudeWire([{ status: 307, headers }]);
    const error = await failureOf(ask(await openClaude({ apiKey: KEY, baseUrl: wire.url })));
    expect(error).toMatchObject({ code: 'MODEL_REJECTED', permanent: true });
    expect(error.hint).toContain('redirects are not followed');
    expect([wire.requests.length, elsewhere.requests.length]).toEqual([1, 0]);
  });

  test.each([
    [400, 'MODEL_REJECTED', true],
    [401, 'MODEL_REJECTED', true],
    [402, 'MODEL_SPEND_LIMIT', true],
    [403, 'MODEL_REJECTED', true],
    [404, 'MODEL_REJECTED', true],
    [413, 'MODEL_REJECTED', true],
    [422, 'MODEL_REJECTED', true],
    [408, 'MODEL_UNAVAILABLE', false],
    [409, 'MODEL_UNAVAILABLE', false],
    [429, 'MODEL_UNAVAILABLE', false],
    [500, 'MODEL_UNAVAILABLE', false],
    [503, 'MODEL_UNAVAILABLE', false],
    [529, 'MODEL_UNAVAILABLE', false],
  ] as const)('reads a %i as %s', async (status, code, permanent) => {
    await using wire = await startClaudeWire(() => ({ status, headers: { 'x-should-retry': 'false' } }));
    const error = await failureOf(ask(await openClaude({ apiKey: KEY, baseUrl: wire.url })));
    expect(error).toMatchObject({ code, permanent });
    expect(error.message).toContain(`answered ${status}`);
  });

  test('masks a key that an error repeats, and cuts a long one', async () => {
    const message = `the key ${KEY} is bad ${'x'.repeat(5_000)}`;
    await using wire = await startClaudeWire([{ status: 401, message }]);
    const error = await failureOf(ask(await openClaude({ apiKey: KEY, baseUrl: wire.url })));
    expect(error.message).not.toContain(KEY);
    expect(error.message.length).toBeLessThan(500);
  });

  test('says that nobody answers, as an error that may be tried again', async () => {
    const gone = createServer();
    await new Promise<void>((done) => gone.listen(0, '127.0.0.1', done));
    const address = gone.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    await new Promise((done) => gone.close(done));
    const claude = await openClaude({ apiKey: KEY, baseUrl: `http://127.0.0.1:${address.port}` });
    const params = { model: MODEL, max_tokens: 100, messages: [{ role: 'user' as const, content: 'Hello' }] };
    const error = await failureOf(claude.client.messages.stream(params, { maxRetries: 0 }).finalMessage());
    expect(error).toMatchObject({ code: 'MODEL_UNAVAILABLE', permanent: false });
  });
});

describe('the check of a model', () => {
  const signal = new AbortController().signal;
  test('tells where in its life a model is', async () => {
    const models = { [MODEL]: { lifecycle: 'deprecated', retires_at: '2027-03-01T00:00:00Z' } };
    await using wire = await startClaudeWire([], { models });
    const claude = await openClaude({ apiKey: KEY, baseUrl: wire.url });
    expect(await checkModel(claude, MODEL, signal)).toEqual({
      lifecycle: 'deprecated',
      retiresAt: '2027-03-01T00:00:00Z',
    });
    expect(wire.others[0]?.path).toBe(`/v1/models/${MODEL}`);
  });

  test('ends with the signal and its reason', async () => {
    const stop = new AbortController();
    await using wire = await startClaudeWire([], { models: { [MODEL]: { status: 529 } } });
    const claude = await openClaude({ apiKey: KEY, baseUrl: wire.url });
    const reason = new Error('the doctor left');
    const checking = checkModel(claude, MODEL, stop.signal);
    stop.abort(reason);
    await expect(checking).rejects.toBe(reason);
  });

  test('leaves out the end of a model that has none', async () => {
    await using wire = await startClaudeWire([]);
    const claude = await openClaude({ apiKey: KEY, baseUrl: wire.url });
    expect(await checkModel(claude, MODEL, signal)).toEqual({ lifecycle: 'active' });
  });

  test('refuses a model that is not there, and names it', async () => {
    await using wire = await startClaudeWire([], { models: {} });
    const claude = await openClaude({ apiKey: KEY, baseUrl: wire.url });
    const error = await failureOf(checkModel(claude, 'claude-none', signal));
    expect(error).toMatchObject({ code: 'MODEL_REJECTED', permanent: true });
    expect(error.hint).toContain('claude-none');
  });
});
