import { describe, expect, it } from 'vitest';
import { createFileReader } from '../../src/delivery/files.ts';
import { DependencyError } from '../../src/errors.ts';
import type { FilePlan, FileSource } from '../../src/render/file-plan.ts';
import { makeReport, sampleRun } from '../support/delivery-report.ts';

const about = { kind: 'run', run: sampleRun({ report: makeReport() }) } as const;
const plan = (source: FileSource): FilePlan => ({ name: 'a.bin', mediaType: 'text/plain', title: 'A', source });
const BLOB = plan({ is: 'blob', sha256: 'a'.repeat(64) });
const rasteriser = { png: () => Promise.reject(new Error('the drawing broke')), problem: () => undefined };
const reading = (get: () => Promise<Uint8Array | undefined>) => createFileReader({ blobs: { get }, rasteriser });

describe('the bytes of a planned file', () => {
  it('are those of its blob', async () => {
    const bytes = new Uint8Array([0, 1, 2, 255]).subarray(1);
    expect([...(await reading(() => Promise.resolve(bytes))(BLOB, about))]).toEqual([1, 2, 255]);
  });

  it('are those of the report, without the store', async () => {
    const read = reading(() => Promise.reject(new Error('not to be asked')));
    expect((await read(plan({ is: 'report', format: 'json' }), about)).toString()).toContain('Weekly report');
  });

  it.each<[string, () => Promise<Uint8Array | undefined>, FilePlan, object]>([
    ['the blob is gone', () => Promise.resolve(undefined), BLOB, { code: 'RENDER_FAILED', permanent: true }],
    [
      'the blob is damaged',
      () => Promise.reject(new DependencyError('hash', { code: 'STORE_CORRUPT' })),
      BLOB,
      { code: 'RENDER_FAILED', permanent: true },
    ],
    [
      'the store cannot read now',
      () => Promise.reject(new Error('EIO')),
      BLOB,
      { code: 'STORE_FAILED', permanent: false },
    ],
    [
      'a chart cannot be drawn',
      () => Promise.resolve(undefined),
      plan({ is: 'chart', section: 0 }),
      { code: 'RENDER_FAILED', permanent: true },
    ],
  ])('are refused, naming the file, when %s', async (_name, get, file, wanted) => {
    const error: unknown = await reading(get)(file, about).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ ...wanted, ambiguous: false, message: expect.stringContaining('a.bin') as string });
  });
});
