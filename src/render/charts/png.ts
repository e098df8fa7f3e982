/** Placeholder until the charts' own: no font, no picture. */
export interface Rasteriser {
  png(svg: string, width: number): Promise<Uint8Array>;
  /** Says that no font can be read. */
  problem(): string | undefined;
}

export function createRasteriser(options: { fontFiles: readonly string[] }): Rasteriser {
  return {
    png: () => Promise.reject(new Error('charts cannot be drawn yet')),
    problem: () => (options.fontFiles.length === 0 ? 'no font can be read' : undefined),
  };
}
