/** What a plugin keeps between its calls: one document a plugin, merged on its top level with what each response says. */
import { RunError } from '../../errors.ts';
import { members, plainJson } from '../json.ts';
import { MAX_STATE_BYTES } from './protocol.ts';
import type { NewDoc, Store } from '../../store/store.ts';

const KIND = 'plugin-state';

type Docs = Pick<Store, 'getDoc'>;

/** The state as it is now; `rev` is 0 where there is none. */
export async function readState(store: Docs, plugin: string): Promise<{ rev: number; value: Record<string, unknown> }> {
  const doc = await store.getDoc(KIND, plugin);
  return { rev: doc?.rev ?? 0, value: members(doc?.value) ?? {} };
}

/**
 * The document that a response leaves, on top of what is there now; none when it changes nothing. A member that is null is removed.
 * Throws a RunError (PLUGIN_RESPONSE, permanent) when the state would be too large.
 */
export async function nextState(store: Docs, plugin: string, updates: Record<string, unknown>): Promise<NewDoc[]> {
  if (Object.keys(updates).length === 0) return [];
  const { rev, value } = await readState(store, plugin);
  const merged = new Map([...Object.entries(value), ...Object.entries(updates)]);
  // A member of this name is no member to everyone who reads it later.
  merged.delete('__proto__');
  const next = plainJson(Object.fromEntries([...merged].filter(([, one]) => one !== null)));
  if (next.ok && next.bytes <= MAX_STATE_BYTES) return [{ kind: KIND, key: plugin, rev, value: next.json }];
  const reason = next.ok ? `has ${next.bytes} bytes, more than ${MAX_STATE_BYTES}` : `cannot be kept: ${next.reason}`;
  throw new RunError(`the state that plugin ${plugin} would have ${reason}`, {
    code: 'PLUGIN_RESPONSE',
    permanent: true,
    hint: 'keep less in state_updates; a member that is null is removed',
  });
}
