import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { needOf, readInput, shapeOf } from '../../src/runner/fields.ts';
import { suggest } from '../../src/suggest.ts';
import { parseTarget } from '../../src/runner/targets.ts';

const schema = z.object({
  repo: z.string(),
  days: z.number().int().min(1).default(7).describe('How far back'),
  share: z.number().optional(),
  dry: z.boolean().default(false),
  mode: z.enum(['soft', 'hard']).default('soft'),
  tags: z.array(z.string()).default([]),
  counts: z.array(z.number()).optional(),
  extra: z.record(z.string(), z.number()).optional(),
});
const shape = shapeOf(schema);
const words = (input: Record<string, string>) => readInput(schema, shape, { input, as: 'words' });

describe('fields', () => {
  test('say whether they must be given, may be left out, or what holds then', () => {
    const need = Object.fromEntries(shape.fields.map((field) => [field.name, needOf(field)]));
    expect(need).toMatchObject({
      repo: 'must be given',
      share: 'may be left out',
      days: 'default 7',
      tags: 'default []',
    });
  });
  test('say name, type, default, values and what is required', () => {
    expect(shape.fields).toEqual([
      { name: 'repo', type: 'string', required: true },
      { name: 'days', type: 'integer', required: false, default: 7, description: 'How far back' },
      { name: 'share', type: 'number', required: false },
      { name: 'dry', type: 'boolean', required: false, default: false },
      { name: 'mode', type: 'enum', required: false, default: 'soft', values: ['soft', 'hard'] },
      { name: 'tags', type: 'list', required: false, default: [], items: 'string' },
      { name: 'counts', type: 'list', required: false, items: 'number' },
      { name: 'extra', type: 'json', required: false },
    ]);
  });
});

describe('words', () => {
  test('get the types that the schema wants, and defaults are kept with the run', () => {
    const read = words({
      repo: '12',
      days: '3',
      share: '.5',
      dry: 'Yes',
      mode: 'HARD',
      tags: 'a, b',
      counts: '1,2',
      extra: '{"a":1}',
    });
    expect(read).toEqual({
      ok: true,
      input: {
        repo: '12',
        days: 3,
        share: 0.5,
        dry: true,
        mode: 'hard',
        tags: ['a', 'b'],
        counts: [1, 2],
        extra: { a: 1 },
      },
    });
    expect(words({ repo: '.' })).toEqual({
      ok: true,
      input: { repo: '.', days: 7, dry: false, mode: 'soft', tags: [] },
    });
  });

  test.each([
    [{ repo: '.', days: 'soon' }, 'days'],
    [{ repo: '.', days: '0' }, 'days'],
    [{ repo: '.', days: '0x10' }, 'days'],
    [{ repo: '.', dry: 'perhaps' }, 'dry'],
    [{ repo: '.', mode: 'medium' }, 'mode'],
    [{}, 'repo'],
  ])('%j is refused at its field', (input, path) => {
    expect(words(input)).toMatchObject({ ok: false, issues: [{ path }] });
  });

  test('an unknown name is refused with the nearest known one', () => {
    expect(words({ repo: '.', dyas: '3' })).toEqual({
      ok: false,
      issues: [{ path: 'dyas', message: 'is not an input of this job', hint: 'did you mean days?' }],
    });
  });

  test('an open schema takes unknown names', () => {
    const open = z.looseObject({ a: z.string() });
    expect(readInput(open, shapeOf(open), { input: { a: 'x', b: 'y' }, as: 'words' })).toMatchObject({ ok: true });
  });

  test.each([[[1]], ['text'], [7]])('%j is no input', (input) => {
    expect(readInput(schema, shape, { input, as: 'json' })).toMatchObject({ ok: false });
  });

  test('no words can make the reading throw or reach a prototype', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.string()), (input) => {
        const read = words(JSON.parse(JSON.stringify(input)));
        return typeof read.ok === 'boolean';
      }),
    );
    // zod's record leaves the name out before anything reads it.
    expect(words(JSON.parse('{"repo":".","__proto__":"x"}'))).toEqual(words({ repo: '.' }));
    const json = readInput(schema, shape, { input: JSON.parse('{"repo":".","__proto__":{"x":1}}'), as: 'json' });
    expect(json).toMatchObject({ ok: false, issues: [{ path: '__proto__' }] });
  });
});

test('a swapped pair of letters is one slip', () => {
  expect(suggest('dyas', ['days'])).toEqual(['days']);
  expect(suggest('repo-digset', ['site-check', 'repo-digest'])).toEqual(['repo-digest']);
  expect(suggest('x', ['site-check'])).toEqual([]);
});

test.each([
  ['origin', 'origin'],
  ['#finance', { kind: 'slack', channel: '#finance' }],
  ['C0123ABC', { kind: 'slack', channel: 'C0123ABC' }],
  ['ana@example.com', { kind: 'email', to: 'ana@example.com' }],
  ['file:reports/x.html', { kind: 'file', path: 'reports/x.html' }],
  [
    { kind: 'email', to: 'ana@example.com' },
    { kind: 'email', to: 'ana@example.com' },
  ],
])('%j is a target', (target, destination) => {
  expect(parseTarget(target)).toEqual(destination);
});

test.each([['nowhere'], ['ana@example.com\r\nBcc: x@example.com'], [''], [7], [{ kind: 'pigeon' }]])(
  '%j is no target',
  (target) => {
    expect(() => parseTarget(target)).toThrow(/is not a destination/);
  },
);
