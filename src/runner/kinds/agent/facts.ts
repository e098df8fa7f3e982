/** The book of facts of one attempt: ids in the order in which they are found. */
import type { Fact, FactWindow } from '../../../store/agent-records.ts';
import type { KnownTarget, NewFact } from '../../agent-job.ts';

export interface FactBook {
  /** Throws a RunError when a fact is none, or there are too many. */
  add(facts: readonly NewFact[], source: { tool: string; query: string; window?: FactWindow }): Fact[];
  know(targets: readonly KnownTarget[]): void;
  all(): readonly Fact[];
  /** By id (`F7`) or key (`sales.revenue`, the newest of it). */
  find(name: string): Fact | undefined;
  targets(): readonly KnownTarget[];
  target(type: string, id: string): KnownTarget | undefined;
}
export function createFactBook(): FactBook {
  throw new Error('placeholder');
}
/** As people read it: `$18,235`, `-12.3%`, `3 days`. */
export function formatFact(_fact: Fact, _locale: string): string {
  throw new Error('placeholder');
}
/** A text with its `{{F7}}` and `{{sales.revenue}}` filled in; `unknown` names those that are no facts. */
export function fillIn(
  _text: string,
  _book: FactBook,
  _locale: string,
): { text: string; used: Fact[]; unknown: string[] } {
  throw new Error('placeholder');
}
