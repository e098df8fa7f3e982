import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createIds } from '../../src/ids.ts';
import { silentLog } from '../../src/log.ts';
import { openStore } from '../../src/store/open.ts';
import type { OpenDeps, StoreTarget } from '../../src/store/open.ts';
import { manualClock } from '../support/clock.ts';
import { faultyFiles } from '../support/store-faults.ts';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'bellhop-network-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const target = (): StoreTarget => ({ backend: 'lowdb', dir });
/** As on a file system of this type; with an error, as where none can be had. */
function depsOn(type: number | string): OpenDeps {
  const clock = manualClock();
  const faults = faultyFiles();
  faults.on(({ op }) => (op === 'type' ? type : undefined));
  return { clock, ids: createIds(clock), log: silentLog, version: '0.0.0-test', files: faults.files };
}

// The second CIFS is what a 32-bit statfs answers for it.
for (const [name, type] of [
  ['NFS', 0x6969],
  ['CIFS', 0xff534d42],
  ['CIFS', -11317950],
  ['SMB', 0xfe534d42],
  ['9p', 0x01021997],
  ['FUSE', 0x65735546],
] as const) {
  it(`a data folder on ${name} (${type}) is refused by name, with the way out, and nothing is written to it`, async () => {
    await expect(openStore(target(), depsOn(type))).rejects.toMatchObject({
      code: 'STORE_NETWORK_DISK',
      message: expect.stringContaining(`(${name})`),
      hint: expect.stringContaining('BELLHOP_ALLOW_NETWORK_DISK'),
    });
    expect(await readdir(dir)).toEqual([]);
  });
}
it('it is taken when that is allowed', async () => {
  const { store } = await openStore({ backend: 'lowdb', dir, networkDisk: 'allowed' }, depsOn(0x6969));
  expect(store.health().state).toBe('ready');
  await store.close();
});
// ext4, xfs, btrfs, overlayfs, tmpfs, zfs; and small numbers, as other systems have them.
for (const type of [0xef53, 0x58465342, 0x9123683e, 0x794c7630, 0x01021994, 0x2fc12fc1, 0, 0x1a, 'ENOSYS']) {
  it(`a data folder on a file system of type ${type} is taken`, async () => {
    const { store } = await openStore(target(), depsOn(type));
    expect(store.health().state).toBe('ready');
    await store.close();
  });
}
