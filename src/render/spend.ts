/** What a run of an agent took, in one line: money, tokens, turns, tools, time, model. Never more digits than say something. */
import type { AgentAccount, AgentWhy } from '../store/agent-records.ts';
import { formatUsd } from '../usd.ts';
import { formatDuration, oneLine } from './format.ts';

const STOPPED: Partial<Record<AgentWhy, string>> = {
  max_turns: 'all turns used',
  budget_tokens: 'token limit reached',
  tool_calls: 'all tool calls used',
  deadline: 'out of time',
  cancelled: 'cancelled',
  refusal: 'the model refused',
  truncated: 'the answer was cut off',
  context: 'the context is full',
  bad_output: 'the answer was no report',
  all_tools_failed: 'all tools failed',
  no_evidence: 'no tool answered',
  price_unknown: 'the price of the model is unknown',
  spend_limit: 'spend limit of the account reached',
  api_error: 'the Claude API failed',
  error: 'an error',
};

/** `$0.05 · 12k tokens (70% cached) · 4 turns · 6 tools (1 failed) · 41 s · sonnet-5-5`; of code alone, `figures only · 5 tools · 1.2 s`. */
export function describeSpend(account: AgentAccount): string {
  const { mode, ms } = account;
  // A model that was asked in vain cost money, though the report is of code alone.
  const asked = mode === 'model' || account.turns > 0;
  const parts = [
    ...(mode === 'figures' ? ['figures only'] : []),
    // An attempt that asked nothing may be the last of a run that cost money.
    ...(asked || (account.runMicroUsd ?? 0) > 0 ? [moneyWords(account)] : []),
    ...(asked ? [tokenWords(account), count(account.turns, 'turn')] : []),
    toolWords(account),
    timeWords(ms),
    ...(!asked || account.model === undefined ? [] : [oneLine(account.model).replace(/^claude-/, '')]),
    ...stoppedWords(account),
  ];
  return parts.filter((part) => part !== '').join(' · ');
}

/** What a run cost, where only its sum is known: `$0.05`, `cost n/a`. */
function describeMoney(microUsd: number | null): string {
  return microUsd === null ? 'cost n/a' : formatUsd(microUsd);
}

/** The same in a list, behind other words; nothing for what cost nothing. */
export function costWords(microUsd: number | null | undefined): string {
  return microUsd === undefined || microUsd === 0 ? '' : ` · ${describeMoney(microUsd)}`;
}

/** What the run cost as a whole stands beside it where an earlier attempt spent as well. */
function moneyWords({ microUsd, runMicroUsd }: AgentAccount): string {
  const earlier = microUsd !== null && runMicroUsd !== null && runMicroUsd > microUsd;
  return `${describeMoney(microUsd)}${earlier ? ` (run ${formatUsd(runMicroUsd)})` : ''}`;
}

function tokenWords({ tokens }: AgentAccount): string {
  const { input, output, cacheRead, cacheWrite5m, cacheWrite1h } = tokens;
  const read = input + cacheRead + cacheWrite5m + cacheWrite1h;
  const share = read === 0 ? 0 : Math.round((cacheRead / read) * 100);
  const all = read + output;
  return `${shortCount(all)} ${all === 1 ? 'token' : 'tokens'}${share === 0 ? '' : ` (${share}% cached)`}`;
}

function toolWords({ tools }: AgentAccount): string {
  if (tools.length === 0) return '';
  const failed = tools.filter(({ state }) => state === 'failed').length;
  return `${count(tools.length, 'tool')}${failed === 0 ? '' : ` (${failed} failed)`}`;
}

/** Tenths of a second say nothing of a run that took ten. */
function timeWords(ms: number): string {
  return ms >= 9_950 && ms < 59_500 ? `${Math.round(ms / 1_000)} s` : formatDuration(ms);
}

function stoppedWords(account: AgentAccount): string[] {
  const { cutShort, why } = account;
  if (why === 'budget_usd') return [`stopped: ${capWords(account)}`];
  const stopped = STOPPED[why];
  if (stopped !== undefined) return [`stopped: ${stopped}`];
  return cutShort ? ['cut short'] : [];
}

/** A run that never asked the model was stopped by another cap than its own: of its job's day, of the day, of the month. */
function capWords({ turns, capMicroUsd }: AgentAccount): string {
  if (turns === 0) return 'budget reached';
  return capMicroUsd === undefined ? 'run cap reached' : `run cap ${formatUsd(capMicroUsd)} reached`;
}

/** `950`, `1.2k`, `12k`, `1.3M`. */
function shortCount(amount: number): string {
  if (amount < 1_000) return String(amount);
  if (amount < 9_950) return `${Number((amount / 1_000).toFixed(1))}k`;
  if (amount < 999_500) return `${Math.round(amount / 1_000)}k`;
  return `${Number((amount / 1_000_000).toFixed(1))}M`;
}

function count(amount: number, what: string): string {
  return `${amount} ${what}${amount === 1 ? '' : 's'}`;
}
