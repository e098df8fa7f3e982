import { createFileReader } from '../../src/delivery/files.ts';
import type { Uploads } from '../../src/delivery/slack/upload.ts';
import type { Workspace } from '../../src/playground/workspace.ts';
import type { Rasteriser } from '../../src/render/charts/png.ts';

const NO_FONT: Rasteriser = {
  png: async () => Buffer.from('a picture without words'),
  problem: () => 'no font can be read',
};

/** Uploads to a fake workspace: every blob is its own name as bytes, and there is no font for charts. */
export function uploadsOf(workspace: Workspace): Uploads {
  const blobs = {
    get: async (sha256: string) => (/^0+$/.test(sha256) ? undefined : Buffer.from(`bytes of ${sha256}`)),
  };
  const readFile = createFileReader({ blobs, rasteriser: NO_FONT });
  return { readFile, fetch: workspace.fetch, apiUrl: 'https://slack.test/api/' };
}
