/** The report as a job writes it: what has a default may be left out, and files are given with their bytes. */
import type { z } from 'zod';
import type { Action, Cell, Chart, Column, Delta, Figure, Section } from '../store/report-sections.ts';
import type { ReportInput as Stored } from '../store/report.ts';

/** A file of a report: its text, or its bytes as base64. */
export type ReportAttachment = { name: string; mediaType?: string; title?: string } & (
  { text: string; base64?: never } | { base64: string; text?: never }
);
export type ReportInput = Omit<Stored, 'attachments'> & { attachments?: readonly ReportAttachment[] };

export type SectionInput = z.input<typeof Section>;
export type FigureInput = z.input<typeof Figure>;
export type DeltaInput = z.input<typeof Delta>;
export type ColumnInput = z.input<typeof Column>;
export type CellInput = z.input<typeof Cell>;
export type ChartInput = z.input<typeof Chart>;
export type ActionInput = Action;
