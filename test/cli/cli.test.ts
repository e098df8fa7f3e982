import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openShell, type Shell } from '../support/cli.ts';

const job = (name: string, run: string, more = ''): string =>
  `import { defineJob, PermanentError } from 'bellhop';
   export default defineJob({ name: '${name}', description: 'does ${name}', retries: 0, ${more} run: ${run} });`;
const JOBS = {
  'fine.ts': job('fine', "() => 'all is well'"),
  'broken.ts': job('broken', "() => { throw new PermanentError('\\u001b[2Jboom\\u202e'); }"),
  'unsent.ts': job('unsent', "() => 'never arrives'", "destinations: ['ana@example.com'],"),
  'leaky.ts': job('leaky', "() => { setInterval(() => undefined, 1000); return 'left a timer'; }"),
  'stray.ts': job(
    'stray',
    "() => new Promise(() => setTimeout(() => { throw new Error('a-stray-error s3cret-token-of-16'); }, 1))",
  ),
  // Leaves a mark in the current folder once it is begun.
  'wait.ts': job(
    'wait',
    `async (_, ctx) => {
      (await import('node:fs')).writeFileSync('begun-' + ctx.runId, '');
      await new Promise((resolve) => ctx.signal.addEventListener('abort', resolve, { once: true }));
    }`,
  ),
};

/** Every test has a shell of its own, so that they can run beside each other: most of their time is the start of a process. */
async function alone<T>(act: (own: Shell) => Promise<T>): Promise<T> {
  await using own = await openShell(JOBS);
  return await act(own);
}
const lastLine = (text: string): string => text.trimEnd().split('\n').at(-1) ?? '';

describe.concurrent('the command line without a server', () => {
  test('the exit code says whether the run failed, a delivery did not arrive, or the question was wrong', () =>
    alone(async (own) => {
      expect(await own.type(['run', 'fine'])).toMatchObject({
        code: 0,
        stdout: expect.stringContaining('all is well') as string,
      });
      expect((await own.type(['run', 'broken'])).code).toBe(1);
      expect((await own.type(['run', 'unsent'])).code).toBe(3);
      expect((await own.type(['run', 'nothing-like-it'])).code).toBe(64);
      expect((await own.type(['run', 'fine', 'word'])).code).toBe(64);
      expect((await own.type(['jobs'], { PORT: 'x' })).code).toBe(78);
      expect((await own.type(['runs'], { BELLHOP_DATA_DIR: '/dev/null/data' })).code).toBe(69);
    }));

  test('--json prints one JSON document, whatever became of it', () =>
    alone(async (own) => {
      for (const args of [
        ['jobs'],
        ['runs'],
        ['runs', 'list', 'failed'],
        ['run', 'broken'],
        ['runs', 'show', 'last'],
        ['runs', 'delete', 'last', '--yes'],
      ]) {
        const { stdout } = await own.type([...args, '--json']);
        expect(() => void JSON.parse(stdout), args.join(' ')).not.toThrow();
      }
    }));

  test('--help explains and does nothing, and an option that a command does not take is refused', () =>
    alone(async (own) => {
      for (const args of [
        ['start', '--help'],
        ['run', 'fine', '-h'],
      ]) {
        expect(await own.type(args)).toMatchObject({
          code: 0,
          stdout: expect.stringContaining('Usage: bellhop') as string,
        });
      }
      const stray = await own.type(['start', '--host', '0.0.0.0']);
      expect([stray.code, stray.stderr]).toEqual([64, expect.stringContaining('takes no --host')]);
    }));

  test('what a job says cannot move the cursor or turn the line around', () =>
    alone(async (own) => {
      const { stdout, stderr } = await own.type(['run', 'broken']);
      expect(stderr).toContain('boom');
      // oxlint-disable-next-line no-control-regex -- these are what must not come through
      expect(stdout + stderr).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u202e]/);
    }));

  test('a job that leaves a timer behind does not keep the command line open', () =>
    alone(async (own) => {
      expect(await own.type(['run', 'leaky'])).toMatchObject({ code: 0, signal: null });
    }));

  test('an error outside every promise is one line without secrets and exits 70', () =>
    alone(async (own) => {
      const died = await own.type(['run', 'stray'], { BELLHOP_API_TOKEN: 's3cret-token-of-16' });
      expect(died.code).toBe(70);
      const line = lastLine(died.stderr);
      expect(JSON.parse(line)).toMatchObject({
        level: 'fatal',
        error: expect.stringContaining('a-stray-error') as string,
      });
      expect(died.stderr).not.toContain('s3cret');
      // What waits in the folder is read, not begun: it would crash again.
      expect(await own.type(['runs'])).toMatchObject({ code: 0, stdout: expect.stringContaining('stray') as string });
      expect((await own.type(['runs', 'cancel', 'last'])).code).toBe(0);
    }));

  test('SIGINT cancels the run, also when the launcher echoes it', () =>
    alone(async (own) => {
      const running = own.begin(['run', 'wait']);
      await running.says('queued');
      running.signal('SIGINT');
      running.signal('SIGINT');
      expect(await running.ended).toMatchObject({ code: 130, signal: null });
      expect((await own.type(['runs', 'list', 'cancelled'])).stdout).toContain('wait');
    }));

  test('a reader that goes away loses the output, not the run', () =>
    alone(async (own) => {
      const running = own.begin(['run', 'unsent']);
      await running.says('queued');
      running.hangUp();
      expect((await running.ended).code).toBe(3);
    }));

  test('a folder without jobs and one that is not there are said, not crashed over', () =>
    alone(async (own) => {
      await mkdir(join(own.folder, 'none'));
      expect(await own.type(['jobs'], { BELLHOP_JOBS_DIR: join(own.folder, 'none') })).toMatchObject({
        code: 0,
        stdout: expect.stringContaining('no jobs') as string,
      });
      const absent = await own.type(['jobs'], { BELLHOP_JOBS_DIR: join(own.folder, 'absent') });
      expect([absent.code, absent.stderr]).toEqual([0, expect.stringContaining('does not exist')]);
    }));
});

describe.concurrent('a server that cannot start', () => {
  test('something that is no socket in the place of the socket ends the start instead of hanging it', () =>
    alone(async (own) => {
      await mkdir(join(own.dataDir, 'bellhop.sock', 'x'), { recursive: true });
      const refused = await own.type(['start']);
      expect([refused.code, refused.signal]).toEqual([69, null]);
      expect(refused.stderr).toContain('bellhop.sock');
    }));
});

describe.concurrent('the command line beside a server', () => {
  test('it follows a run there and leaves it running; what waits when the server dies is begun by no reader', () =>
    alone(async (own) => {
      await mkdir(own.dataDir);
      await writeFile(join(own.dataDir, 'bellhop.sock'), ''); // what a dead server may leave
      const server = own.begin(['start']);
      await server.says('bellhop ready');
      expect((await own.type(['start'])).code).toBe(69);
      const following = own.begin(['run', 'wait']);
      await following.says('queued on the server');
      following.signal('SIGINT');
      expect(await following.ended).toMatchObject({
        code: 130,
        stderr: expect.stringContaining('The run goes on') as string,
      });
      const again = own.begin(['run', 'wait']);
      await again.says('queued on the server');
      server.signal('SIGKILL');
      await server.ended;
      expect(await again.ended).toMatchObject({
        code: 69,
        stderr: expect.stringContaining('did not answer') as string,
      });

      // Both runs wait now. Who looks, or cancels one, begins none.
      const marks = async () => (await readdir(own.folder)).filter((name) => name.startsWith('begun-'));
      for (const mark of await marks()) await rm(join(own.folder, mark));
      expect((await own.type(['jobs'])).code).toBe(0);
      const waiting = (await own.type(['runs'])).stdout.match(/run_\w{26}/g) ?? [];
      expect(waiting).toHaveLength(2);
      expect((await own.type(['runs', 'cancel', waiting[1] ?? ''])).code).toBe(0);
      expect(await marks()).toEqual([]);
    }));

  test('a signal that arrives twice at once is one: the server drains, and ends whatever a job left open', () =>
    alone(async (own) => {
      const server = own.begin(['start']);
      await server.says('bellhop ready');
      expect((await own.type(['run', 'leaky'])).code).toBe(0);
      server.signal('SIGTERM');
      server.signal('SIGTERM');
      expect(await server.ended).toMatchObject({ code: 0, stderr: expect.stringContaining('stopped') as string });
    }));

  test('the log of a server whose reader went away is lost, not the server', () =>
    alone(async (own) => {
      const server = own.begin(['start'], { LOG_LEVEL: 'debug' });
      await server.says('bellhop ready');
      server.hangUp();
      expect((await own.type(['run', 'fine'])).stderr).toContain('on the server');
      server.signal('SIGTERM');
      expect((await server.ended).code).toBe(0);
    }));
});
