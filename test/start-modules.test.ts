import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const run = promisify(execFile);

/** Prints the packages whose modules were loaded by what the server imports. */
const SCRIPT = `
  import { registerHooks } from 'node:module';
  const packages = new Set();
  registerHooks({
    load(url, context, next) {
      const name = /.*node_modules\\/((?:@[^/]+\\/)?[^/]+)/.exec(url)?.[1];
      if (name !== undefined) packages.add(name);
      return next(url, context);
    },
  });
  await import('./src/main.ts');
  await import('./src/transports.ts');
  console.log(JSON.stringify([...packages]));
`;

test('a server starts without the libraries that draw and send reports', async () => {
  const { stdout } = await run(process.execPath, ['--input-type=module', '--eval', SCRIPT]);
  const loaded: unknown = JSON.parse(stdout);
  if (!Array.isArray(loaded)) throw new Error(stdout);
  // What it does start with, so that an empty list is no proof.
  expect(loaded).toContain('zod');
  const late = /^(?:@resvg\/|csv-stringify$|mdast-|micromark|nodemailer$|react|@react-email\/|pg$|@anthropic-ai\/)/;
  expect(loaded.filter((name) => late.test(String(name)))).toEqual([]);
}, 60_000);
