/** A mail as a reader shows it: a few headers and its plain text. */
export interface MailView {
  subject: string;
  from: string;
  to: string;
  messageId: string;
  text: string;
}

const MAX_DEPTH = 5;

/** Reads the plain text of a mail that our own sender made (multipart, quoted-printable, base64, UTF-8); not a general parser. */
export function readMail(raw: Buffer): MailView {
  const part = splitPart(raw.toString('latin1'));
  const header = (name: string): string => decodeWords(part.headers.get(name) ?? '');
  return {
    subject: header('subject'),
    from: header('from'),
    to: header('to'),
    messageId: header('message-id'),
    text: textOfPart(part, 0) ?? '',
  };
}

interface MailPart {
  headers: Map<string, string>;
  body: string;
}

function splitPart(source: string): MailPart {
  const end = source.indexOf('\r\n\r\n');
  const head = end < 0 ? source : source.slice(0, end);
  const headers = new Map<string, string>();
  for (const line of head.replaceAll(/\r\n[ \t]+/g, ' ').split('\r\n')) {
    const colon = line.indexOf(':');
    if (colon > 0) headers.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim());
  }
  return { headers, body: end < 0 ? '' : source.slice(end + 4) };
}

function textOfPart(part: MailPart, depth: number): string | undefined {
  const type = part.headers.get('content-type') ?? 'text/plain';
  const boundary = /boundary="?([^";]{1,200})"?/i.exec(type)?.[1];
  if (/^multipart\//i.test(type) && boundary !== undefined && depth < MAX_DEPTH) {
    for (const piece of `\r\n${part.body}`.split(`\r\n--${boundary}`).slice(1, 20)) {
      const found = textOfPart(splitPart(piece.replace(/^\r\n/, '')), depth + 1);
      if (found !== undefined) return found;
    }
    return undefined;
  }
  if (!/^text\/plain/i.test(type)) return undefined;
  const text = decodeBody(part).toString('utf8').replaceAll('\r\n', '\n');
  // RFC 3676: a space at the end of a line says that the paragraph goes on.
  return /format=flowed/i.test(type) ? text.replaceAll(/ \n(?!\n)/g, ' ') : text;
}

function decodeBody(part: MailPart): Buffer {
  const encoding = (part.headers.get('content-transfer-encoding') ?? '7bit').toLowerCase();
  if (encoding === 'base64') return Buffer.from(part.body, 'base64');
  if (encoding === 'quoted-printable') return unquote(part.body.replaceAll(/=[ \t]*\r\n/g, ''));
  return Buffer.from(part.body, 'latin1');
}

function unquote(text: string): Buffer {
  const decoded = text.replaceAll(/=([0-9A-Fa-f]{2})/g, (_whole, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
  return Buffer.from(decoded, 'latin1');
}

/** Encoded words of RFC 2047 in UTF-8. */
function decodeWords(value: string): string {
  const joined = value.replaceAll(/\?=\s+=\?/g, '?==?');
  const decoded = joined.replaceAll(/=\?utf-8\?([bq])\?([^?]*)\?=/gi, (_whole, kind: string, text: string) =>
    (kind.toLowerCase() === 'b' ? Buffer.from(text, 'base64') : unquote(text.replaceAll('_', ' '))).toString('latin1'),
  );
  return Buffer.from(decoded, 'latin1').toString('utf8');
}
