/** Agents where nothing is configured for them: without a key they report figures, and no money is needed. */
import { RunError } from '../../../errors.ts';
import type { Clock } from '../../../clock.ts';
import type { Store } from '../../../store/store.ts';
import { createMemory } from '../../memory.ts';
import type { AgentSettings } from './agent.ts';
import { openClaude } from './conversation/client.ts';

export type { AgentSettings } from './agent.ts';

export function figuresOnly(deps: { store: Store; clock: Clock }): AgentSettings {
  const error = new RunError('no money is set aside where no model can be asked', {
    code: 'BUDGET_REACHED',
    permanent: true,
  });
  return {
    budget: { open: () => Promise.resolve({ ok: false, error, beforeMicroUsd: 0 }), tell: () => Promise.resolve() },
    memory: createMemory(deps),
    openClaude,
    prices: { asOf: '1970-01-01', models: {} },
    zone: 'UTC',
    variables: {},
    transcriptMs: 0,
  };
}
