/**
 * The limits of Slack messages, each with its source.
 * D = docs.slack.dev, T = doc comments of @slack/types 3.2, I = an issue with a live finding, O = ours.
 */
export const SLACK_LIMITS = {
  /** D: blocks in a message. */
  blocks: 50,
  /** O: our budget of text in a message; I (bolt-js 2509): `msg_blocks_too_long` at about 13,200, undocumented. */
  messageChars: 10_000,
  /** I (bolt-js 2509): what is refused for certain. */
  messageCharsRefused: 13_200,
  /** D: longer `text` is cut by Slack. */
  text: 40_000,
  /** O: what notifications and screen readers should have to read. */
  fallbackText: 3_000,
  /** T: header block, plain text. */
  header: 150,
  /** T: text of a section. */
  section: 3_000,
  /** T: fields of a section, and the text of one. */
  fields: 10,
  field: 2_000,
  /** T: elements of a context block. */
  contextElements: 10,
  /** T: elements of an actions block. */
  actions: 25,
  /** T: button. */
  buttonText: 75,
  buttonValue: 2_000,
  accessibilityLabel: 75,
  url: 3_000,
  /** T: confirm dialog. */
  confirmTitle: 100,
  confirmText: 300,
  confirmButton: 30,
  /** T: block_id and action_id. */
  id: 255,
  /** D: table block; I (vercel/chat 194, openclaw 57717): one of them in a message. */
  tables: 1,
  tableRows: 100,
  tableColumns: 20,
  tableChars: 10_000,
  /** D: data table block: rows under the header, columns, characters over all cells of a message, rows a page. A copy of the docs of Aug 2026
   * says 200 rows and 20,000 characters (I, assistant-ui 5785); not verified live, so the older and smaller stand. */
  dataTableRows: 100,
  dataTableColumns: 20,
  dataTableChars: 10_000,
  dataTablePage: 100,
  /** O: as with `tables`; whether Slack takes more is not documented. */
  dataTables: 1,
  /** O: no limit is documented. */
  caption: 300,
  /** I (vercel/chat 696): charts in a message, undocumented. */
  charts: 2,
  /** D: data visualization block: its title, the points of a series, labels and names, titles of axes, and series or segments (12 in a
   * newer copy of the docs). */
  chartTitle: 50,
  chartPoints: 20,
  chartLabel: 20,
  chartAxis: 50,
  chartSeries: 6,
  /** D: markdown block, summed over the message. */
  markdown: 12_000,
  /** T: alt_text of an image. */
  altText: 2_000,
  /** O: tasks of a plan; no limit is documented. */
  tasks: 50,
} as const;
