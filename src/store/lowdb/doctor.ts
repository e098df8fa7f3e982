/** Examines a data folder that no process holds, and mends it when asked to; then everything is looked at again. */
import { codeOf, DependencyError, UsageError } from '../../errors.ts';
import type { Inspection, InspectionAsk, Verdict } from '../verdict.ts';
import type { LowdbDeps } from './backing.ts';
import { storeError } from './disk.ts';
import { createTally } from './doctor-findings.ts';
import { mend } from './doctor-fix.ts';
import { createLook } from './doctor-look.ts';
import type { Look } from './doctor-look.ts';
import { isDataFolder, scan } from './doctor-scan.ts';
import type { Files } from './files.ts';
import { readFormat } from './format.ts';
import { layoutOf } from './layout.ts';
import { shareLock, takeLock } from './lock.ts';
import type { Lock } from './lock.ts';

/** `lock` as for opening the store; a look takes the shared one. */
export type DoctorDeps = Omit<LowdbDeps, 'lock'> & { lock: LowdbDeps['lock'] | undefined };

/** What the first round sets aside can leave deliveries without a run behind. */
const MAX_ROUNDS = 3;
const UNFIT = 'Nothing was changed: without a FORMAT.json that this version reads, the folder is left as it is.';

/**
 * Looks at the folder `root`; without a fix not a byte of it changes. Rejects with STORE_LOCKED naming the holder, with INPUT_INVALID when
 * it is no data folder, and with STORE_FULL or STORE_FAILED when a fix could not be carried out.
 */
export async function examine(root: string, deps: DoctorDeps, ask: InspectionAsk): Promise<Inspection> {
  await refuseOther(deps.files, root);
  const mayMend = ask.fix && (await isOfThisVersion(deps.files, root));
  const lock = await hold(root, deps, mayMend ? 'to mend' : 'to look');
  try {
    const first = await lookOnce(root, { ...deps, held: lock }, ask);
    if (!ask.fix) return { verdict: first.verdict };
    if (!mayMend) return { verdict: first.verdict, mended: { done: [UNFIT], after: first.verdict } };
    const done: string[] = [];
    let last = first;
    for (let round = 0; round < MAX_ROUNDS && (round === 0 || leavesRubbish(last.look)); round++) {
      done.push(...(await mend(root, { ...deps, say: ask.say, signal: ask.signal }, last.look)));
      last = await lookOnce(root, { ...deps, held: lock }, ask);
    }
    return { verdict: first.verdict, mended: { done, after: last.verdict } };
  } finally {
    lock?.release();
  }
}

async function lookOnce(
  root: string,
  deps: DoctorDeps & { held: Lock | undefined },
  { progress, signal }: InspectionAsk,
): Promise<{ verdict: Verdict; look: Look }> {
  const { files, clock, options, held } = deps;
  const begun = clock.monotonic();
  const tally = createTally(root);
  const look = createLook({ files, layout: layoutOf(root), clock, tally, progress, signal });
  await scan(look, options);
  const findings = tally.findings();
  const verdict: Verdict = {
    dir: root,
    sound: findings.every(({ severity }) => severity === 'info'),
    lock: held === undefined ? 'none' : 'held',
    findings,
    counts: look.counts,
    ms: Math.round(clock.monotonic() - begun),
  };
  return { verdict, look };
}

function leavesRubbish({ tally }: Look): boolean {
  return tally.toMend('remove').length + tally.toMend('set aside').length > 0;
}

async function hold(root: string, deps: DoctorDeps, why: 'to look' | 'to mend'): Promise<Lock | undefined> {
  const at = { files: deps.files, layout: layoutOf(root), clock: deps.clock };
  try {
    if (why === 'to look') return await shareLock(at);
    return await (deps.lock === undefined ? takeLock(at) : deps.lock());
  } catch (error) {
    if (!(error instanceof DependencyError) || error.code !== 'STORE_LOCKED') throw error;
    const hint = 'Stop the server, or look at a backup: bellhop store doctor DIR.';
    throw new DependencyError(error.message, { code: 'STORE_LOCKED', hint, cause: error });
  }
}

/** A folder that a newer version wrote, or nobody knows which, is not touched: not even its lock. */
async function isOfThisVersion(files: Files, root: string): Promise<boolean> {
  return readFormat(files, layoutOf(root)).then(
    () => true,
    () => false,
  );
}

async function refuseOther(files: Files, root: string): Promise<void> {
  const hint = 'Name a data folder or a backup of one: bellhop store doctor DIR.';
  try {
    const names = (await files.list(root)).map(({ name }) => name);
    if (isDataFolder(names)) return;
  } catch (error) {
    const code = codeOf(error) ?? '';
    if (code !== 'ENOENT' && code !== 'ENOTDIR') throw storeError(`${root} could not be listed`, error);
    throw new UsageError(`There is no folder ${root}.`, { code: 'INPUT_INVALID', hint, cause: error });
  }
  throw new UsageError(`${root} is no data folder: nothing in it is of Bellhop.`, { code: 'INPUT_INVALID', hint });
}
