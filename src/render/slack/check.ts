/** Whether Slack would take a message as it goes over the wire. */
import { SLACK_LIMITS } from './limits.ts';

/** Why Slack would refuse a message: its error code, a JSON pointer to the place, and the rule in words. */
export interface Violation {
  code: 'invalid_blocks' | 'msg_too_long' | 'msg_blocks_too_long' | 'no_text';
  pointer: string;
  message: string;
}

type Fields = Record<string, unknown>;
type Report = (pointer: string, message: string) => void;

const TASK_STATES = ['pending', 'in_progress', 'complete', 'error'];
const COUNTED_KEYS = new Set(['text', 'url', 'title', 'alt_text']);

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
  const markdown = blocks
    .filter((block) => block['type'] === 'markdown')
    .reduce((sum, block) => sum + textLength(block), 0);
  if (markdown > SLACK_LIMITS.markdown) report('/blocks', `more than ${SLACK_LIMITS.markdown} characters of markdown`);
  if (blocks.filter((block) => block['type'] === 'table').length > SLACK_LIMITS.tables)
    report('/blocks', 'more than one table');
  if (countChars(blocks) > SLACK_LIMITS.messageCharsRefused) {
    const rule = `more than ${SLACK_LIMITS.messageCharsRefused} characters in all blocks`;
    found.push({ code: 'msg_blocks_too_long', pointer: '/blocks', message: rule });
  }
  return found;
}

/** The characters (UTF-16 units) of everything that a reader of these blocks sees, link targets included. */
export function countChars(value: unknown): number {
  if (Array.isArray(value)) return value.reduce<number>((sum, item) => sum + countChars(item), 0);
  if (typeof value !== 'object' || value === null) return 0;
  let sum = 0;
  for (const [key, item] of Object.entries(value)) {
    sum += typeof item === 'string' ? (COUNTED_KEYS.has(key) ? item.length : 0) : countChars(item);
  }
  return sum;
}

function checkBlock(block: Fields, at: string, report: Report): void {
  checkLength({ value: block['block_id'], max: SLACK_LIMITS.id, at: `${at}/block_id`, optional: true }, report);
  const check = BLOCK_CHECKS[String(block['type'])];
  if (check === undefined) report(at, `unsupported type: ${String(block['type'])}`);
  else check(block, at, report);
}

const BLOCK_CHECKS: Record<string, (block: Fields, at: string, report: Report) => void> = {
  header: (block, at, report) => {
    checkTextObject(block['text'], { at: `${at}/text`, max: SLACK_LIMITS.header, types: ['plain_text'] }, report);
  },
  section: checkSection,
  context: (block, at, report) => {
    const elements = checkList(
      block['elements'],
      { at: `${at}/elements`, min: 1, max: SLACK_LIMITS.contextElements },
      report,
    );
    elements.forEach((element, index) => {
      const where = `${at}/elements/${index}`;
      if (element['type'] === 'image') checkImage(element, where, report);
      else checkTextObject(element, { at: where, max: SLACK_LIMITS.section, types: ['plain_text', 'mrkdwn'] }, report);
    });
  },
  actions: (block, at, report) => {
    const elements = checkList(block['elements'], { at: `${at}/elements`, min: 1, max: SLACK_LIMITS.actions }, report);
    const ids = new Set<unknown>();
    elements.forEach((element, index) => {
      if (ids.has(element['action_id'])) report(`${at}/elements/${index}/action_id`, 'is used twice');
      ids.add(element['action_id']);
      if (element['type'] === 'button') checkButton(element, `${at}/elements/${index}`, report);
    });
  },
  divider: () => undefined,
  image: checkImage,
  markdown: (block, at, report) => {
    checkLength({ value: block['text'], max: SLACK_LIMITS.markdown, at: `${at}/text` }, report);
  },
  rich_text: checkRichText,
  table: checkTable,
  data_table: (block, at, report) => {
    checkLength({ value: block['caption'], max: SLACK_LIMITS.section, at: `${at}/caption` }, report);
    const rows = checkRows(block, at, report);
    if (rows < 2) report(`${at}/rows`, 'must have a header and one row or more');
  },
  plan: checkPlan,
  task_card: (block, at, report) => checkTask(block, at, report),
  input: (block, at, report) => {
    checkTextObject(block['label'], { at: `${at}/label`, max: 2_000, types: ['plain_text'] }, report);
  },
};

function checkSection(block: Fields, at: string, report: Report): void {
  if (block['text'] === undefined && block['fields'] === undefined) report(at, 'must have text or fields');
  if (block['text'] !== undefined) {
    checkTextObject(
      block['text'],
      { at: `${at}/text`, max: SLACK_LIMITS.section, types: ['plain_text', 'mrkdwn'] },
      report,
    );
  }
  if (block['fields'] !== undefined) {
    const fields = checkList(block['fields'], { at: `${at}/fields`, min: 1, max: SLACK_LIMITS.fields }, report);
    fields.forEach((field, index) => {
      checkTextObject(
        field,
        { at: `${at}/fields/${index}`, max: SLACK_LIMITS.field, types: ['plain_text', 'mrkdwn'] },
        report,
      );
    });
  }
  const accessory = fieldsOf(block['accessory']);
  if (accessory['type'] === 'button') checkButton(accessory, `${at}/accessory`, report);
}

function checkButton(button: Fields, at: string, report: Report): void {
  checkTextObject(button['text'], { at: `${at}/text`, max: SLACK_LIMITS.buttonText, types: ['plain_text'] }, report);
  checkLength({ value: button['value'], max: SLACK_LIMITS.buttonValue, at: `${at}/value`, optional: true }, report);
  checkLength({ value: button['url'], max: SLACK_LIMITS.url, at: `${at}/url`, optional: true }, report);
  checkLength({ value: button['action_id'], max: SLACK_LIMITS.id, at: `${at}/action_id`, optional: true }, report);
  if (button['style'] !== undefined && button['style'] !== 'primary' && button['style'] !== 'danger') {
    report(`${at}/style`, 'must be primary or danger');
  }
  if (button['confirm'] === undefined) return;
  const confirm = fieldsOf(button['confirm']);
  checkTextObject(
    confirm['title'],
    { at: `${at}/confirm/title`, max: SLACK_LIMITS.confirmTitle, types: ['plain_text'] },
    report,
  );
  const types = ['plain_text', 'mrkdwn'];
  checkTextObject(confirm['text'], { at: `${at}/confirm/text`, max: SLACK_LIMITS.confirmText, types }, report);
  for (const key of ['confirm', 'deny']) {
    checkTextObject(
      confirm[key],
      { at: `${at}/confirm/${key}`, max: SLACK_LIMITS.confirmButton, types: ['plain_text'] },
      report,
    );
  }
}

function checkImage(image: Fields, at: string, report: Report): void {
  checkLength({ value: image['alt_text'], max: SLACK_LIMITS.altText, at: `${at}/alt_text` }, report);
  if (image['slack_file'] === undefined) {
    checkLength({ value: image['image_url'], max: SLACK_LIMITS.url, at: `${at}/image_url` }, report);
  }
}

function checkRichText(block: Fields, at: string, report: Report): void {
  const groups = checkList(block['elements'], { at: `${at}/elements`, min: 1, max: 500 }, report);
  groups.forEach((group, index) => {
    const where = `${at}/elements/${index}`;
    const items = checkList(group['elements'], { at: `${where}/elements`, min: 1, max: 2_000 }, report);
    if (group['type'] === 'rich_text_list') {
      if (group['style'] !== 'bullet' && group['style'] !== 'ordered')
        report(`${where}/style`, 'must be bullet or ordered');
      const indent = group['indent'] ?? 0;
      if (typeof indent !== 'number' || indent < 0 || indent > 8) report(`${where}/indent`, 'must be 0 to 8');
      items.forEach((item, n) => checkInlines(item['elements'], `${where}/elements/${n}/elements`, report));
    } else if (['rich_text_section', 'rich_text_quote', 'rich_text_preformatted'].includes(String(group['type']))) {
      checkInlines(group['elements'], `${where}/elements`, report);
    } else report(where, `unsupported type: ${String(group['type'])}`);
  });
}

function checkInlines(value: unknown, at: string, report: Report): void {
  const inlines = checkList(value, { at, min: 1, max: 2_000 }, report);
  inlines.forEach((inline, index) => {
    if (inline['type'] === 'text' && textLength(inline) === 0) report(`${at}/${index}/text`, 'must not be empty');
    if (inline['type'] === 'link')
      checkLength({ value: inline['url'], max: SLACK_LIMITS.url, at: `${at}/${index}/url` }, report);
  });
}

function checkTable(block: Fields, at: string, report: Report): void {
  checkRows(block, at, report);
  if (countChars(block) > SLACK_LIMITS.tableChars)
    report(at, `more than ${SLACK_LIMITS.tableChars} characters in all cells`);
}

function checkRows(block: Fields, at: string, report: Report): number {
  const rows: unknown[] = Array.isArray(block['rows']) ? block['rows'] : [];
  if (rows.length < 1 || rows.length > SLACK_LIMITS.tableRows + 1) {
    report(`${at}/rows`, `must have 1 to ${SLACK_LIMITS.tableRows} rows`);
  }
  const width = Array.isArray(rows[0]) ? rows[0].length : 0;
  rows.forEach((row, index) => {
    const cells = Array.isArray(row) ? row.length : 0;
    if (cells < 1 || cells > SLACK_LIMITS.tableColumns || cells !== width) {
      report(`${at}/rows/${index}`, `must have 1 to ${SLACK_LIMITS.tableColumns} cells, as many as the first row`);
    }
  });
  return rows.length;
}

function checkPlan(block: Fields, at: string, report: Report): void {
  checkLength({ value: block['title'], max: SLACK_LIMITS.field, at: `${at}/title` }, report);
  const tasks = checkList(block['tasks'], { at: `${at}/tasks`, min: 0, max: SLACK_LIMITS.tasks }, report);
  const ids = new Set<unknown>();
  tasks.forEach((task, index) => {
    if (ids.has(task['task_id'])) report(`${at}/tasks/${index}/task_id`, 'is used twice');
    ids.add(task['task_id']);
    checkTask(task, `${at}/tasks/${index}`, report);
  });
}

function checkTask(task: Fields, at: string, report: Report): void {
  checkLength({ value: task['task_id'], max: SLACK_LIMITS.id, at: `${at}/task_id` }, report);
  checkLength({ value: task['title'], max: SLACK_LIMITS.field, at: `${at}/title` }, report);
  // `completed` is refused (SLACK.md 2).
  if (!TASK_STATES.includes(String(task['status']))) report(`${at}/status`, `must be one of ${TASK_STATES.join(', ')}`);
  for (const key of ['details', 'output']) {
    if (task[key] !== undefined) checkRichText(fieldsOf(task[key]), `${at}/${key}`, report);
  }
}

function checkTextObject(value: unknown, rule: { at: string; max: number; types: string[] }, report: Report): void {
  const object = fieldsOf(value);
  if (!rule.types.includes(String(object['type']))) return report(rule.at, `must be ${rule.types.join(' or ')}`);
  checkLength({ value: object['text'], max: rule.max, at: `${rule.at}/text` }, report);
}

function checkLength(rule: { value: unknown; max: number; at: string; optional?: true }, report: Report): void {
  if (rule.value === undefined && rule.optional) return;
  if (typeof rule.value !== 'string' || rule.value.length === 0) report(rule.at, 'must be a text that is not empty');
  else if (rule.value.length > rule.max) report(rule.at, `must be no more than ${rule.max} characters`);
}

function checkList(value: unknown, rule: { at: string; min: number; max: number }, report: Report): Fields[] {
  if (!Array.isArray(value)) {
    report(rule.at, 'must be an array');
    return [];
  }
  if (value.length < rule.min || value.length > rule.max) report(rule.at, `must have ${rule.min} to ${rule.max} items`);
  return value.map(fieldsOf);
}

function textLength(fields: Fields): number {
  return typeof fields['text'] === 'string' ? fields['text'].length : 0;
}

function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value))
    : {};
}
