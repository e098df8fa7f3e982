import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';

export interface LoadOrder {
  url: string;
  secret: string;
  /** Requests a second. */
  rate: number;
  seconds: number;
  /** The form of the slash command; a trigger_id of its own is added to each. */
  fields: Record<string, string>;
}

export interface LoadReport {
  /** Milliseconds from the instant a request was due to the end of its answer. */
  latencies: number[];
  failures: string[];
}

export interface Load {
  fire(order: LoadOrder): Promise<LoadReport>;
  stop(): void;
}

/** Starts the load generator. */
export function startLoad(): Load {
  const child = fork(join(import.meta.dirname, 'ack-load.main.ts'));
  return {
    fire(order) {
      child.send(order);
      return answerOf<LoadReport>(child);
    },
    stop: () => void child.kill(),
  };
}

/** Starts the bare Bolt app, which writes to `file` when there is one; answers where it listens. */
export async function startBare(signingSecret: string, file?: string): Promise<{ url: string; stop: () => void }> {
  const child = fork(join(import.meta.dirname, 'ack-bare.main.ts'), {
    env: {
      ...process.env,
      BARE_SIGNING_SECRET: signingSecret,
      ...(file === undefined ? {} : { BARE_FILE: file }),
    },
  });
  const { port } = await answerOf<{ port: number }>(child);
  return { url: `http://127.0.0.1:${port}/slack/events`, stop: () => void child.kill() };
}

/** The next message of a child that we wrote ourselves: a file beside this one, so its shape is known. */
function answerOf<T>(child: ChildProcess): Promise<T> {
  return new Promise((resolve, reject) => {
    const guard = setTimeout(
      () => settle(() => reject(new Error('a process of the benchmark does not answer'))),
      120_000,
    );
    const onMessage = (message: T): void => settle(() => resolve(message));
    const onExit = (): void => settle(() => reject(new Error('a process of the benchmark ended early')));
    function settle(act: () => void): void {
      clearTimeout(guard);
      child.off('message', onMessage);
      child.off('exit', onExit);
      act();
    }
    child.on('message', onMessage);
    child.on('exit', onExit);
  });
}
