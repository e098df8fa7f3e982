import { Report } from '../../src/store/report.ts';
import type { ClaimedDelivery, NewNotice, Store } from '../../src/store/store.ts';

export const SALES = { kind: 'slack', channel: 'C0SALES' } as const;
export const ANA = { kind: 'email', to: 'ana@example.com' } as const;

/** A notice to add; what matters to the test is given. */
export function newNotice(over: Partial<NewNotice> = {}): NewNotice {
  const report = Report.parse({ title: 'weekly-report failed', summary: 'No such sheet.', status: 'failed' });
  return { key: 'k', kind: 'incident', schedule: 'weekly-report', report, destinations: [SALES], ...over };
}

/** Claims exactly one delivery. */
export async function claimDelivery(store: Store, leaseMs = 30_000): Promise<ClaimedDelivery> {
  const [claimed] = await store.claimDeliveries({ limit: 1, workerId: 'outbox-1', leaseMs });
  if (claimed === undefined) throw new Error('nothing to deliver');
  return claimed;
}
