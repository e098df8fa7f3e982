/** Polls until `probe` answers something, with a hang guard; the error says what was waited for. */
export async function waitFor<T>(
  what: string,
  probe: () => T | undefined | false | Promise<T | undefined | false>,
  guardMs = 20_000,
): Promise<T> {
  const end = performance.now() + guardMs;
  for (;;) {
    const found = await probe();
    if (found !== undefined && found !== false) return found;
    if (performance.now() > end) throw new Error(`waited ${guardMs} ms for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
