import { describe, expect, test } from 'vitest';
import { RunError } from '../../../src/errors.ts';
import { MODEL, converse, sonnet, tool, toolbox } from '../../support/claude-loop.ts';
import { callTools, say, startClaudeWire } from '../../support/claude-wire.ts';

const REPORT = { headline: 'All is well' };
const USAGE = { input: 1000, output: 200 };
const TURN = sonnet(1000, 200);

describe('evidence', () => {
  const down = (): never => {
    throw new Error('the shop is down');
  };

  test('a report without a call of a tool fails', async () => {
    await using wire = await startClaudeWire([say(REPORT, { usage: USAGE })]);
    const { end } = await converse(wire);
    expect(end).toMatchObject({ state: 'failed', why: 'no_evidence', microUsd: TURN });
    expect(end.error).toMatchObject({ code: 'AGENT_ANSWER', permanent: true });
  });

  test('a call that code made before is evidence', async () => {
    await using wire = await startClaudeWire([say(REPORT)]);
    const box = toolbox([tool('sales')]);
    await box.call({ name: 'sales', input: {}, by: 'code' }, new AbortController().signal);
    expect((await converse(wire, { toolbox: box })).end.state).toBe('completed');
  });

  test('a report whose only call failed fails, with what the tool said', async () => {
    await using wire = await startClaudeWire([callTools([{ name: 'sales' }]), say(REPORT)]);
    const { end } = await converse(wire, { tools: [tool('sales', down)] });
    expect(end).toMatchObject({ state: 'failed', why: 'all_tools_failed' });
    expect(end.error).toMatchObject({ code: 'AGENT_TOOLS', permanent: false });
    expect(end.error?.message).toContain('the shop is down');
  });

  test('three failures without a success end it at once', async () => {
    await using wire = await startClaudeWire(() => callTools([{ name: 'sales' }], { usage: USAGE }));
    const { end } = await converse(wire, { tools: [tool('sales', down)] });
    expect(end).toMatchObject({ state: 'failed', why: 'all_tools_failed', turns: 3, microUsd: 3 * TURN });
    expect(wire.requests).toHaveLength(3);
  });

  test('three failures of one answer end it after that answer', async () => {
    const calls = ['a', 'b', 'c'].map((name) => ({ name }));
    await using wire = await startClaudeWire(() => callTools(calls));
    const { end } = await converse(wire, { tools: calls.map(({ name }) => tool(name, down)) });
    expect([end.why, wire.requests.length]).toEqual(['all_tools_failed', 1]);
  });

  test('nothing is sent when what code called has failed three times', async () => {
    await using wire = await startClaudeWire([say(REPORT)]);
    const box = toolbox(['a', 'b', 'c'].map((name) => tool(name, down)));
    for (const name of ['a', 'b', 'c']) await box.call({ name, input: {}, by: 'code' }, new AbortController().signal);
    const { end, told } = await converse(wire, { toolbox: box });
    expect(end).toMatchObject({ state: 'failed', why: 'all_tools_failed', microUsd: 0, turns: 0 });
    expect([wire.requests.length, wire.counts.length, told.length]).toEqual([0, 0, 0]);
  });

  test('some failures among successes do not end it', async () => {
    const tools = [tool('sales'), tool('stock', down)];
    await using wire = await startClaudeWire([callTools([{ name: 'sales' }, { name: 'stock' }]), say(REPORT)]);
    const { end, box } = await converse(wire, { tools });
    expect(end.state).toBe('completed');
    expect(box.calls().map(({ name, state }) => `${name} ${state}`)).toEqual(['sales ok', 'stock failed']);
  });

  test('a required tool that failed fails the report, one that was not called too', async () => {
    const job = { model: MODEL, effort: 'medium' as const, requires: ['stock'] };
    const tools = [tool('sales'), tool('stock', down)];
    await using failed = await startClaudeWire([callTools([{ name: 'sales' }, { name: 'stock' }]), say(REPORT)]);
    const { end } = await converse(failed, { job, tools });
    expect(end).toMatchObject({ state: 'failed', why: 'no_evidence' });
    expect(end.error).toMatchObject({ code: 'AGENT_TOOLS', permanent: false });
    await using uncalled = await startClaudeWire([callTools([{ name: 'sales' }]), say(REPORT)]);
    const second = await converse(uncalled, { job, tools });
    expect(second.end).toMatchObject({ state: 'failed', why: 'no_evidence' });
    expect(second.end.error).toMatchObject({ code: 'AGENT_ANSWER' });
    expect(second.end.error?.message).toContain('stock');
  });

  test('a required tool that failed is judged and told by its own failures, not by those of others', async () => {
    const job = { model: MODEL, effort: 'medium' as const, requires: ['stock'] };
    const failing = (message: string, more: { permanent: boolean; retryAfterMs?: number }) => (): never => {
      throw new RunError(message, { code: 'AGENT_TOOLS', ...more });
    };
    const tools = [
      tool('sales'),
      tool('stock', failing('the stock is being counted', { permanent: false, retryAfterMs: 9_000 })),
      tool('mail', failing('there is no mail', { permanent: true, retryAfterMs: 60_000 })),
    ];
    const calls = callTools([{ name: 'sales' }, { name: 'stock' }]);
    await using wire = await startClaudeWire([calls, callTools([{ name: 'mail' }]), say(REPORT)]);
    const { end } = await converse(wire, { job, tools });
    expect(end.error).toMatchObject({ code: 'AGENT_TOOLS', permanent: false, retryAfterMs: 9_000 });
    expect(end.error?.message).toBe('stock failed, which the report needs: the stock is being counted');
  });

  test('calls that no tool could have answered are no reason not to try again', async () => {
    const calls = callTools([{ name: 'rm_rf' }, { name: 'curl' }, { name: 'sales', input: { days: 'all' } }]);
    await using wire = await startClaudeWire([calls]);
    const { end } = await converse(wire);
    expect(end).toMatchObject({ state: 'failed', why: 'all_tools_failed', error: { permanent: false } });
  });

  test('an unknown tool and a bad input go back as errors, and the conversation goes on', async () => {
    await using wire = await startClaudeWire([
      callTools([{ name: 'rm_rf' }, { name: 'sales', input: { days: 'all' } }]),
      callTools([{ name: 'sales', input: { days: 7 } }]),
      say(REPORT),
    ]);
    const { end, box } = await converse(wire);
    expect(end.state).toBe('completed');
    const results = wire.requests[1]?.body.messages.at(-1).content;
    expect(results).toMatchObject([
      { is_error: true, content: expect.stringContaining('there is no tool rm_rf; there are sales') },
      { is_error: true, content: expect.stringContaining('→ at days') },
    ]);
    expect(box.calls().map(({ state }) => state)).toEqual(['failed', 'failed', 'ok']);
  });
});
