/** `bellhop runs show RUN --facts` and `--transcript`: where the numbers of a report came from, and what was said with the model. */
import { plainText } from '../render/format.ts';
import { formatFact } from '../runner/kinds/agent/fact-text.ts';
import { transcriptLines, type TranscriptResult } from '../runner/transcripts.ts';
import type { Fact } from '../store/agent-records.ts';
import type { Run } from '../store/records.ts';
import type { Terminal } from './terminal.ts';
import type { Gateway } from './gateway.ts';

interface Asked {
  run: Run;
  facts: boolean;
  transcript: boolean;
  json: boolean;
}

export async function showAgentRun(terminal: Terminal, gateway: Gateway, asked: Asked): Promise<void> {
  const { run } = asked;
  const transcript = asked.transcript ? await gateway.transcript(run) : undefined;
  if (asked.json) {
    const facts = asked.facts ? { facts: run.agent?.facts ?? [] } : {};
    terminal.out(JSON.stringify({ run: { id: run.id }, ...facts, ...(transcript && { transcript }) }, null, 2));
    return;
  }
  if (asked.facts) showFacts(terminal, run);
  if (transcript !== undefined) showTranscript(terminal, run, transcript);
}

const MAX_LABEL = 48;
const HEADINGS = ['fact', 'value', 'label', 'tool', 'query', 'days'];

/** Whole lines, also where they are wider than the terminal: a query that is cut could not be asked again. */
function showFacts(terminal: Terminal, { agent, report }: Run): void {
  const facts = agent?.facts ?? [];
  if (facts.length === 0) {
    terminal.err(agent === undefined ? 'It is no run of an agent.' : 'No tool found any fact.');
    return;
  }
  const rows = [HEADINGS, ...facts.map((fact) => cellsOf(fact, report?.locale ?? 'en-US'))];
  const widths = HEADINGS.map((_, at) => Math.max(...rows.map((row) => row[at]?.length ?? 0)));
  for (const row of rows)
    terminal.out(plainText(row.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join('  ')).trimEnd());
}

function cellsOf(fact: Fact, locale: string): string[] {
  const { id, label, source } = fact;
  const { window } = source;
  const shown = label.length <= MAX_LABEL ? label : `${label.slice(0, MAX_LABEL - 1).toWellFormed()}…`;
  const days = window === undefined ? '' : window.from === window.to ? window.from : `${window.from} to ${window.to}`;
  return [id, formatFact(fact, locale), oneLine(shown), source.tool, oneLine(source.query), days];
}

/** Who names a product may write a line break into its name. */
function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ');
}

function showTranscript(terminal: Terminal, run: Run, transcript: TranscriptResult): void {
  if (transcript.outcome === 'kept') {
    for (const line of transcriptLines(transcript.entries)) terminal.out(line);
    terminal.err(`It is kept until ${transcript.until.slice(0, 10)}.`);
    return;
  }
  if (transcript.outcome === 'gone') {
    terminal.err(
      `The transcript was kept until ${transcript.until.slice(0, 10)} and is gone; the facts stay: --facts.`,
    );
    return;
  }
  const why = run.agent === undefined ? 'it is no run of an agent' : 'no model was asked, or none was to be kept';
  terminal.err(`There is no transcript: ${why}.`);
}
