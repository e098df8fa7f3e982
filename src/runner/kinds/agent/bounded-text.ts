/** Small texts: cut, canonical, fenced. */

/** At most `max` characters, with a sign that something was cut; never half a character. */
export function short(text: string, max: number): string {
  const whole = text.toWellFormed();
  return whole.length <= max
    ? whole
    : `${whole
        .slice(0, max - 1)
        .toWellFormed()
        .replace(/\uFFFD$/, '')}…`;
}

/** A text as a pattern that matches it. */
export function escapePattern(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, String.raw`\$&`);
}

/** The same text for the same JSON, in whatever order its members stand. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_, member: unknown) =>
    typeof member === 'object' && member !== null && !Array.isArray(member)
      ? Object.fromEntries(Object.entries(member).sort(([a], [b]) => (a < b ? -1 : 1)))
      : member,
  );
}

/**
 * What a tool said, as data that is not to be obeyed. Whoever wrote the data may have written a closing tag: every `<` before the name of the
 * fence becomes JSON's escape of it.
 */
export function fence(text: string, about: { source: string; nonce: string }): string {
  const harmless = text.replaceAll(/<(?=[\s/\\]*tool_data)/gi, '\\u003c');
  const source = about.source.replaceAll(/[^\w.-]/g, '_');
  return `<tool_data source="${source}" trust="untrusted" nonce="${about.nonce}">\n${harmless}\n</tool_data>`;
}

/** Without the places of files on this machine; addresses of the web stay. */
export function withoutPaths(text: string): string {
  return text.replaceAll(/(?<![\w:/.])(?:file:\/\/)?\/(?:[\w.@+-]+\/)+[\w.@+-]+(?::\d+){0,2}/g, '[path]');
}
