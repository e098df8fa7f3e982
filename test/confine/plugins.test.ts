/** What contains a plugin where the machine has namespaces: the same as a command, by the same wrapper. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { createConfinement, type Confinement } from '../../src/runner/kinds/confine.ts';
import { withArgument } from '../support/confine.ts';
import { manifestOf, pluginEstate, type PluginFile } from '../support/plugin-house.ts';
import { ANA, eventually } from '../support/runner-house.ts';

const houses = pluginEstate();
let seconds = 50_000 + (process.pid % 10_000) * 10;
const newMark = (): string => String(++seconds);
const gone = (mark: string) => eventually(async () => (await withArgument(mark)).length === 0);
const ANSWER = `printf '{"status":"ok","result":"up"}'`;

let confinement: Confinement;
beforeAll(async () => {
  confinement = createConfinement({ clock: systemClock, env: process.env });
  expect(await confinement.ready()).toMatchObject({ name: 'namespaces' });
});
afterAll(() => confinement.stop());
const open = (file: PluginFile) => houses.open({ plugins: { tool: file }, confinement });
/** A grandchild with a session of its own, which holds none of the pipes. */
const away = (mark: string): string => `#!/bin/sh
cat > /dev/null
setsid sh -c 'echo > up; exec sleep ${mark}' < /dev/null > /dev/null 2>&1 &
until [ -e up ]; do sleep 0.02; done
`;

test('a grandchild of a plugin with a session of its own is gone when the call has ended', async () => {
  const mark = newMark();
  const house = await open({ script: `${away(mark)}${ANSWER}` });
  const run = await house.until((await house.ask('tool-go')).id);
  expect(run).toMatchObject({ state: 'completed', result: 'up' });
  await gone(mark);
});

test('and when its run was cancelled', async () => {
  const mark = newMark();
  const house = await open({ script: `${away(mark)}sleep ${mark}` });
  const { id } = await house.ask('tool-go');
  await eventually(async () => (await withArgument(mark)).length >= 2);
  await house.runner.cancel(id, ANA);
  await gone(mark);
  await eventually(() => house.runner.active() === 0);
});

test('the limits of a command in the manifest hold: a file that grows past them ends the call, and no other command', async () => {
  const limits = 'limits: { fileSize: 8kb, openFiles: 32 }';
  const commands = `go: { type: read, ${limits} }, free: { type: read }, told: { type: read, ${limits} }`;
  const script = `#!/bin/sh
case "$(cat)" in
*'"command":"told"'*) printf '{"status":"ok","result":{"files":%s}}' "$(ulimit -n)" ;;
*) dd if=/dev/zero of=big bs=4096 count=100 || exit $?
  ${ANSWER} ;;
esac
`;
  const house = await open({ manifest: manifestOf({ commands }), script });
  const ended = async (job: string) => house.until((await house.ask(job)).id);
  const big = await ended('tool-go');
  expect(big).toMatchObject({ state: 'failed', attemptsUsed: 1, error: { code: 'LIMIT_REACHED' } });
  expect(big.error?.hint).toContain('limits.fileSize');
  expect(await ended('tool-free')).toMatchObject({ state: 'completed', result: 'up' });
  expect(await ended('tool-told')).toMatchObject({ state: 'completed', result: { files: 32 } });
});
