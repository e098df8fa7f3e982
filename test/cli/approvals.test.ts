import { expect, test } from 'vitest';
import { openShell } from '../support/cli.ts';

const JOB = `
name: publish
description: Changes the shop
kind: command
command: [echo, published]
guards: { approval: required }
`;

test('a run that waits for an approval is left waiting with its own exit code; approved here, it runs here', async () => {
  await using shell = await openShell({ 'publish.yml': JOB });
  const asked = await shell.type(['run', 'publish', '--json']);
  expect(asked.stderr).toMatch(/waits for an approval: bellhop runs approve run_/);
  expect(asked.code).toBe(4);
  expect(JSON.parse(asked.stdout)).toMatchObject({ run: { state: 'waiting' } });
  const approved = await shell.type(['runs', 'approve', 'last']);
  expect(approved.stdout).toContain('published');
  expect(approved.code).toBe(0);
  const again = await shell.type(['runs', 'deny', 'last']);
  expect(again.stderr).toContain('does not wait for an approval: it is completed');
  expect(again.code).toBe(64);
});

test('beside a server a run is approved there, and a denied one does not run', async () => {
  await using shell = await openShell({ 'publish.yml': JOB });
  const server = shell.begin(['start']);
  await server.says('bellhop ready');
  expect((await shell.type(['run', 'publish'])).code).toBe(4);
  expect((await shell.type(['runs', 'approve', 'last'])).stderr).toMatch(/run_\w+: approved/);
  expect((await shell.type(['run', 'publish'])).code).toBe(4);
  expect((await shell.type(['runs', 'deny', 'last'])).stderr).toMatch(/run_\w+: cancelled/);
  expect((await shell.type(['runs', 'approve', 'last'])).stderr).toContain('it is cancelled');
  server.signal('SIGTERM');
  await server.ended;
});
