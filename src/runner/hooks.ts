import { registerHooks } from 'node:module';
import { codeOf } from '../errors.ts';

/** The query that marks an import of a job file; its value changes with the file, so that a changed file is loaded anew. */
export const JOB_QUERY = 'bellhop';
const ENTRY = new URL('../index.ts', import.meta.url).href;

let registered = false;

/**
 * Lets files of any folder import `bellhop` and `zod` without an installation: `bellhop` is always this program, `zod` is ours unless
 * the file's own folder has one. Idempotent. A job file is a module whatever its folder's package.json says.
 */
export function registerJobHooks(): void {
  if (registered) return;
  registered = true;
  registerHooks({
    resolve(specifier, context, nextResolve) {
      if (specifier === 'bellhop') return { url: ENTRY, format: 'module-typescript', shortCircuit: true };
      if (specifier === 'zod' || specifier.startsWith('zod/')) {
        try {
          return nextResolve(specifier, context);
        } catch (error) {
          if (codeOf(error) !== 'ERR_MODULE_NOT_FOUND' && codeOf(error) !== 'MODULE_NOT_FOUND') throw error;
          return nextResolve(specifier, { ...context, parentURL: import.meta.url });
        }
      }
      const resolved = nextResolve(specifier, context);
      if (!isJobUrl(resolved.url)) return resolved;
      return { ...resolved, format: /\.ts\?/.test(resolved.url) ? 'module-typescript' : 'module' };
    },
  });
}

function isJobUrl(url: string): boolean {
  return url.startsWith('file:') && new URL(url).searchParams.has(JOB_QUERY);
}
