import { gunzipSync, gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { NOW } from '../../support/agent-words.ts';
import { createScrub } from '../../../src/scrub.ts';
import { redact } from '../../../src/runner/kinds/agent/conversation/redact.ts';
import {
  createTranscript,
  readTranscript,
  renderTranscript,
} from '../../../src/runner/kinds/agent/conversation/transcript.ts';

const transcript = (secrets: readonly string[] = []) =>
  createTranscript({ scrub: createScrub(secrets), now: () => NOW });

test('what was noted is read back, in order, with its time', async () => {
  const kept = transcript();
  kept.note({ kind: 'request', turn: 1, prompt: 'Look' });
  kept.note({ kind: 'answer', content: [{ type: 'text', text: 'Here' }] });
  expect(await readTranscript(await kept.bytes())).toEqual([
    { kind: 'request', at: '2026-11-23T08:00:00.000Z', turn: 1, prompt: 'Look' },
    { kind: 'answer', at: '2026-11-23T08:00:00.000Z', content: [{ type: 'text', text: 'Here' }] },
  ]);
});

test('an entry is kept as it was when it was noted', async () => {
  const kept = transcript();
  const messages = [{ text: 'one' }];
  kept.note({ kind: 'request', messages });
  messages.push({ text: 'two' });
  expect(await readTranscript(await kept.bytes())).toMatchObject([{ messages: [{ text: 'one' }] }]);
});

const SECRETS = [
  'sk-ant-api03-abcdefgh',
  'shpat_0123456789abcdef',
  'Bearer abcdef123456',
  'Basic dXNlcjpwYXNzd29yZA==',
  'ana.b+c@shop.example',
  '"x-api-key": "0123456789"',
  'client_secret=0123456789abcdef',
  'ghp_0123456789abcdef0123',
  'eyJhbGciOiJI.eyJzdWIiOiIx.c2lnbmF0dXJl',
  '-----BEGIN RSA PRIVATE KEY-----\nMIIB\n-----END RSA PRIVATE KEY-----',
  'the configured one',
];
test.each(SECRETS)('%j is in no transcript, wherever it stands', async (secret) => {
  const kept = transcript(['the configured one']);
  kept.note({ kind: 'tool', input: { deep: [{ text: `before ${secret} after` }] }, [secret]: 1, result: secret });
  const text = gunzipSync(await kept.bytes()).toString('utf8');
  const core = /(?:Bearer|Basic) (.*)/.exec(secret)?.[1] ?? /[:=] ?"?([\w]{8,})/.exec(secret)?.[1] ?? secret;
  expect(text).not.toContain(JSON.stringify(core).slice(1, -1));
  expect(text).toContain('before ');
  expect(text).toContain(' after');
});

test('words that only look a little like secrets stay', () => {
  const text = 'The bearer of this, 3 @ 4, shpat, sk-ant, basic socks, password reset, a@b';
  expect(redact(text)).toBe(text);
});

test('a long entry is cut, and says from how much', async () => {
  const kept = transcript();
  kept.note({ kind: 'tool', name: 'sales', result: 'x'.repeat(400_000) });
  kept.note({
    kind: 'tool',
    name: 'rows',
    result: Array.from({ length: 9_000 }, () => 'a row of some length, nothing more'),
  });
  const [first, second] = await readTranscript(await kept.bytes());
  expect(first).toMatchObject({ kind: 'tool', name: 'sales', cutFrom: expect.any(Number) });
  expect(String(first?.['result'])).toMatch(/^x{20000} \[380000 characters left out\]$/);
  expect(second).toMatchObject({ kind: 'tool', text: expect.stringMatching(/^an entry of \d+ bytes was left out$/) });
});

test('a secret is masked before a text is cut, so that no half of it stays', async () => {
  const kept = transcript();
  const secret = `sk-ant-${'a'.repeat(200)}`;
  kept.note({ kind: 'tool', result: `${'x'.repeat(19_950)} ${secret}${' y'.repeat(90_000)}` });
  expect(gunzipSync(await kept.bytes()).toString('utf8')).not.toContain('sk-ant-a');
});

test('of a very long conversation the beginning and the end are kept, and the gap is said', async () => {
  const kept = transcript();
  for (let turn = 1; turn <= 120; turn++) kept.note({ kind: 'answer', turn, text: `${turn} `.repeat(15_000) });
  const bytes = await kept.bytes();
  expect(gunzipSync(bytes).length).toBeLessThanOrEqual(5_001_000);
  const entries = await readTranscript(bytes);
  expect(entries[0]).toMatchObject({ turn: 1 });
  expect(entries.at(-1)).toMatchObject({ turn: 120 });
  const gap = entries.findIndex(({ kind }) => kind === 'note');
  const left = 120 - (entries.length - 1);
  expect(entries[gap]).toMatchObject({ text: expect.stringContaining(`${left} entries with`) });
  expect(Number(entries[gap + 1]?.['turn']) - Number(entries[gap - 1]?.['turn'])).toBe(left + 1);
});

test('what is no JSON is said to be none, and the rest stays', async () => {
  const kept = transcript();
  const loop: Record<string, unknown> = {};
  loop['self'] = loop;
  kept.note({ kind: 'note', loop });
  kept.note({ kind: 'note', big: 10n });
  kept.note({ kind: 'note', text: 'fine' });
  expect(await readTranscript(await kept.bytes())).toMatchObject([
    { text: 'an entry that is no JSON was left out' },
    { text: 'an entry that is no JSON was left out' },
    { text: 'fine' },
  ]);
});

test('a line that is damaged does not hide the others, and a bomb is not unpacked', async () => {
  const lines = gzipSync('{"kind":"note","text":"one"}\nnonsense\n{"kind":"else"}\n{"kind":"note","text":"two"}\n');
  expect(await readTranscript(lines)).toMatchObject([
    { text: 'one' },
    { text: 'a line that cannot be read' },
    { text: 'a line that cannot be read' },
    { text: 'two' },
  ]);
  await expect(readTranscript(gzipSync(Buffer.alloc(30_000_000)))).rejects.toThrow();
});

test('an empty transcript is one', async () => {
  expect(await readTranscript(await transcript().bytes())).toEqual([]);
  expect(renderTranscript([])).toEqual([]);
});

test('it is shown as lines that steer no terminal', () => {
  const lines = renderTranscript([
    { kind: 'request', at: '2026-11-23T08:00:00.000Z', turn: 1, prompt: 'first\nsecond \u001b[31mred\u0007' },
    {
      kind: 'tool',
      name: 'sales',
      input: { days: 7, list: [] },
      ok: true,
      none: null,
      '\u001b]0;x': '\u202eabc\u009b',
    },
  ]);
  expect(lines).toEqual([
    '1. to the model · 2026-11-23T08:00:00.000Z',
    '   turn: 1',
    '   prompt:',
    '     first',
    '     second ␛[31mred␇',
    '',
    '2. tool',
    '   name: sales',
    '   input:',
    '     days: 7',
    '     list: none',
    '   ok: true',
    '   none: null',
    '   ␛]0;x: abc␡',
  ]);
});

test('the depth of what is shown has an end', () => {
  let deep: unknown = 'end';
  for (let level = 0; level < 500; level++) deep = { deep };
  const lines = renderTranscript([{ kind: 'note', deep }]);
  expect(lines.length).toBeLessThan(12);
  expect(lines.at(-1)).toContain('end');
});
