import { z } from 'zod';
import { ConfigError } from '../../errors.ts';

export interface MailServer {
  host: string;
  port: number;
  /** TLS from the first byte (smtps). */
  secure: boolean;
  auth?: { user: string; pass: string };
}

export interface MailFrom {
  name?: string;
  address: string;
}

const Line = z
  .string()
  .max(320)
  .regex(/^[^\p{Cc}]*$/u);
const Address = z.email().max(254);

/** Reads SMTP_URL (`smtp://` or `smtps://user:password@host:port`); what it throws never holds the URL, for that has the password. */
export function parseSmtpUrl(text: string): MailServer {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const secure = url?.protocol === 'smtps:';
  if (url === undefined || (!secure && url.protocol !== 'smtp:') || url.hostname === '') {
    throw new ConfigError('SMTP_URL is not an smtp:// or smtps:// address with a host.', {
      code: 'CONFIG_INVALID',
      hint: 'Write it like smtps://user:password@mail.example.com:465, with special characters percent-encoded.',
    });
  }
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const port = url.port === '' ? (secure ? 465 : 587) : Number(url.port);
  if (url.username === '') return { host, port, secure };
  return { host, port, secure, auth: { user: decode(url.username), pass: decode(url.password) } };
}

/** Reads BELLHOP_MAIL_FROM: `bot@example.com` or `Bellhop <bot@example.com>`. */
export function parseMailFrom(text: string): MailFrom {
  const line = Line.safeParse(text.trim());
  const named = line.success ? /^"?([^"<>]*?)"?\s*<([^<>]+)>$/.exec(line.data) : null;
  const address = Address.safeParse(named?.[2] ?? text.trim());
  if (!line.success || !address.success) {
    const hint = 'Write it like Bellhop <bellhop@example.com>.';
    throw new ConfigError('BELLHOP_MAIL_FROM is not a mail address.', { code: 'CONFIG_INVALID', hint });
  }
  const name = named?.[1]?.trim() ?? '';
  return name === '' ? { address: address.data } : { name, address: address.data };
}

/** Whether the host is this machine, so that mail to it never crosses a wire. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(?:\.\d{1,3}){3}$/.test(host);
}

/** The part behind the @. */
export function domainOf(address: string): string {
  return address.slice(address.lastIndexOf('@') + 1);
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // Not percent-encoded: the text is meant as it stands.
    return text;
  }
}
