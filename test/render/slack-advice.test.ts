import { describe, expect, it } from 'vitest';
import { drawMessage } from '../../src/playground/draw.ts';
import { checkMessage } from '../../src/render/slack/check.ts';
import { degradeBlock, splitMessage } from '../../src/render/slack/degrade.ts';
import type { SlackMessage } from '../../src/render/slack/message.ts';
import { renderSlackReport } from '../../src/render/slack/report.ts';
import type { SlackReportOptions } from '../../src/render/slack/report.ts';
import { renderText } from '../../src/render/text.ts';
import type { Action } from '../../src/store/report-sections.ts';
import { makeReport, sampleRun } from '../support/delivery-report.ts';
import { adviceKey } from '../support/memory-rows.ts';
import { messagesOf } from '../support/slack-blocks.ts';

const run = sampleRun();
const item = (n: number, over: Partial<Action> = {}): Action => ({
  title: `Reorder product ${n}`,
  why: 'It is sold out in 3 days.',
  impact: '$400 a week',
  advice: { runId: run.id, key: adviceKey(n) },
  ...over,
});
const render = (items: Action[], options: SlackReportOptions = {}): SlackMessage[] => {
  const report = makeReport({ sections: [{ kind: 'actions', title: 'Do this', items }] });
  const messages = messagesOf(renderSlackReport(report, { run }, options));
  expect(messages.flatMap((message) => checkMessage(message))).toEqual([]);
  return messages;
};
const buttonsOf = (messages: readonly SlackMessage[]) =>
  messages.flatMap(({ blocks }) => blocks.flatMap((block) => (block.type === 'actions' ? block.elements : [])));

describe('what a report recommends, in Slack', () => {
  it('has a row of buttons under its text that name the run and the advice', () => {
    const [message] = render([item(1), item(2)]);
    const shown = JSON.stringify(message);
    for (const said of ['Reorder product 1', 'It is sold out in 3 days.', '$400 a week']) expect(shown).toContain(said);
    expect(buttonsOf(message === undefined ? [] : [message])).toMatchObject(
      [1, 2].flatMap((n) =>
        [
          ['done', 'Done'],
          ['later', 'Not now'],
          ['never', 'Never'],
        ].map(([as, label]) => ({
          action_id: `advice:${as}`,
          value: `${run.id}|${adviceKey(n)}`,
          text: { text: label },
          accessibility_label: `${label}: Reorder product ${n}`,
        })),
      ),
    );
  });

  it('asks before never, and before nothing else', () => {
    const asking = buttonsOf(render([item(1)])).map((button) => 'confirm' in button);
    expect(asking).toEqual([false, false, true]);
  });

  it('is drawn in the playground with its buttons', () => {
    const [message] = render([item(1)]);
    expect(drawMessage(message ?? { text: '' })).toMatch(
      /1\. Reorder product 1[^]*\[ Done \] \[ Not now \] \[ Never \]/,
    );
  });

  it('keeps its numbers, also where an item between has no buttons', () => {
    const messages = render([item(1), { title: 'Call the supplier' }, item(3)]);
    expect(buttonsOf(messages)).toHaveLength(6);
    const drawn = messages.map((message) => drawMessage(message)).join('\n');
    expect(drawn).toMatch(/1\. Reorder product 1[^]*2\. Call the supplier[^]*3\. Reorder product 3/);
  });

  it('is drawn as before where no item is in the memory of this run', () => {
    const other = { runId: `run_${'0'.repeat(26)}`, key: adviceKey(1) };
    const plain = render([{ title: 'Reorder product 1', why: 'It is sold out in 3 days.', impact: '$400 a week' }]);
    expect(render([item(1, { advice: other })])).toEqual(plain);
  });

  it('has no buttons as plain text, in a terminal and in a notice', () => {
    expect(buttonsOf(render([item(1)], { format: 'text' }))).toEqual([]);
    const report = makeReport({ sections: [{ kind: 'actions', items: [item(1)] }] });
    expect(renderText(report, { width: 80, color: 'none', links: 'written' })).not.toContain('Not now');
  });

  it('fits what Slack takes with twenty items of the longest texts, each with its buttons in its message', () => {
    const long = (n: number): Action =>
      item(n, {
        title: `${n} ${'t'.repeat(190)}`,
        why: '&'.repeat(1000),
        impact: 'i'.repeat(80),
        href: 'https://x.example/',
      });
    const messages = render(Array.from({ length: 20 }, (_, n) => long(n + 1)));
    expect(buttonsOf(messages)).toHaveLength(60);
    for (const { blocks } of messages) {
      blocks.forEach((block, at) => {
        if (block.type === 'actions') expect(blocks[at - 1]?.type).toBe('rich_text');
      });
    }
  });

  it('leaves text and buttons together when a message is divided, and says the words of buttons that Slack refuses', () => {
    const [message] = render([item(1), item(2), item(3)]);
    if (message === undefined) throw new Error('no message');
    for (const half of splitMessage(message) ?? []) expect(half.blocks[0]?.type).not.toBe('actions');
    const at = message.blocks.findIndex((block) => block.type === 'actions');
    const degraded = degradeBlock(message, `/blocks/${at}`);
    expect(JSON.stringify(degraded?.blocks[at])).toContain('Done · Not now · Never');
  });

  it('refuses a message that uses a block id twice, or a label that is too long', () => {
    const button = { type: 'button', text: { type: 'plain_text', text: 'x' }, accessibility_label: 'x'.repeat(76) };
    const row = { type: 'actions', block_id: 'a', elements: [button] };
    expect(checkMessage({ text: 'x', blocks: [row, row] }).map(({ pointer }) => pointer)).toEqual([
      '/blocks/0/elements/0/accessibility_label',
      '/blocks/1/elements/0/accessibility_label',
      '/blocks/1/block_id',
    ]);
  });
});
