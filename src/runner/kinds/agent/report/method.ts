/** How a report was made: what failed, what is missing, who worded it, what was left out. Pure. */
import { iso } from '../../../../clock.ts';
import type { AgentAccount, AgentWhy, ToolCall } from '../../../../store/agent-records.ts';
import type { Evidence } from '../../../agent-job.ts';
import type { ReportInput } from '../../../report-input.ts';
import { bullets, counted } from './pen.ts';
import { cutLine, escapeMarkdown, foreignText } from '../harmless-text.ts';

const MAX_GAPS = 10;
const MAX_NOTES = 6;
const MAX_SOURCES = 20;
const MAX_WARNINGS = 20;

export type ShownAccount = Pick<AgentAccount, 'mode' | 'why' | 'cutShort' | 'model' | 'microUsd' | 'ms'>;

const LIMITS: Readonly<Partial<Record<AgentWhy, string>>> = {
  max_turns: 'the limit on turns',
  budget_usd: 'the limit on money',
  budget_tokens: 'the limit on tokens',
  tool_calls: 'the limit on tool calls',
  deadline: 'the limit on time',
};

/** `sales_summary` as people read it. */
function toolTitle(name: string): string {
  const words = foreignText(name.replaceAll('_', ' '), 64);
  return words.charAt(0).toUpperCase() + words.slice(1);
}

interface ToolState {
  name: string;
  ok: number;
  failed: number;
  /** The error of its last call, when that failed: nothing made up for it. */
  error: string | undefined;
}

/** Each tool once, in the order of its first call. */
function toolStates(calls: readonly ToolCall[]): ToolState[] {
  const states = new Map<string, ToolState>();
  for (const { name, state, error } of calls) {
    const known = states.get(name) ?? { name, ok: 0, failed: 0, error: undefined };
    states.set(name, {
      name,
      ok: known.ok + (state === 'ok' ? 1 : 0),
      failed: known.failed + (state === 'failed' ? 1 : 0),
      error: state === 'ok' ? undefined : foreignText(error ?? '', 300) || 'no reason is known',
    });
  }
  return [...states.values()];
}

/** What a reader must know before believing the rest. */
export function warningsOf(evidence: Evidence, account: ShownAccount): string[] {
  const broken = toolStates(evidence.calls).filter(({ error }) => error !== undefined);
  const failed = broken.map(({ name, error, ok }) => {
    const missing = ok > 0 ? 'Some of what it was asked is missing.' : 'What it would have told is missing.';
    return cutLine(`${toolTitle(name)} failed: ${sentence(error ?? '')} ${missing}`, 500);
  });
  const cut = account.cutShort
    ? [`Cut short: ${limitOf(account)} was reached, and the report was written from what was known by then.`]
    : [];
  const all = [...cut, ...failed];
  return all.length <= MAX_WARNINGS
    ? all
    : [...all.slice(0, MAX_WARNINGS - 1), `${all.length - MAX_WARNINGS + 1} more tools failed.`];
}

export function isPartial(evidence: Evidence, account: ShownAccount): boolean {
  return account.cutShort || toolStates(evidence.calls).some(({ error }) => error !== undefined);
}

/** One source a tool that answered, with the days it spoke of. */
export function sourcesOf(evidence: Evidence): NonNullable<ReportInput['sources']> {
  return toolStates(evidence.calls)
    .filter(({ ok }) => ok > 0)
    .slice(0, MAX_SOURCES)
    .map(({ name }) => {
      const label = evidence.output(name)?.window?.label ?? windowOf(evidence, name);
      const title = label === undefined ? toolTitle(name) : `${toolTitle(name)}, ${foreignText(label, 80)}`;
      return { title, asOf: iso(evidence.now) };
    });
}

function windowOf(evidence: Evidence, tool: string): string | undefined {
  return evidence.facts.findLast(({ source }) => source.tool === tool && source.window !== undefined)?.source.window
    ?.label;
}

export interface MethodParts {
  evidence: Evidence;
  account: ShownAccount;
  gaps: readonly string[];
  /** Label of the period. */
  period: string | undefined;
  cited: number;
  /** Whether it finds or advises anything. */
  judged: boolean;
  notRepeated: number;
  lint: readonly string[];
}

/** As markdown. */
export function methodText(parts: MethodParts): string {
  const { evidence, period, gaps, cited, notRepeated } = parts;
  const plain = (text: string): string => escapeMarkdown(text);
  const lines: string[] = [];
  if (period !== undefined) lines.push(plain(`Period: ${cutLine(period, 80)} (${evidence.timeZone}).`));
  const states = toolStates(evidence.calls);
  const tools = states.map(toolWords);
  // What all went well stands under the sources.
  if (states.some(({ failed }) => failed > 0)) lines.push(plain(`Data: ${cutLine(tools.join('; '), 1_500)}.`));
  const missing = [...new Set(gaps.map((gap) => foreignText(gap, 200)).filter((gap) => gap !== ''))];
  lines.push(...missing.slice(0, MAX_GAPS).map((gap) => plain(`Missing: ${sentence(gap)}`)));
  if (missing.length > MAX_GAPS) lines.push(`and ${counted(missing.length - MAX_GAPS, 'more gap')}`);
  lines.push(plain(madeBy(parts)));
  lines.push(`${counted(evidence.facts.length, 'fact')} found, ${cited} shown here; each can be traced to its query.`);
  if (parts.judged) lines.push('Where no confidence is named, it is high.');
  if (notRepeated > 0)
    lines.push(
      `${counted(notRepeated, 'piece')} of advice from earlier reports ${notRepeated === 1 ? 'was' : 'were'} not repeated.`,
    );
  lines.push(...leftOut(parts.lint).map(plain));
  return bullets(lines);
}

function toolWords({ name, ok, failed, error }: ToolState): string {
  if (error !== undefined) return `${toolTitle(name)} failed (${cutLine(error, 200)})`;
  return failed === 0 ? toolTitle(name) : `${toolTitle(name)} (after ${counted(failed, 'failed call')}, ${ok} good)`;
}

function madeBy({ account }: MethodParts): string {
  const { mode, why, model, cutShort } = account;
  if (mode === 'model') {
    const cut = cutShort ? `, cut short by ${limitOf(account)}` : '';
    return `Worded by ${cutLine(model ?? 'a model', 80)}${cut}; every figure was filled in and every sentence checked by code.`;
  }
  if (why === 'figures') return 'Figures only: no ANTHROPIC_API_KEY is set, so code alone judged and worded them.';
  if (why === 'quiet') return 'Nothing material has changed, so the model was not asked.';
  return 'Judged and worded by code alone.';
}

function limitOf({ why }: ShownAccount): string {
  return LIMITS[why] ?? 'a limit of the job';
}

/** What the linter left out, without the words themselves. */
function leftOut(lint: readonly string[]): string[] {
  const notes = [...new Set(lint.map((note) => foreignText(note, 200)))];
  if (notes.length === 0) return [];
  const more = notes.length > MAX_NOTES ? `; and ${notes.length - MAX_NOTES} more` : '';
  return [`Left out or mended by the checks: ${notes.slice(0, MAX_NOTES).join('; ')}${more}.`];
}

function sentence(text: string): string {
  return /[.!?…]$/.test(text) ? text : `${text}.`;
}
