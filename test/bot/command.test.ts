import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseCommand, plain, VERBS } from '../../src/bot/command.ts';

function parsed(text: string): { verb: string; words: string[]; pairs: Record<string, string> } {
  const result = parseCommand(text);
  if (result.outcome === 'problem') throw new Error(result.problem);
  return result.command;
}

describe('the grammar of /jobs', () => {
  test('a verb, words and pairs', () => {
    expect(parsed('run weekly-report days=7 note=ok')).toEqual({
      verb: 'run',
      words: ['weekly-report'],
      pairs: { days: '7', note: 'ok' },
    });
  });

  test('quotes of any kind hold words together, at the start of a word or of a value', () => {
    expect(parsed('run x note="two words"').pairs).toEqual({ note: 'two words' });
    expect(parsed('run x note=“two words”').pairs).toEqual({ note: 'two words' });
    expect(parsed("run x 'a b' c=''")).toMatchObject({ words: ['x', 'a b'], pairs: { c: '' } });
    expect(parsed("run x note=it's fine")).toMatchObject({ words: ['x', 'fine'], pairs: { note: "it's" } });
  });

  test('an equals sign inside quotes or a value is text', () => {
    expect(parsed('run x q="a=b" url=https://e.com/?a=b').pairs).toEqual({ q: 'a=b', url: 'https://e.com/?a=b' });
  });

  test('nothing typed is a request for help, and capitals and aliases are understood', () => {
    expect(parsed('').verb).toBe('help');
    expect(parsed('  LIST ').verb).toBe('list');
    expect(parsed('rm last')).toMatchObject({ verb: 'delete', words: ['last'] });
  });

  test('a mistyped verb is answered with the one that was meant', () => {
    expect(parseCommand('lsit')).toMatchObject({ outcome: 'problem', hint: 'Did you mean `list`?' });
    expect(parseCommand('xyzzy')).toMatchObject({ outcome: 'problem', hint: 'Try `help`.' });
  });

  test('an open quote, a name twice and an impossible name are problems that say so', () => {
    expect(parseCommand('run x a="b')).toMatchObject({ problem: 'A quote is opened and never closed.' });
    expect(parseCommand('run x a=1 a=2')).toMatchObject({ problem: '“a” is given twice.' });
    expect(parseCommand('run x 1a=2')).toMatchObject({ problem: '“1a” is no name for an input.' });
    expect(parseCommand(`run ${'x'.repeat(9000)}`)).toMatchObject({ outcome: 'problem' });
  });

  test('what Slack escaped arrives as it was typed', () => {
    expect(plain('&lt;b&gt; &amp;amp;')).toBe('<b> &amp;');
    expect(plain('<mailto:ana@example.com|ana@example.com>')).toBe('ana@example.com');
    expect(plain('<https://e.com/?a=1&amp;b=2|e.com>')).toBe('https://e.com/?a=1&b=2');
    expect(parsed('run x who=<@U123|ana> where=<#C9|ops>').pairs).toEqual({ who: 'U123', where: 'C9' });
  });

  test('the names of objects of JavaScript are names like any other, or no names', () => {
    const { pairs } = parsed('run x y__proto__=1 constructor=2');
    expect(pairs).toEqual({ y__proto__: '1', constructor: '2' });
    expect(Object.getPrototypeOf(pairs)).toBe(Object.prototype);
    expect(parseCommand('run x __proto__=1')).toMatchObject({ problem: '“__proto__” is no name for an input.' });
    expect(parseCommand('__proto__ x')).toMatchObject({ outcome: 'problem' });
  });

  test('no text makes the parser throw, and every command it finds has a known verb', () => {
    const tokens = fc.constantFrom(
      'run',
      'list',
      '"',
      "'",
      '“',
      '=',
      'a=',
      'a="',
      ' ',
      '\n',
      '&lt;',
      '<@U1|x>',
      '😀',
      '__proto__=',
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ unit: 'binary', maxLength: 300 }),
          fc.array(tokens).map((all) => all.join('')),
        ),
        (text) => {
          const result = parseCommand(text);
          if (result.outcome === 'command') expect(VERBS).toContain(result.command.verb);
          else expect(result.problem.length).toBeGreaterThan(0);
        },
      ),
      { numRuns: 2000, seed: 7 },
    );
  });
});
