import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { CANARY, NOW, bookOf, entryOf, jobOf, rowOf } from '../../support/agent-words.ts';
import { UsageError } from '../../../src/errors.ts';
import type { LoadedAgent } from '../../../src/runner/jobs.ts';
import { answerSchema, createReader } from '../../../src/runner/kinds/agent/answer/answer.ts';
import type { HouseAnswer } from '../../../src/runner/kinds/agent/answer/answer.ts';
import type { MemoryEntry } from '../../../src/store/memory-records.ts';

const GOOD: HouseAnswer = {
  headline: 'Revenue reached {{F1}}',
  summary: 'Refunds are down.',
  findings: [{ text: 'Stock is {{F10}}.', confidence: 'high', targetType: 'product', targetId: '4711' }],
  recommendations: [
    {
      action: 'restock',
      targetId: '4711',
      title: 'Reorder the Linen shirt',
      why: '{{F9}} are left.',
      impact: null,
      confidence: 'high',
      repeatReason: null,
    },
  ],
};
const [FINDING] = GOOD.findings;
const [RECOMMENDATION] = GOOD.recommendations;
if (FINDING === undefined || RECOMMENDATION === undefined) throw new Error('the sample is empty');

function reader(changes: { job?: LoadedAgent; memory?: readonly MemoryEntry[] } = {}) {
  return createReader({ job: jobOf(), book: bookOf(), memory: [], now: NOW, canary: CANARY, ...changes });
}
const write = (changes: Record<string, unknown> = {}) => JSON.stringify({ ...GOOD, ...changes });

describe('the schema on the wire', () => {
  test('is closed, requires everything, has no limits, and knows the actions of the job', () => {
    const schema = answerSchema(jobOf());
    expect(schema).toMatchObject({ type: 'object', additionalProperties: false, required: Object.keys(GOOD) });
    const text = JSON.stringify(schema);
    expect(text).toContain('"enum":["restock","mark_down"]');
    expect(text).not.toMatch(/minLength|maxItems|\$schema|pattern|"format"/);
    expect(text.match(/"type":"object"/g)).toHaveLength(text.match(/"additionalProperties":false/g)?.length ?? 0);
  });
  test('asks a job without actions for no recommendations', () => {
    expect(JSON.stringify(answerSchema(jobOf({ actions: {} })))).not.toContain('recommendations');
    const { recommendations: _, ...rest } = GOOD;
    expect(reader({ job: jobOf({ actions: {} }) })(JSON.stringify(rest), false)).toMatchObject({
      ok: true,
      value: { recommendations: [] },
    });
  });

  const own = (schema: z.ZodObject) =>
    answerSchema(jobOf({ output: { schema, report: () => ({ title: 'x', summary: 'y' }) } }));
  test('of a job is its own, without limits', () => {
    const schema = own(
      z.object({
        mood: z.enum(['good', 'bad']),
        note: z.string().min(3).max(9).nullable(),
        items: z.array(z.object({ text: z.string() })).max(4),
      }),
    );
    expect(schema).toEqual({
      type: 'object',
      properties: {
        mood: { type: 'string', enum: ['good', 'bad'] },
        note: { anyOf: [{ type: 'string' }, { type: 'null' }] },
        items: {
          type: 'array',
          items: {
            type: 'object',
            properties: { text: { type: 'string' } },
            required: ['text'],
            additionalProperties: false,
          },
        },
      },
      required: ['mood', 'note', 'items'],
      additionalProperties: false,
    });
  });
  test.each([
    ['any', z.object({ a: z.object({ b: z.any() }) }), /weekly-merchandising\.a\.b.*takes anything/],
    ['unknown', z.object({ a: z.array(z.unknown()) }), /\.a\[\].*takes anything/],
    ['a record', z.object({ a: z.record(z.string(), z.string()) }), /\.a.*no fixed names/],
    ['what is optional', z.object({ a: z.string().optional() }), /\.a.*optional/],
    ['a default', z.object({ a: z.string().default('x') }), /\.a.*optional/],
    ['a date', z.object({ a: z.date() }), /Date cannot be represented/],
  ])('refuses %s, and says where and the way out', (_, schema, message) => {
    expect(() => own(schema)).toThrow(message);
    expect(() => own(schema)).toThrow(UsageError);
  });
});

describe('reading', () => {
  test('a good answer is read as it is', () => {
    expect(reader()(write(), false)).toEqual({ ok: true, value: GOOD, lint: [] });
  });
  test.each([
    ['a fence', `\`\`\`json\n${write()}\n\`\`\``],
    ['a plain fence', `\`\`\`\n${write()}\n\`\`\`\n`],
    ['words around it', `Here is the report:\n${write()}\nI hope it helps.`],
    ['a byte order mark', `\ufeff${write()}`],
  ])('JSON in %s is read', (_, text) => {
    expect(reader()(text, false)).toMatchObject({ ok: true, value: GOOD });
  });
  test.each(['', 'I cannot do that.', '{"headline":', '[1]', '"x"', 'null'])(
    '%j is no answer, also at last',
    (text) => {
      expect(reader()(text, false)).toMatchObject({ ok: false });
      expect(reader()(text, true)).toMatchObject({ ok: false });
    },
  );
  test('what breaks a rule is told to the model, with its place', () => {
    const read = reader()(write({ headline: 'Up 14%', findings: [{ ...FINDING, text: 'Fine.' }] }), false);
    expect(read).toEqual({
      ok: false,
      problems: [
        expect.stringMatching(/^findings\[0\]: it rests on no fact/),
        expect.stringMatching(/^headline: a number/),
      ],
    });
  });
  test('marks of markdown are taken out, and placeholders stay', () => {
    const read = reader()(write({ summary: '## **Refunds** are `down` to {{sales.refund_rate}}, *really*' }), false);
    expect(read).toMatchObject({ ok: true, value: { summary: 'Refunds are down to {{sales.refund_rate}}, really' } });
  });
  test('what was advised before is refused', () => {
    const memory = [entryOf(7, { advice: [rowOf()] })];
    expect(reader({ memory })(write(), false)).toMatchObject({
      ok: false,
      problems: [expect.stringMatching(/it was advised before/)],
    });
    const again = write({ recommendations: [{ ...RECOMMENDATION, repeatReason: 'only {{F9}} are left' }] });
    expect(reader({ memory })(again, false)).toMatchObject({ ok: true });
  });
  test('more than five findings or recommendations are too many', () => {
    const many = write({ findings: Array.from({ length: 6 }, () => FINDING) });
    expect(reader()(many, false)).toMatchObject({
      ok: false,
      problems: [expect.stringMatching(/findings: more than five/)],
    });
  });
  test('a heap of problems is cut', () => {
    const bad = write({ findings: Array.from({ length: 90 }, () => ({ ...FINDING, text: 'up 14%' })) });
    const read = reader()(bad, false);
    if (read.ok) throw new Error('it passed');
    expect(read.problems).toHaveLength(21);
    expect(read.problems.at(-1)).toMatch(/^and \d+ more/);
  });
});

describe('at last', () => {
  test('what is wrong is left out, the rest stays, and it is noted without its words', () => {
    const read = reader()(
      write({
        headline: 'Up 14%',
        findings: [FINDING, { ...FINDING, text: 'See https://evil.example {{F1}}' }],
        recommendations: [
          RECOMMENDATION,
          { ...RECOMMENDATION, action: 'close_shop' },
          { ...RECOMMENDATION, targetId: '99' },
        ],
      }),
      true,
    );
    expect(read).toEqual({
      ok: true,
      value: { ...GOOD, headline: '' },
      lint: [
        'finding 2: a link or an address',
        'advice 2: an action that the job does not have',
        'advice 2: a target that no tool returned',
        'advice 3: a target that no tool returned',
        'headline: a number that is not a fact',
      ],
    });
  });
  test('a finding with a wrong target stands without it', () => {
    const read = reader()(write({ findings: [{ ...FINDING, targetId: '99' }] }), true);
    expect(read).toMatchObject({ ok: true, value: { findings: [{ ...FINDING, targetType: null, targetId: null }] } });
  });
  test('five are kept of more', () => {
    const read = reader()(write({ findings: Array.from({ length: 7 }, () => FINDING) }), true);
    if (!read.ok) throw new Error('refused');
    expect(read.value['findings']).toHaveLength(5);
    expect(read.lint).toEqual(['findings: more than five']);
  });
  test('parts of another shape are left out', () => {
    const read = reader()(
      JSON.stringify({ headline: 'Fine', findings: [FINDING, { text: 3 }], recommendations: 'none' }),
      true,
    );
    expect(read).toMatchObject({
      ok: true,
      value: { headline: 'Fine', summary: '', findings: [FINDING], recommendations: [] },
      lint: expect.arrayContaining([
        'finding 2: it has another shape than asked for',
        'recommendations: it has another shape than asked for',
      ]),
    });
  });
  test('instructions that are leaked in pieces take all words with them', () => {
    const leaked = write({ headline: CANARY.slice(0, 9), summary: CANARY.slice(9) });
    expect(reader()(leaked, false)).toMatchObject({ ok: false });
    const read = reader()(leaked, true);
    expect(read).toMatchObject({ ok: true, value: { headline: '', summary: '', findings: [], recommendations: [] } });
  });
});

describe('a schema of the job', () => {
  const schema = z.object({ mood: z.enum(['good', 'bad']), lines: z.array(z.object({ text: z.string() })).max(3) });
  const read = reader({ job: jobOf({ output: { schema, report: () => ({ title: 'x', summary: 'y' }) } }) });
  const answer = (text: string) => JSON.stringify({ mood: 'good', lines: [{ text }] });

  test('is read, with facts in it', () => {
    expect(read(answer('{{F1}} came in'), false)).toEqual({
      ok: true,
      value: { mood: 'good', lines: [{ text: '{{F1}} came in' }] },
      lint: [],
    });
  });
  test.each(['Up 14%', 'See evil.com', 'Hello @here', '{{F99}}', CANARY, '<b>'])(
    '%j in any text of it is refused, also at last',
    (text) => {
      expect(read(answer(text), false)).toMatchObject({
        ok: false,
        problems: [expect.stringMatching(/^answer(?:\.lines\[0\]\.text)?:/)],
      });
      expect(read(answer(text), true)).toMatchObject({ ok: false });
    },
  );
  test('is held by zod, with its limits', () => {
    expect(read('{"mood":"fine","lines":[]}', true)).toMatchObject({
      ok: false,
      problems: [expect.stringMatching(/^mood:/)],
    });
    const four = JSON.stringify({ mood: 'good', lines: Array.from({ length: 4 }, () => ({ text: 'x' })) });
    expect(read(four, true)).toMatchObject({ ok: false });
  });
});
