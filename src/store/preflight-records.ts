/** What a look at destinations found before their report is due: nothing was posted, and what could not be seen is said to be unknown. */
import { z } from 'zod';
import { Destination, MAX_DESTINATIONS } from './destinations.ts';

/** `fails`: the report will not arrive; `degrades`: not as it is asked for; `unknown`: it cannot be seen from here. */
const SEVERITIES = ['fails', 'degrades', 'unknown'] as const;

const Problem = z.object({
  /** One of docs/preflight.md. */
  code: z.string().regex(/^[A-Z][A-Z_]{0,39}$/),
  message: z.string().min(1).max(500),
  /** What to do about it. */
  hint: z.string().max(500),
  severity: z.enum(SEVERITIES),
});
export type Problem = z.infer<typeof Problem>;

/** One destination and what stands in its way. */
export const Checked = z.object({ destination: Destination, problems: z.array(Problem).max(20) });
export type Checked = z.infer<typeof Checked>;

/** The document of a schedule's last look (kind `preflight`, the schedule's name as key). */
export const PreflightRecord = z.looseObject({
  /** The due time that was looked at. */
  slot: z.iso.datetime(),
  checkedAt: z.iso.datetime(),
  checked: z.array(Checked).max(MAX_DESTINATIONS),
  /** Which notice told of it, by its key; no recovery is told without one. */
  told: z.string().max(200).exactOptional(),
});
export type PreflightRecord = z.infer<typeof PreflightRecord>;

export type Verdict = 'ok' | Problem['severity'];

/** The worst of them. */
export function verdictOf(problems: readonly Pick<Problem, 'severity'>[]): Verdict {
  return (['fails', 'unknown', 'degrades'] as const).find((one) => problems.some((p) => p.severity === one)) ?? 'ok';
}
