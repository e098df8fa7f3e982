/** The thread of placer.ts: synchronous calls, because nobody else waits here. */
import { spawnSync } from 'node:child_process';
import { closeSync, openSync, renameSync, unlinkSync, writeSync } from 'node:fs';
import { parentPort } from 'node:worker_threads';
import { codeOf, messageOf } from '../../errors.ts';
import { SYNC_ALL, SYNC_TIMEOUT_MS } from './files.ts';
import type { Answer, Asked, Placement, PlaceFailure } from './placer.ts';

/**
 * The kernel lets a thread run for milliseconds before another that was woken on the same processor has its turn; one that leaves by itself
 * after each file (0.2 ms of work) is never what the next write of the journal waits for.
 */
const PAUSE_MS = 0.2;
const nothing = new Int32Array(new SharedArrayBuffer(4));

parentPort?.on('message', (asked: Asked) => parentPort?.postMessage(answer(asked)));

function answer(asked: Asked): Answer {
  if (asked.op === 'place') return { failure: placeAll(asked.batch), synced: false };
  const [program, ...options] = SYNC_ALL;
  const { status } = spawnSync(program, [...options, asked.path], { timeout: SYNC_TIMEOUT_MS, stdio: 'ignore' });
  return { failure: undefined, synced: status === 0 };
}

function placeAll(batch: readonly Placement[]): PlaceFailure | undefined {
  for (const [at, { temp, path, text, pace }] of batch.entries()) {
    let step: PlaceFailure['step'] = 'write';
    try {
      writeTemp(temp, text);
      step = 'rename';
      renameSync(temp, path);
    } catch (error) {
      discard(temp);
      const code = codeOf(error);
      return { at, step, message: messageOf(error), ...(code === undefined ? {} : { code }) };
    }
    if (pace === 'calmly') Atomics.wait(nothing, 0, 0, PAUSE_MS);
  }
  return undefined;
}

function writeTemp(temp: string, text: string | Uint8Array): void {
  const bytes = typeof text === 'string' ? Buffer.from(text) : text;
  const file = openSync(temp, 'wx', 0o600);
  try {
    for (let offset = 0; offset < bytes.length;) {
      const taken = writeSync(file, bytes, offset);
      // No progress and no error would loop for ever.
      if (taken <= 0) throw Object.assign(new Error('the file system takes no bytes'), { code: 'ENOSPC' });
      offset += taken;
    }
  } finally {
    closeSync(file);
  }
}

/** What cannot be removed either is swept at the next open. */
function discard(temp: string): void {
  try {
    unlinkSync(temp);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return;
  }
}
