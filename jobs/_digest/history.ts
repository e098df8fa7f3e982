/** A git history as the digest needs it, read from `git log` output: live (`-z`) or recorded as plain text. */
interface Change {
  path: string;
  added: number;
  deleted: number;
}

export interface Commit {
  hash: string;
  /** Committer date in seconds since the epoch. */
  at: number;
  author: string;
  merge: boolean;
  subject: string;
  changes: Change[];
}

export interface History {
  name: string;
  /** The newest first. */
  commits: Commit[];
  /** What a reader of the digest must know about its source. */
  warnings: string[];
  /** False when older commits exist that could not be read: then there is nothing to compare with. */
  complete: boolean;
}

/** The `--format` whose output `parseLive` reads; control characters keep subjects and names apart. */
export const LIVE_FORMAT = '%x1e%H%x1f%ct%x1f%P%x1f%aN%x1f%s%x1f';

// The separators of LIVE_FORMAT are control characters on purpose.
// oxlint-disable-next-line no-control-regex
const RECORD_START = /\u001e(?=[0-9a-f]{40,64}\u001f)/;

/** Reads the output of `git log -z --numstat` in LIVE_FORMAT. */
export function parseLive(text: string): Commit[] {
  return text
    .split(RECORD_START)
    .slice(1)
    .map((record) => {
      const [hash = '', at = '', parents = '', author = '', ...rest] = record.split('\u001f');
      const numstat = rest.at(-1) ?? '';
      const subject = rest.slice(0, -1).join(' ');
      return { hash, at: Number(at), author, merge: parents.includes(' '), subject, changes: parseNumstat(numstat) };
    });
}

function parseNumstat(text: string): Change[] {
  const entries = text.replace(/^\0?\n?/, '').split('\0');
  const changes: Change[] = [];
  for (let at = 0; at < entries.length; at++) {
    const match = /^(\d+|-)\t(\d+|-)\t([\s\S]*)$/.exec(entries[at] ?? '');
    if (match === null) continue;
    let path = match[3] ?? '';
    // A rename: an empty path, then the old and the new one.
    if (path === '') {
      path = entries[at + 2] ?? '';
      at += 2;
    }
    changes.push({ path, added: count(match[1]), deleted: count(match[2]) });
  }
  return changes;
}

// Git says `-` for the lines of a binary file.
function count(text: string | undefined): number {
  return text === undefined || text === '-' ? 0 : Number(text);
}

const RECORDED_FIRST_LINE = /^# recorded git history of (.{1,100})$/;

/**
 * Reads a recorded history: `# recorded git history of NAME`, then what
 * `git log --numstat --format='commit %H%nat %ct%nparents %P%nauthor %aN%nsubject %s'` printed. Undefined when it is none.
 */
export function parseRecorded(text: string): { name: string; commits: Commit[] } | undefined {
  const [first = '', ...lines] = text.split(/\r?\n/);
  const name = RECORDED_FIRST_LINE.exec(first)?.[1];
  if (name === undefined) return undefined;
  const commits: Commit[] = [];
  for (const line of lines) {
    const [word = '', ...rest] = line.split(' ');
    const value = rest.join(' ');
    const commit = commits.at(-1);
    if (word === 'commit') commits.push({ hash: value, at: 0, author: '', merge: false, subject: '', changes: [] });
    else if (commit !== undefined) readLine(commit, { word, value, line });
  }
  return { name, commits };
}

function readLine(commit: Commit, { word, value, line }: { word: string; value: string; line: string }): void {
  if (word === 'at') commit.at = Number(value);
  else if (word === 'parents') commit.merge = value.includes(' ');
  else if (word === 'author') commit.author = value;
  else if (word === 'subject') commit.subject = value;
  else {
    const match = /^(\d+|-)\t(\d+|-)\t(.+)$/.exec(line);
    if (match !== null) commit.changes.push({ path: match[3] ?? '', added: count(match[1]), deleted: count(match[2]) });
  }
}
