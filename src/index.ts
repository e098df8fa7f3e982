/** The public entry: what files in a jobs folder import from `bellhop`. */
export { PermanentError, RetryLater } from './errors.ts';
export { agentJob, defineTool } from './runner/agent-job.ts';
export type {
  AgentBudget,
  AgentJob,
  AgentTool,
  Analysis,
  Confidence,
  Evidence,
  KnownTarget,
  NewAdvice,
  NewFact,
  NewFinding,
  ToolContext,
  ToolOutput,
} from './runner/agent-job.ts';
export { shopifyTools } from './runner/kinds/agent/tools/shopify/tools.ts';
export type {
  Days,
  Discount,
  Order,
  OrderLine,
  Product,
  Read,
  ShopFacts,
  ShopSource,
  Variant,
} from './runner/kinds/agent/tools/shopify/rows.ts';
export type { Fact, FactWindow, ToolCall } from './store/agent-records.ts';
export type { AdviceRow, MemoryEntry } from './store/memory-records.ts';
export { defineJob } from './runner/jobs.ts';
export type { CommandJob, Duration, FunctionJob, JobContext, JobDefinition } from './runner/jobs.ts';
export { splitTargets } from './runner/targets.ts';
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
