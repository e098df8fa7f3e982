/** The public entry: what files in a jobs folder import from `bellhop`. */
export { PermanentError, RetryLater } from './errors.ts';
export { defineJob } from './runner/jobs.ts';
export type { CommandJob, Duration, FunctionJob, JobContext, JobDefinition } from './runner/jobs.ts';
export type { Target } from './runner/targets.ts';
export type { ReportInput } from './store/report.ts';
