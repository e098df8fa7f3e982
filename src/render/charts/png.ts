/** Placeholder: charts as PNG. */
export interface Rasteriser {
  png(svg: string, width: number): Promise<Uint8Array>;
  problem(): string | undefined;
}

export function createRasteriser(options: { fontFiles: readonly string[] }): Rasteriser {
  const problem = `charts cannot be drawn yet (${options.fontFiles.length} fonts)`;
  return { png: () => Promise.reject(new Error(problem)), problem: () => problem };
}
