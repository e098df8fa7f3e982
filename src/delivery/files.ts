/** The bytes of a planned file, made when it is sent: rendered from the report, or read from the blobs of the store. */
import { codeOf, DeliveryError, messageOf } from '../errors.ts';
import type { Rasteriser } from '../render/charts/png.ts';
import type { FilePlan } from '../render/file-plan.ts';
import { renderFile } from '../render/files.ts';
import type { About } from '../store/notice-records.ts';
import type { Store } from '../store/store.ts';
import { reportOf } from './about.ts';

/** Reads one file; throws DeliveryError: RENDER_FAILED, permanent, when its bytes cannot be had, STORE_FAILED when perhaps later. */
export type FileReader = (plan: FilePlan, about: About) => Promise<Buffer>;

interface Deps {
  blobs: Pick<Store['blobs'], 'get'>;
  rasteriser: Rasteriser;
}

/** Makes the reader that every way of sending shares. */
export function createFileReader({ blobs, rasteriser }: Deps): FileReader {
  return async (plan, about) => {
    const { source } = plan;
    if (source.is === 'blob') {
      const bytes = await blobs.get(source.sha256).catch((error: unknown) => {
        throw unreadable(plan, error);
      });
      if (bytes === undefined) throw gone(plan, 'its bytes are no longer in the store');
      return asBuffer(bytes);
    }
    const report = reportOf(about);
    let bytes: Uint8Array;
    try {
      bytes = await renderFile(source, { report, subject: about, png: (svg, width) => rasteriser.png(svg, width) });
    } catch (error) {
      throw gone(plan, messageOf(error), error);
    }
    // Without a font the rasteriser draws no text and reports no error: a chart without words says nothing.
    const problem = source.is === 'chart' ? rasteriser.problem() : undefined;
    if (problem !== undefined) throw gone(plan, problem);
    return asBuffer(bytes);
  };
}

function gone(plan: FilePlan, why: string, cause?: unknown): DeliveryError {
  const message = `The file ${plan.name} could not be made: ${why}`;
  return new DeliveryError(message, { code: 'RENDER_FAILED', permanent: true, cause });
}

function unreadable(plan: FilePlan, error: unknown): DeliveryError {
  if (codeOf(error) === 'STORE_CORRUPT') return gone(plan, messageOf(error), error);
  const message = `The file ${plan.name} could not be read: ${messageOf(error)}`;
  return new DeliveryError(message, { code: 'STORE_FAILED', cause: error });
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
