/** Every section as plain blocks: what a form shows that has nothing better, and what a better form falls back to. */
import type { ChartSection, Section, TableSection } from '../store/report-sections.ts';
import type { Report } from '../store/report.ts';
import { describeDelta, oneLine } from './format.ts';
import { sectionBlocks } from './markdown.ts';
import type { Block, Inline } from './markdown.ts';
import { alignOf, axisNote, chartRows, formatCell, hrefOf } from './values.ts';

type Place = Pick<Report, 'locale' | 'timeZone'>;

/** The section without its title; a table shows `rows` of its rows at most (default all), and says how many there are. */
export function plainBlocks(section: Section, place: Place, rows = Number.POSITIVE_INFINITY): Block[] {
  switch (section.kind) {
    case 'markdown':
      return sectionBlocks(section);
    case 'figures':
      return [figureList(section.figures, place.locale)];
    case 'table':
      return tableBlocks(section, place, rows);
    case 'chart':
      return chartBlocks(section, place);
    case 'actions':
      return [actionList(section.items)];
    default:
      return section satisfies never;
  }
}

/** `8 of 240 rows`; undefined when all are shown. */
export function rowsNote(shown: number, total: number): string | undefined {
  return shown >= total ? undefined : `${shown} of ${total} rows`;
}

function tableBlocks(section: TableSection, place: Place, limit: number): Block[] {
  const { columns, rows, caption } = section;
  const shown = rows.slice(0, limit);
  const cells = shown.map((row) =>
    columns.map((column): Inline[] => {
      const cell = row[column.key];
      const href = hrefOf(cell);
      return [{ text: formatCell(cell, column, place), ...(href === undefined ? {} : { href }) }];
    }),
  );
  const header = columns.map(({ label }): Inline[] => [{ text: oneLine(label), bold: true }]);
  const note = rowsNote(shown.length, rows.length);
  const lead: Inline[] = [{ text: oneLine(caption), italic: true }];
  if (rows.length === 0) return [paragraph([...lead, { text: ': no rows' }])];
  return [
    paragraph(note === undefined ? lead : [...lead, { text: ` (${note})` }]),
    { kind: 'table', align: columns.map(alignOf), rows: [header, ...cells] },
  ];
}

function chartBlocks({ alt, chart }: ChartSection, { locale }: Place): Block[] {
  const rows = chartRows(chart, locale).map((row) => row.map((text): Inline[] => [{ text }]));
  const align = (rows[0] ?? []).map((_, column) => (column === 0 ? ('left' as const) : ('right' as const)));
  const axes = axisNote(chart);
  const note = axes === undefined ? [] : [paragraph([{ text: axes }])];
  return [paragraph([{ text: oneLine(alt) }]), ...note, { kind: 'table', align, rows }];
}

function figureList(figures: Extract<Section, { kind: 'figures' }>['figures'], locale: string): Block {
  const items = figures.map((figure) => {
    const change = figure.delta === undefined ? '' : ` (${oneLine(describeDelta(figure.delta, locale).text)})`;
    const inlines: Inline[] = [
      { text: `${oneLine(figure.label)}: ` },
      { text: oneLine(figure.display), bold: true },
      { text: change },
    ];
    return { blocks: [paragraph(inlines)] };
  });
  return { kind: 'list', ordered: false, start: 1, items };
}

function actionList(actions: Extract<Section, { kind: 'actions' }>['items']): Block {
  const items = actions.map(({ title, why, href, impact }) => {
    const name: Inline = { text: oneLine(title), bold: true, ...(href === undefined ? {} : { href }) };
    const inlines: Inline[] = [name];
    if (impact !== undefined) inlines.push({ text: ` · ${oneLine(impact)}` });
    if (why !== undefined) inlines.push({ text: `\n${oneLine(why)}` });
    return { blocks: [paragraph(inlines)] };
  });
  return { kind: 'list', ordered: true, start: 1, items };
}

function paragraph(inlines: Inline[]): Block {
  return { kind: 'paragraph', inlines };
}
