/**
 * Stands in the place of `curl` while an example of the documentation is run: brings the request to the server of the test, and writes
 * the status of the answer into a file. The request itself is sent by the real curl where there is one (REAL_CURL), and else by `fetch`,
 * which knows only what the examples use.
 */
import { spawnSync } from 'node:child_process';
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const SHOWN = 'http://127.0.0.1:3000';
const { REAL_CURL, CURL_BASE = '', CURL_STATUSES = '' } = process.env;
const args = process.argv.slice(2).map((arg) => arg.replace(SHOWN, CURL_BASE));

function withCurl(curl: string): { code: number; status: string } {
  const folder = mkdtempSync(join(tmpdir(), 'bellhop-curl-'));
  const heads = join(folder, 'heads');
  const { status: code } = spawnSync(curl, [...args, '--dump-header', heads], { stdio: 'inherit' });
  const status =
    readFileSync(heads, 'latin1')
      .match(/^HTTP\/[\d.]+ (\d{3})/gm)
      ?.at(-1)
      ?.slice(-3) ?? 'none';
  rmSync(folder, { recursive: true });
  return { code: code ?? 1, status };
}

async function withFetch(): Promise<{ code: number; status: string }> {
  const headers = new Headers();
  let [url, method, body] = ['', 'GET', ''];
  for (let at = 0; at < args.length; at++) {
    const arg = args[at] ?? '';
    const next = (): string => args[++at] ?? '';
    if (/^-[sS]+$/.test(arg)) continue;
    else if (arg === '-H') headers.append(...pairOf(next()));
    else if (arg === '-X') method = next();
    else if (arg === '-d') {
      body = next();
      if (method === 'GET') method = 'POST';
      if (!headers.has('content-type')) headers.set('content-type', 'application/x-www-form-urlencoded');
    } else if (arg.startsWith('-'))
      throw new Error(`an example uses ${arg}, which this stand-in of curl does not know`);
    else url = arg;
  }
  const answer = await fetch(url, { method, headers, ...(body === '' ? {} : { body }) });
  writeSync(1, await answer.text());
  return { code: 0, status: String(answer.status) };
}

function pairOf(header: string): [string, string] {
  const colon = header.indexOf(':');
  return [header.slice(0, colon), header.slice(colon + 1).trim()];
}

const { code, status } = REAL_CURL === undefined || REAL_CURL === '' ? await withFetch() : withCurl(REAL_CURL);
appendFileSync(CURL_STATUSES, `${status}\n`);
process.exitCode = code;
