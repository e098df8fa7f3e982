import { DeliveryError } from '../errors.ts';
import type { Rasteriser } from '../render/charts/png.ts';
import type { FilePlan } from '../render/file-plan.ts';
import type { About } from '../store/notice-records.ts';
import type { Store } from '../store/store.ts';

export type FileReader = (plan: FilePlan, about: About) => Promise<Buffer>;

export function createFileReader(deps: { blobs: Pick<Store['blobs'], 'get'>; rasteriser: Rasteriser }): FileReader {
  return async ({ name, source }) => {
    const found = source.is === 'blob' ? await deps.blobs.get(source.sha256) : undefined;
    if (found !== undefined) return Buffer.from(found);
    throw new DeliveryError(`The file ${name} cannot be made.`, { code: 'RENDER_FAILED', permanent: true });
  };
}
