/**
 * Asks a list of addresses whether they answer: status, time, size, where a redirect leads. Redirects are shown, not followed.
 * Whoever may run this job may make this machine ask addresses that only this machine can reach; link-local addresses (cloud
 * metadata) are always refused, whatever name leads to them.
 */
import { lookup as resolveName } from 'node:dns';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { BlockList, isIP, type LookupFunction } from 'node:net';
import { defineJob, PermanentError, type ReportInput } from 'bellhop';
import { z } from 'zod';

const MAX_BODY = 64 * 1024;
const AT_ONCE = 5;

const refused = new BlockList();
refused.addSubnet('169.254.0.0', 16, 'ipv4');
refused.addSubnet('fe80::', 10, 'ipv6');
refused.addAddress('fd00:ec2::254', 'ipv6');

interface Check {
  url: string;
  up: boolean;
  /** The status, or why there is none. */
  status: string;
  ms: number;
  bytes: number;
  /** The body was longer than what is read of one. */
  more: boolean;
  location?: string;
}

function refuse(address: string): Error | undefined {
  const family = isIP(address);
  if (family === 0 || !refused.check(address, family === 6 ? 'ipv6' : 'ipv4')) return undefined;
  return new Error('link-local addresses are refused');
}

// Checked where the connection is made: a name cannot be looked up as one address and reached as another.
const lookup: LookupFunction = (hostname, options, done) => {
  resolveName(hostname, { ...options, all: true }, (error, addresses) => {
    const found = error === null ? addresses : [];
    const fault = error ?? found.map(({ address }) => refuse(address)).find((one) => one !== undefined) ?? null;
    const [first] = found;
    if (fault !== null) done(fault, [], 4);
    else if (options.all === true) done(null, found);
    else done(null, first?.address ?? '', first?.family ?? 4);
  });
};

export function readUrl(text: string): URL {
  const url = URL.parse(text.includes('://') ? text : `https://${text}`);
  if (url === null) throw new PermanentError(`"${text.slice(0, 100)}" is not an address`);
  const shown = `${url.protocol}//${url.host}`;
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw new PermanentError(`"${shown}" is not an http or https address`);
  }
  if (url.username !== '' || url.password !== '') {
    throw new PermanentError(`the address of ${url.host} carries a user name or password`, {
      hint: 'leave credentials out: the address is stored and shown in the report',
    });
  }
  const fault = refuse(url.hostname.replace(/^\[|\]$/g, ''));
  if (fault !== undefined) throw new PermanentError(`${shown}: ${fault.message}`);
  return url;
}

function ask(url: URL, signal: AbortSignal): Promise<Check> {
  const began = performance.now();
  const request = url.protocol === 'https:' ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    const sent = request(
      url,
      { lookup, signal, headers: { 'user-agent': 'bellhop-site-check' }, agent: false },
      (answer) => {
        const ms = Math.round(performance.now() - began);
        const status = answer.statusCode ?? 0;
        const location = answer.headers.location;
        let bytes = 0;
        const finish = (more: boolean): void => {
          answer.destroy();
          const up = status >= 200 && status < 400;
          resolve({
            url: url.href,
            up,
            status: String(status),
            ms,
            bytes,
            more,
            ...(location !== undefined && { location }),
          });
        };
        answer.on('data', (chunk: Buffer) => {
          bytes += chunk.length;
          if (bytes > MAX_BODY) finish(true);
        });
        answer.on('end', () => finish(false));
        answer.on('error', reject);
      },
    );
    sent.on('error', reject);
    sent.end();
  });
}

async function check(url: URL, timeoutMs: number, signal: AbortSignal): Promise<Check> {
  const began = performance.now();
  const timeout = AbortSignal.timeout(timeoutMs);
  try {
    return await ask(url, AbortSignal.any([signal, timeout]));
  } catch (error) {
    signal.throwIfAborted();
    const said = error instanceof Error ? error.message || error.name : 'failed';
    const code = error instanceof Error && 'code' in error ? String(error.code) : said;
    const status = timeout.aborted
      ? `no answer in ${timeoutMs / 1000} s`
      : code === 'ABORT_ERR'
        ? said
        : readable(code, said);
    return { url: url.href, up: false, status, ms: Math.round(performance.now() - began), bytes: 0, more: false };
  }
}

const WORDS: Record<string, string> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection cut',
  ENOTFOUND: 'no such host',
  EAI_AGAIN: 'host name could not be looked up',
  EHOSTUNREACH: 'host unreachable',
  CERT_HAS_EXPIRED: 'certificate has expired',
};

function readable(code: string, said: string): string {
  return WORDS[code] ?? (code.startsWith('E') && said === '' ? code : said.slice(0, 100));
}

const cell = (text: string): string =>
  text
    .replaceAll('|', '%7C')
    .replace(/[\r\n]+/g, ' ')
    .slice(0, 300);

function table(checks: readonly Check[]): string {
  const rows = checks.map(({ url, up, status, ms, bytes, more, location }) => {
    const size = bytes === 0 ? '' : `${more ? 'over ' : ''}${(bytes / 1024).toFixed(1)} KB`;
    return `| ${up ? 'up' : '**down**'} | ${cell(url)} | ${cell(status)} | ${ms} ms | ${size} | ${cell(location ?? '')} |`;
  });
  return ['| | Address | Status | First byte | Size | Leads to |', '|---|---|---|---:|---:|---|', ...rows].join('\n');
}

function report(checks: readonly Check[]): ReportInput {
  const down = checks.filter((one) => !one.up);
  const slowest = checks
    .filter((one) => one.up)
    .reduce<Check | undefined>((a, b) => (a !== undefined && a.ms >= b.ms ? a : b), undefined);
  const all = `${checks.length} ${checks.length === 1 ? 'site' : 'sites'}`;
  const names = down.map((one) => new URL(one.url).host).slice(0, 5);
  const summary =
    down.length === 0
      ? `All of ${all} answered.`
      : `${down.length} of ${all} did not answer well: ${names.join(', ')}.`;
  return {
    title: 'Site check',
    summary: summary.slice(0, 600),
    status: down.length === 0 ? 'ok' : 'partial',
    sections: [
      {
        kind: 'figures',
        figures: [
          { label: 'Up', value: checks.length - down.length, display: String(checks.length - down.length) },
          { label: 'Down', value: down.length, display: String(down.length) },
          ...(slowest === undefined
            ? []
            : [
                {
                  label: `Slowest: ${new URL(slowest.url).host}`.slice(0, 60),
                  value: slowest.ms,
                  display: `${slowest.ms} ms`,
                },
              ]),
        ],
      },
      { kind: 'markdown', markdown: table(checks) },
    ],
  };
}

export default defineJob({
  name: 'site-check',
  description: 'Checks that web addresses answer, and how fast.',
  input: z.object({
    urls: z.array(z.string().min(1).max(2000)).min(1).max(20).describe('Addresses, separated by commas'),
    timeout: z.number().min(1).max(60).default(10).describe('Seconds to wait for each'),
  }),
  timeout: '10m',
  retries: 0,
  async run({ urls, timeout }, ctx) {
    const wanted = urls.map(readUrl);
    const checks: Check[] = [];
    await ctx.step(`Ask ${wanted.length} ${wanted.length === 1 ? 'address' : 'addresses'}`, async () => {
      let next = 0;
      let done = 0;
      const asker = async (): Promise<void> => {
        for (let at = next++; at < wanted.length; at = next++) {
          const url = wanted[at];
          if (url === undefined) return;
          checks[at] = await check(url, timeout * 1000, ctx.signal);
          ctx.progress(++done / wanted.length, url.host);
        }
      };
      await Promise.all(Array.from({ length: Math.min(AT_ONCE, wanted.length) }, asker));
    });
    return { report: report(checks), result: checks };
  },
});
