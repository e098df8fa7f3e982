import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { loadConfig } from '../../src/config.ts';
import { startServer } from '../../src/main.ts';
import { setStage } from '../support/stage.ts';

test('a start that fails on a taken port has claimed no run and lets go of the folder', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'bellhop-start-'));
  await mkdir(join(folder, 'jobs'));
  await writeFile(join(folder, 'jobs', 'hi.yml'), 'name: hi\ndescription: Says hi\ncommand: [echo, hi]\n');
  const other = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => other.once('listening', resolve));
  const { port } = other.address() as AddressInfo; // a TCP server has an address object
  const config = loadConfig({ PORT: String(port), LOG_LEVEL: 'silent' }, folder);
  let claims = 0;
  const refused = startServer(config, {
    wrapStore: (store) => ({ ...store, claim: (ask) => ((claims += 1), store.claim(ask)) }),
  });
  await expect(refused).rejects.toMatchObject({ code: 'SERVER_FAILED' });
  expect(claims).toBe(0);
  other.close();
  const server = await startServer({ ...config, port: 0 });
  expect(server.bellhop.runner.jobs()).toHaveLength(1);
  await server.stop();
  await rm(folder, { recursive: true, force: true });
});

test('a start with a place for notices that is none, or that the store breaks off, leaves neither folder nor port held', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'bellhop-start-'));
  const config = loadConfig({ PORT: '0', LOG_LEVEL: 'silent' }, folder);
  const nowhere = startServer({ ...config, alertsTo: ['nowhere'] });
  await expect(nowhere).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
  const probe = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => probe.once('listening', resolve));
  const { port } = probe.address() as AddressInfo; // a TCP server has an address object
  await new Promise((resolve) => probe.close(resolve));
  const broken = startServer(
    { ...config, port },
    {
      wrapStore: (store) => ({
        ...store,
        getDoc: (kind, key) => (kind === 'follower' ? Promise.reject(new Error('no disk')) : store.getDoc(kind, key)),
      }),
    },
  );
  await expect(broken).rejects.toThrow('no disk');
  const server = await startServer({ ...config, port });
  expect(server.port).toBe(port);
  await server.stop();
  await rm(folder, { recursive: true, force: true });
});

test('a data folder that cannot be written any more ends the server with 74, for a restart that replays', async () => {
  await using stage = await setStage({});
  const server = await stage.serve({ entry: [join(import.meta.dirname, '../support/broken-disk.main.ts')] });
  expect((await fetch(`${server.url}/readyz`)).status).toBe(503);
  expect(await server.exited).toEqual({ code: 74, signal: null });
  await server.stop();
});

test('a font file that cannot be used is named by the start, and the server works without it', async () => {
  await using stage = await setStage({});
  const font = join(import.meta.dirname, '../../package.json');
  const server = await stage.serve({ env: { BELLHOP_FONT_FILES: `/nowhere/a.ttf,${font}` } });
  expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
  await server.stop();
  const said = server.logs.filter(({ msg, message }) => (message ?? msg) === 'a font file is left out');
  expect(said.map(({ level, file }) => [level, file])).toEqual([
    ['warn', '/nowhere/a.ttf'],
    ['warn', font],
  ]);
});
