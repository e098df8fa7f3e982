/** Each section in the form that Slack shows best, or as text where it cannot. */
import type { ChartSection, Section, TableSection } from '../../store/report-sections.ts';
import type { Report } from '../../store/report.ts';
import { oneLine } from '../format.ts';
import { sectionBlocks } from '../markdown.ts';
import { plainBlocks } from '../sections.ts';
import { advicePieces } from './advice.ts';
import { boldPieces, contextLine, titlePieces, toPieces } from './blocks.ts';
import { countChars } from './chars.ts';
import { nativeChart } from './charts.ts';
import { figurePieces } from './figures.ts';
import { SLACK_LIMITS } from './limits.ts';
import type { Piece } from './pages.ts';
import type { FilePlans } from './plans.ts';
import { columnsNote, nativeTable } from './tables.ts';
import type { SlackBlock } from './types.ts';

/** More values than this are a wall of numbers. */
const CHART_ROWS = 60;

export interface Setting {
  report: Report;
  format: 'native' | 'text';
  files: FilePlans;
  /** The run that the report is of; a notice has none. */
  runId?: string;
}

/** The pieces of the section at this index; what they leave out is said, and planned as a file. */
export function sectionPieces(index: number, setting: Setting): Piece[] {
  const { report, format } = setting;
  const section = report.sections[index];
  if (section === undefined) return [];
  const title = headingOf(section, format);
  switch (section.kind) {
    case 'markdown':
      return [...title, ...toPieces(sectionBlocks(section))];
    case 'figures':
      if (format === 'text') return [...title, ...toPieces(plainBlocks(section, report))];
      return [...title, ...figurePieces(section.figures, report.locale)];
    case 'table':
      return [...title, ...tablePieces(section, index, setting)];
    case 'chart':
      return chartPieces(section, index, setting);
    case 'actions': {
      const answered = format === 'text' ? undefined : advicePieces(section, { report, runId: setting.runId, index });
      return [...title, ...(answered ?? toPieces(plainBlocks(section, report)))];
    }
    default:
      return section satisfies never;
  }
}

function headingOf({ title }: Section, format: Setting['format']): Piece[] {
  if (title === undefined) return [];
  const text = oneLine(title) || 'Section';
  return format === 'native' ? titlePieces(text) : boldPieces(text);
}

function tablePieces(section: TableSection, index: number, { report, format, files }: Setting): Piece[] {
  const native = format === 'native' ? nativeTable(section, report) : undefined;
  if (native !== undefined) {
    const { block, omitted } = native;
    if (omitted.length === 0) return [heldPiece('table', [block])];
    const note = `${omitted.join(' · ')} · all of it is in ${files.values(index)}`;
    return [heldPiece('table', [block, contextLine(note)])];
  }
  if (section.rows.length === 0) return emptyTable(section, report);
  const columns = section.columns.slice(0, SLACK_LIMITS.dataTableColumns);
  const pieces = toPieces(plainBlocks({ ...section, columns }, report, section.preview));
  const omitted = columnsNote(columns.length, section.columns.length);
  if (omitted === undefined && section.rows.length <= section.preview) return pieces;
  const note = `${omitted === undefined ? '' : `${omitted} · `}all of it is in ${files.values(index)}`;
  return [...pieces, ...toPieces([{ kind: 'paragraph', inlines: [{ text: note, italic: true }] }])];
}

/** Slack takes no table without rows; its columns are named all the same. */
function emptyTable(section: TableSection, report: Report): Piece[] {
  const names = section.columns.map(({ label }) => oneLine(label)).join(', ');
  const columns = { kind: 'paragraph' as const, inlines: [{ text: `Columns: ${names}` }] };
  return toPieces([...plainBlocks(section, report), columns]);
}

function chartPieces(section: ChartSection, index: number, setting: Setting): Piece[] {
  const { format, files } = setting;
  const title = headingOf(section, format);
  const native = format === 'native' ? nativeChart(section) : undefined;
  if (native === undefined) {
    const text = chartText(section, index, setting);
    if (format === 'text') return [...title, ...text];
    const note = contextLine(`As a picture: ${files.picture(index)}`);
    return [...title, ...text, { kind: 'blocks', blocks: [note], chars: countChars(note) }];
  }
  const { chart } = section;
  const inUnit = chart.type === 'pie' && chart.unit !== undefined ? ` (in ${oneLine(chart.unit)})` : '';
  // Slack has no field for what a chart says in words.
  const blocks: SlackBlock[] = [native.block, contextLine(`${oneLine(section.alt)}${inUnit}`)];
  if (native.cut.length > 0) blocks.push(contextLine(`In full: ${native.cut.join('; ')}`));
  const isWhole = oneLine(section.title ?? '').length <= SLACK_LIMITS.chartTitle;
  return [...(isWhole ? [] : title), heldPiece('chart', blocks)];
}

/** What a chart says, and its values: the first of them when there are many, and all as a file. */
function chartText(section: ChartSection, index: number, { report, files }: Setting): Piece[] {
  const { chart } = section;
  if (chart.type === 'pie') return toPieces(plainBlocks(section, report));
  const categories = chart.categories.slice(0, CHART_ROWS);
  const series = chart.series.map(({ name, values }) => ({ name, values: values.slice(0, CHART_ROWS) }));
  const notes = [oneLine(chart.yLabel ?? '')];
  if (categories.length < chart.categories.length)
    notes.push(`${categories.length} of ${chart.categories.length} points · all of them are in ${files.values(index)}`);
  const text = notes.filter((note) => note !== '').join(' · ');
  const blocks = plainBlocks({ ...section, chart: { ...chart, categories, series } }, report);
  if (text === '') return toPieces(blocks);
  return toPieces([...blocks, { kind: 'paragraph', inlines: [{ text, italic: true }] }]);
}

function heldPiece(holds: 'chart' | 'table', blocks: SlackBlock[]): Piece {
  return { kind: 'blocks', blocks, chars: countChars(blocks), holds };
}
