/** `bellhop report preview`: what a job may return, as it would arrive. Nothing is stored or sent. */
import { createReadStream } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { basename, extname } from 'node:path';
import { codeOf, messageOf, UsageError } from '../errors.ts';
import { slug } from '../render/files.ts';
import { oneLine } from '../render/format.ts';
import { members } from '../runner/json.ts';
import { normalise } from '../runner/normalise.ts';
import type { Report } from '../store/report.ts';
import { didYouMean } from '../suggest.ts';
import { EXIT, type Terminal } from './terminal.ts';
import { formOf } from './report-forms.ts';

const MAX_FILE_BYTES = 16 * 1024 * 1024;
const MAX_NOTES = 20;

interface Ask {
  args: readonly string[];
  json: boolean;
  as?: string | undefined;
  width?: string | undefined;
  out?: string | undefined;
}

export async function reportCommand(terminal: Terminal, ask: Ask): Promise<number> {
  const [verb, file, extra] = ask.args;
  if (verb !== 'preview' || file === undefined || extra !== undefined) {
    throw new UsageError('Preview which file?', {
      code: 'USAGE',
      hint: 'bellhop report preview FILE; - is standard input.',
    });
  }
  const form = formOf(asked(ask));
  const width = ask.width === undefined ? terminal.width : widthOf(ask.width);
  const value = parsed(file, await read(file));
  const job = file === '-' ? 'preview' : slug(basename(file, extname(file)));
  const normal = normalise(job, { form: 'value', value });
  if (!normal.ok) {
    const { reason, issues = [] } = normal;
    terminal.err(issues.length === 0 ? `${file} is no report: ${reason}` : `${file} is no report:`);
    for (const { path, message, hint } of issues) {
      terminal.err(`  ${path || 'report'}: ${message}${hint === undefined ? '' : ` – ${hint}`}`);
    }
    terminal.err('docs/reports.md has the whole form with an example.');
    return EXIT.noReport;
  }
  for (const note of leftOut(value, normal.report)) terminal.err(`${note}, so it is left out`);
  const shown = await form({
    report: normal.report,
    job,
    terminal: { ...terminal, width },
    json: ask.json,
    out: ask.out,
  });
  if (ask.out === undefined) for (const text of shown.text) terminal.out(text);
  else for (const one of shown.files) await save(terminal, one);
  return shown.code;
}

const BY_ENDING: Readonly<Record<string, string>> = {
  '.html': 'html',
  '.md': 'markdown',
  '.txt': 'text',
  '.json': 'json',
  '.csv': 'csv',
  '.eml': 'email',
};
/** The forms that are JSON with `--json`. */
const AS_JSON: readonly string[] = ['json', 'slack'];

/** The form that is asked for, else the one of the file's ending, else that of a terminal. */
function asked({ as, out, json }: Ask): string {
  const form = as ?? byEnding(out) ?? (json ? 'json' : 'terminal');
  if (!json || AS_JSON.includes(form)) return form;
  throw new UsageError(`--json does not go with the form ${form}`, {
    code: 'USAGE',
    hint: '--json is the report as JSON, and with --as slack the blocks.',
  });
}

function byEnding(out: string | undefined): string | undefined {
  const ending = out === undefined ? '' : extname(out).toLowerCase();
  if (out === undefined || ending === '') return undefined;
  const form = BY_ENDING[ending];
  if (form !== undefined) return form;
  throw new UsageError(`${out} cannot be written: no form has the ending ${ending}`, {
    code: 'USAGE',
    hint: `It is one of ${Object.keys(BY_ENDING).join(', ')}; or say with --as what it should hold.`,
  });
}

function widthOf(given: string): number {
  const width = Number(given);
  if (Number.isInteger(width) && width >= 20 && width <= 400) return width;
  throw new UsageError(`“${given}” is no width`, { code: 'USAGE', hint: 'It is a number of columns from 20 to 400.' });
}

async function read(file: string): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    const source: AsyncIterable<Buffer> = file === '-' ? process.stdin : createReadStream(file);
    for await (const chunk of source) {
      bytes += chunk.length;
      if (bytes > MAX_FILE_BYTES) break;
      chunks.push(chunk);
    }
  } catch (error) {
    throw unreadable(file, codeOf(error) === 'ENOENT' ? 'there is no such file' : messageOf(error));
  }
  if (bytes > MAX_FILE_BYTES) throw unreadable(file, `it has more than ${MAX_FILE_BYTES} bytes`);
  return Buffer.concat(chunks)
    .toString('utf8')
    .replace(/^\ufeff/, '');
}

function unreadable(file: string, why: string): UsageError {
  return new UsageError(`${file} cannot be read: ${why}`, { code: 'USAGE', hint: 'Name a file of JSON or markdown.' });
}

/** JSON where it is some, as it is read from a command; else markdown. A file that is called .json must be some. */
function parsed(file: string, text: string): unknown {
  if (extname(file) !== '.json' && !/^\s*[[{]/.test(text)) return text;
  try {
    const value: unknown = JSON.parse(text);
    return value;
  } catch (error) {
    if (extname(file) !== '.json') return text;
    throw unreadable(file, `it is no JSON: ${oneLine(messageOf(error))}`);
  }
}

/** Members that a report does not have: a name that is misspelt would be missed in silence. */
function leftOut(value: unknown, report: Report): string[] {
  const given = members(value);
  const inner = given !== undefined && 'report' in given ? members(given['report']) : given;
  const isReport = inner !== undefined && 'title' in inner && ('summary' in inner || 'sections' in inner);
  return isReport ? unknownMembers(inner, report, '').slice(0, MAX_NOTES) : [];
}

function unknownMembers(given: unknown, known: unknown, path: string): string[] {
  if (Array.isArray(given) && Array.isArray(known)) {
    return given.slice(0, 1_000).flatMap((item, at) => unknownMembers(item, known[at], `${path}${at}.`));
  }
  const [left, right] = [members(given), members(known)];
  if (left === undefined || right === undefined) return [];
  return Object.entries(left).flatMap(([name, item]) => {
    if (name in right) return unknownMembers(item, right[name], `${path}${name}.`);
    const near = didYouMean(name, Object.keys(right));
    return [`${path}${name} is not part of a report${near === undefined ? '' : ` (${near})`}`];
  });
}

async function save(terminal: Terminal, file: { path: string; bytes: string | Uint8Array }): Promise<void> {
  try {
    await writeFile(file.path, file.bytes);
  } catch (error) {
    const hint = 'Choose a folder that exists and may be written.';
    throw new UsageError(`${file.path} cannot be written: ${messageOf(error)}`, { code: 'USAGE', hint });
  }
  terminal.err(`${file.path}: ${Buffer.byteLength(file.bytes)} bytes`);
}
