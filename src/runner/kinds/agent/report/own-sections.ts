/** Sections that the code of a job made, with their facts filled in and held to the bounds of a report. Pure. */
import { Section } from '../../../../store/report-sections.ts';
import type { CellInput, SectionInput } from '../../../report-input.ts';
import { cutLine } from '../harmless-text.ts';
import type { Pen } from './pen.ts';

export interface Sections {
  sections: SectionInput[];
  /** What was left out, and why. */
  lint: string[];
}

/** At most `most` of them. `cells`: the texts of tables may have facts in them too; else they are data, and stay as they are. */
export function ownSections(given: readonly SectionInput[], how: { pen: Pen; most: number; cells: boolean }): Sections {
  const sections: SectionInput[] = [];
  const lint: string[] = [];
  const ids = new Set<string>();
  given.forEach((section, at) => {
    if (sections.length >= how.most) return;
    const filled = fitted(section, how);
    const read = Section.safeParse(filled);
    if (!read.success || (read.data.id !== undefined && ids.has(read.data.id))) {
      const why = read.success ? 'its id is used twice' : (read.error.issues[0]?.message ?? 'it is not valid');
      lint.push(cutLine(`section ${at + 1} of the job was left out: ${why}`, 200));
      return;
    }
    if (read.data.id !== undefined) ids.add(read.data.id);
    sections.push(filled);
  });
  if (given.length > how.most) lint.push(`the job made ${given.length} sections; at most ${how.most} are shown`);
  return { sections, lint };
}

function fitted(section: SectionInput, { pen, cells }: { pen: Pen; cells: boolean }): SectionInput {
  const title = typeof section.title === 'string' ? { title: pen.line(section.title, 120) || '–' } : {};
  switch (section.kind) {
    case 'markdown':
      return { ...section, ...title, markdown: pen.markdown(section.markdown) };
    case 'table':
      return {
        ...section,
        ...title,
        caption: pen.line(section.caption, 200) || '–',
        ...(cells && { rows: section.rows.map((row) => mapped(row, (cell) => filledCell(cell, pen))) }),
      };
    case 'chart':
      return { ...section, ...title, alt: pen.line(section.alt, 2_000) };
    case 'figures':
      return {
        ...section,
        ...title,
        figures: section.figures.map((figure) => ({
          ...figure,
          label: pen.line(figure.label, 60) || '–',
          display: pen.line(figure.display, 40) || '–',
        })),
      };
    case 'actions':
      return {
        ...section,
        ...title,
        items: section.items.map(({ title: name, why, impact, ...rest }) => ({
          ...rest,
          title: pen.line(name, 200) || '–',
          ...(why !== undefined && { why: pen.line(why, 1_000) || '–' }),
          ...(impact !== undefined && { impact: pen.line(impact, 80) || '–' }),
        })),
      };
    default:
      return section;
  }
}

function mapped(row: Record<string, CellInput>, change: (cell: CellInput) => CellInput): Record<string, CellInput> {
  return Object.fromEntries(Object.entries(row).map(([key, cell]) => [key, change(cell)]));
}

function filledCell(cell: CellInput, pen: Pen): CellInput {
  if (typeof cell === 'string') return pen.line(cell, 4_000);
  return typeof cell === 'object' && cell !== null ? { ...cell, text: pen.line(cell.text, 4_000) } : cell;
}
