/** The limits of every kind of block, save those of tables and charts (check-data.ts). */
import { checkChart, checkDataTable, checkTable } from './check-data.ts';
import { checkLength, checkList, checkTextObject, fieldsOf, textLength } from './check-fields.ts';
import type { Fields, Report } from './check-fields.ts';
import { SLACK_LIMITS } from './limits.ts';

const TASK_STATES = ['pending', 'in_progress', 'complete', 'error'];

/** One block against the limits of its kind. */
export function checkBlock(block: Fields, at: string, report: Report): void {
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
  data_table: checkDataTable,
  data_visualization: checkChart,
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
  const label = { value: button['accessibility_label'], max: SLACK_LIMITS.accessibilityLabel, optional: true } as const;
  checkLength({ ...label, at: `${at}/accessibility_label` }, report);
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
