import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { startPeerServer } from '../support/peer-server.ts';

test('the server gets a heap of its usual size, and stays the process that was started', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'bellhop-heap-'));
  const told = join(folder, 'told.json');
  await writeFile(
    join(folder, 'tells.mjs'),
    `import { writeFileSync } from 'node:fs';
writeFileSync(${JSON.stringify(told)}, JSON.stringify({ pid: process.pid, flags: process.execArgv }));
export default { name: 'tells', description: 'Tells how the server was started', run: () => 'done' };
`,
  );
  const server = await startPeerServer({ jobsDir: folder });
  expect(JSON.parse(await readFile(told, 'utf8'))).toEqual({
    pid: server.pid,
    flags: expect.arrayContaining(['--initial-old-space-size=128', '--max-semi-space-size=16']),
  });
  expect(await server.stop()).toEqual({ code: 0, signal: null });
  await rm(folder, { recursive: true });
});
