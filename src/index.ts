/** The public entry: what files in a jobs folder import from `bellhop`. */
export { PermanentError, RetryLater } from './errors.ts';
export { defineJob } from './runner/jobs.ts';
export type { CommandJob, Duration, FunctionJob, JobContext, JobDefinition } from './runner/jobs.ts';
export type { Target } from './runner/targets.ts';
export type { NewAttachment } from './runner/attachments.ts';
export type { ReportAttachment, ReportInput } from './runner/report-input.ts';
export type {
  ActionInput,
  CellInput,
  ChartInput,
  ColumnInput,
  DeltaInput,
  FigureInput,
  SectionInput,
} from './runner/report-input.ts';
export type { Destination } from './store/destinations.ts';
