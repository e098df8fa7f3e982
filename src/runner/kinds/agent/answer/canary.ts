/** A word that stands in the instructions alone: where it turns up, somebody else has taken over the pen. */

/** Whether the canary is in a text: as it is, spaced out, backwards, in base64 or in hex. */
export function leaksCanary(text: string, canary: string): boolean {
  const word = letters(canary);
  if (word.length < 6) return false;
  const seen = letters(text.normalize('NFKC'));
  if (seen.includes(word) || seen.includes(Array.from(word).toReversed().join(''))) return true;
  // Base64 and hex lose their sense with their case, or have it in none.
  const packed = text.replace(/\s+/g, '');
  return encodings(canary).some((form) => packed.includes(form)) || seen.includes(hex(canary));
}

function letters(text: string): string {
  return text.toLowerCase().replace(/[^\p{L}\p{N}]/gu, '');
}

function hex(text: string): string {
  return Buffer.from(text).toString('hex');
}

/** The part of its base64 that is the same whatever stands around it, at each of the three places where it may begin. */
function encodings(canary: string): string[] {
  return [0, 1, 2].flatMap((shift) => {
    const whole = Buffer.concat([Buffer.alloc(shift), Buffer.from(canary)]);
    const kept = Buffer.from(whole.subarray(0, whole.length - (whole.length % 3))).toString('base64');
    const form = kept.slice(shift === 0 ? 0 : 4);
    return form.length < 8 ? [] : [form, form.replaceAll('+', '-').replaceAll('/', '_')];
  });
}
