import type { Log } from '../../log.ts';
import { cutText } from '../../render/format.ts';
import type { Memory } from '../../runner/memory.ts';
import type { Runner } from '../../runner/runner.ts';
import type { Schedules } from '../../runner/schedules.ts';
import type { Reader } from '../../store/reader.ts';
import type { Destination } from '../../store/destinations.ts';
import type { Actor, Run } from '../../store/records.ts';
import type { Zones } from '../zones.ts';
import { ambiguousView, problemView } from '../views/answers.ts';
import { quoted, type Answer } from '../views/blocks.ts';

export interface CommandDeps {
  runner: Runner;
  reader: Reader;
  schedules: Schedules;
  memory: Pick<Memory, 'list' | 'advise'>;
  /** Slack user ids of those who may approve. */
  owners: readonly string[];
  zones: Zones;
  remember: (key: string) => Promise<boolean>;
  log: Log;
}

/** Who asked, where, and the key that makes asking twice one act. */
export interface Asked {
  actor: Actor;
  origin: Destination | undefined;
  key: string;
}

/** The person behind a command or a click; a name is for display, and cut to what a record takes. */
export function slackActor(who: { userId: string; userName: string | undefined }): Actor {
  return { kind: 'slack', id: who.userId, ...(who.userName ? { name: cutText(who.userName, 200) } : {}) };
}

/** The run that was named (`last`, an id, or the end of one), or the answer that says why there is none. */
export async function namedRun(
  deps: CommandDeps,
  asked: Asked,
  ref: string | undefined,
): Promise<{ run: Run } | { answer: Answer }> {
  if (ref === undefined) {
    return { answer: problemView('Which run?', 'Name it by its id, the last six characters of it, or `last`.') };
  }
  const found = await deps.runner.find(ref, asked.actor);
  if (found.outcome === 'found') return { run: found.run };
  if (found.outcome === 'ambiguous') return { answer: ambiguousView(ref, found.candidates) };
  const hint =
    ref === 'last' ? 'You have not run anything yet; try `/jobs list`.' : '`/jobs list` shows the newest runs.';
  return { answer: problemView(`There is no run ${quoted(ref)}.`, hint) };
}

/** The answer to a command that arrived a second time. */
export const SEEN_BEFORE: Answer = problemView('This command was already carried out.', 'Type it again to repeat it.');
