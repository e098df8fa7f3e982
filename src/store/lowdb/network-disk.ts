/**
 * A data folder must lie on a disk of this machine: over a network neither the lock that keeps a second process out nor a sync can be relied
 * on, and both fail silently.
 */
import { ConfigError, messageOf } from '../../errors.ts';
import type { Log } from '../../log.ts';
import type { Files } from './files.ts';

export type NetworkDisk = 'refused' | 'allowed';

/** The types of Linux's statfs(2), from linux/magic.h and the sources of the file systems; other systems use small numbers of their own. */
const NETWORK_TYPES: ReadonlyMap<number, string> = new Map([
  [0x6969, 'NFS'],
  [0xff534d42, 'CIFS'],
  [0xfe534d42, 'SMB'],
  [0x517b, 'SMB'],
  [0x01021997, '9p'],
  [0x65735546, 'FUSE'],
  [0x6b414653, 'AFS'],
  [0x5346414f, 'AFS'],
  [0x73757245, 'Coda'],
  [0x00c36400, 'Ceph'],
  [0x0bd00bd0, 'Lustre'],
  [0x19830326, 'BeeGFS'],
  [0x47504653, 'GPFS'],
  [0x786f4256, 'VirtualBox'],
]);

/** Throws ConfigError STORE_NETWORK_DISK for a folder on a network file system, unless these are allowed; then it warns. */
export async function checkLocal(
  root: string,
  deps: { files: Files; log: Log; networkDisk: NetworkDisk },
): Promise<void> {
  const { files, log, networkDisk } = deps;
  const type = await files.type(root).catch((error: unknown) => {
    log.warn('nobody can say what file system the data folder is on', { reason: messageOf(error) });
    return 0;
  });
  const name = NETWORK_TYPES.get(type >>> 0);
  if (name === undefined) return;
  if (networkDisk === 'allowed') {
    log.warn('the data folder is on a network file system; two processes may come to write it at once', { name });
    return;
  }
  throw new ConfigError(`The data folder ${root} is on a network file system (${name}).`, {
    code: 'STORE_NETWORK_DISK',
    hint: 'Put BELLHOP_DATA_DIR on a local disk, or, if surely only one process uses it, set BELLHOP_ALLOW_NETWORK_DISK=true.',
  });
}
