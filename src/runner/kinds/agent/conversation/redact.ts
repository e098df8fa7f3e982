/** What looks like a secret or a person's address, whatever the configuration knows of it: for what is kept of conversations. */
const MASK = '[secret]';
const SECRETS: readonly RegExp[] = [
  /\bsk-ant-[\w-]{4,}/g,
  /\bshp(?:at|ca|pa|ss|tka)_\w{4,}/g,
  /\b(?:xox[abeoprs]|xapp|xwfp)-[\w-]{4,}/g,
  /\bgh[opsur]_\w{16,}/g,
  /\bAKIA[0-9A-Z]{16}\b/g,
  /\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]{4,}/g,
  /-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----[\s\S]{0,10000}?(?:-----END [A-Z ]{0,40}PRIVATE KEY-----|$)/g,
  /(?<=\b(?:Bearer|Basic)\s{1,3})[\w.~+/=-]{6,}/gi,
  /(?<=\b(?:x-api-key|api[_-]?key|access[_-]?token|client[_-]?secret|password)["']?\s{0,3}[:=]\s{0,3}["']?)[^\s"',;]{6,}/gi,
];
const MAIL = /[\p{L}\p{N}.!#$%&'*+/=?^_{|}~-]{1,64}@(?:[\p{L}\p{N}-]{1,63}\.){1,8}\p{L}{2,63}/gu;

export function redact(text: string): string {
  const masked = SECRETS.reduce((rest, pattern) => rest.replace(pattern, MASK), text);
  return masked.includes('@') ? masked.replace(MAIL, '[address]') : masked;
}
