import type { AgentAccount } from '../../store/agent-records.ts';
import type { Actor, BlobRef, Output } from '../../store/records.ts';
import type { Charge, Json, NewDoc, Spend } from '../../store/store.ts';
import type { FileBook } from '../attachments.ts';
import type { ProgressBook } from './progress.ts';

/** What an attempt handed over: a value as a program means it, or text as it was printed. */
export type Yield = { form: 'value'; value: unknown } | { form: 'text'; text: string };

/** How a kind's work ended; `error` is whatever was thrown. */
export type KindEnd = ({ ok: true; output: Yield } | { ok: false; error: unknown }) & {
  stderr?: Output;
  /** All that a plugin answered. */
  response?: Json;
  /** Makes the documents that are committed with the end, from what they are now: asked again when they changed meanwhile. */
  docs?: () => Promise<NewDoc[]>;
  /** What an agent did and cost, however it ended, and what of that is not counted yet. */
  agent?: {
    account: AgentAccount;
    transcript?: BlobRef;
    /** Puts its bytes again, where they were collected before the run named them. */
    putTranscript?: () => Promise<void>;
    rest: { spend: readonly Spend[]; docs: NonNullable<Charge['docs']> };
  };
};

/** One attempt as the kinds see it. */
export interface AttemptContext {
  runId: string;
  job: string;
  attempt: number;
  actor: Actor;
  targets: readonly string[];
  /** As it was stored; a function gets what its schema makes of it. */
  input: Json;
  signal: AbortSignal;
  book: ProgressBook;
  files: FileBook;
}

/** Work under way: `end` is bounded (it follows the signal), `gone` is when nothing of it runs any more. */
export interface Started {
  end: Promise<KindEnd>;
  gone: Promise<void>;
}
