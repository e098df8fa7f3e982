/** Whether Slack would take a message as it goes over the wire. */
import { countChars } from './chars.ts';
import { checkBlock } from './check-blocks.ts';
import { fieldsOf, textLength } from './check-fields.ts';
import type { Fields, Report } from './check-fields.ts';
import { SLACK_LIMITS } from './limits.ts';

/** Why Slack would refuse a message: its error code, a JSON pointer to the place, and the rule in words. */
export interface Violation {
  code: 'invalid_blocks' | 'msg_too_long' | 'msg_blocks_too_long' | 'no_text';
  pointer: string;
  message: string;
}

/** Checks a message as it goes over the wire against every limit; an empty answer means that Slack should take it. */
export function checkMessage(message: { text?: unknown; blocks?: unknown }): Violation[] {
  const found: Violation[] = [];
  const text = typeof message.text === 'string' ? message.text : '';
  const blocks = Array.isArray(message.blocks) ? message.blocks.map(fieldsOf) : [];
  if (message.blocks !== undefined && message.blocks !== null && !Array.isArray(message.blocks)) {
    found.push({ code: 'invalid_blocks', pointer: '/blocks', message: 'must be an array' });
  }
  if (text.trim() === '' && blocks.length === 0) {
    found.push({ code: 'no_text', pointer: '', message: 'a message needs text or blocks' });
  }
  if (text.length > SLACK_LIMITS.text) {
    found.push({ code: 'msg_too_long', pointer: '/text', message: `more than ${SLACK_LIMITS.text} characters` });
  }
  const report: Report = (pointer, reason) => found.push({ code: 'invalid_blocks', pointer, message: reason });
  if (blocks.length > SLACK_LIMITS.blocks) report('/blocks', `more than ${SLACK_LIMITS.blocks} blocks`);
  blocks.forEach((block, index) => checkBlock(block, `/blocks/${index}`, report));
  checkSums(blocks, report);
  checkIds(blocks, report);
  if (countChars(blocks) > SLACK_LIMITS.messageCharsRefused) {
    const rule = `more than ${SLACK_LIMITS.messageCharsRefused} characters in all blocks`;
    found.push({ code: 'msg_blocks_too_long', pointer: '/blocks', message: rule });
  }
  return found;
}

/** Slack takes no block_id twice. */
function checkIds(blocks: readonly Fields[], report: Report): void {
  const known = new Set<unknown>();
  blocks.forEach(({ block_id: id }, index) => {
    if (id === undefined) return;
    if (known.has(id)) report(`/blocks/${index}/block_id`, 'is used twice');
    known.add(id);
  });
}

/** What counts over the whole message. */
function checkSums(blocks: readonly Fields[], report: Report): void {
  const ofType = (type: string): Fields[] => blocks.filter((block) => block['type'] === type);
  const markdown = ofType('markdown').reduce((sum, block) => sum + textLength(block), 0);
  if (markdown > SLACK_LIMITS.markdown) report('/blocks', `more than ${SLACK_LIMITS.markdown} characters of markdown`);
  if (countChars(ofType('data_table').map((block) => block['rows'])) > SLACK_LIMITS.dataTableChars)
    report('/blocks', `more than ${SLACK_LIMITS.dataTableChars} characters in all cells`);
  const most = {
    table: SLACK_LIMITS.tables,
    data_table: SLACK_LIMITS.dataTables,
    data_visualization: SLACK_LIMITS.charts,
  };
  for (const [type, max] of Object.entries(most)) {
    // Slack points at the block that is one too many.
    const last = blocks.findIndex((block) => block === ofType(type)[max]);
    if (last >= 0) report(`/blocks/${last}`, `no more than ${max} of type ${type} in a message`);
  }
}
