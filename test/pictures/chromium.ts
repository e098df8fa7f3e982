/** Debian's chromium, driven over its own protocol, for pictures of pages in a width and a colour scheme. */
import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';

export interface Shot {
  html: string;
  width: number;
  scheme: 'light' | 'dark';
  /** Of the page, from its top; default all of it. */
  height?: number;
  /** Pixels a point; default 1.5. */
  scale?: number;
}

export interface Browser extends AsyncDisposable {
  /** The whole page as PNG. */
  take(shot: Shot): Promise<Buffer>;
}

const START_MS = 30_000;
const CALL_MS = 30_000;
const MAX_HEIGHT = 6_000;
const Answer = z.looseObject({
  id: z.number().optional(),
  method: z.string().optional(),
  result: z.unknown().optional(),
  error: z.unknown().optional(),
});

/** Starts it without a network: every address but those of local files leads nowhere. Throws when it is not installed. */
export async function startChromium(program = 'chromium'): Promise<Browser> {
  const home = await mkdtemp(join(tmpdir(), 'bellhop-chromium-'));
  const child = spawn(program, [
    '--headless=new',
    '--no-sandbox',
    '--disable-gpu',
    '--hide-scrollbars',
    '--no-first-run',
    '--disable-background-networking',
    '--host-resolver-rules=MAP * ~NOTFOUND',
    '--remote-debugging-port=0',
    '--remote-debugging-address=127.0.0.1',
    `--user-data-dir=${home}`,
    'about:blank',
  ]);
  // An error that nobody caught ends this process without the disposal.
  process.once('exit', () => child.kill('SIGKILL'));
  const end = async (): Promise<void> => {
    const gone = child.exitCode === null ? new Promise((resolve) => child.once('exit', resolve)) : undefined;
    child.kill('SIGKILL');
    await gone;
    await rm(home, { recursive: true, force: true, maxRetries: 5 });
  };
  try {
    const browserUrl = await addressOf(child);
    return { take: (shot) => takeOne(new URL(browserUrl).host, { ...shot, home }), [Symbol.asyncDispose]: end };
  } catch (error) {
    await end();
    throw error;
  }
}

function addressOf(child: ReturnType<typeof spawn>): Promise<string> {
  return new Promise((resolve, reject) => {
    let said = '';
    const timer = setTimeout(() => reject(new Error(`chromium did not start: ${said.slice(-500)}`)), START_MS);
    const settle = (act: () => void): void => {
      clearTimeout(timer);
      act();
    };
    child.on('error', (error) => settle(() => reject(error)));
    child.on('exit', (code) => settle(() => reject(new Error(`chromium ended with ${code}: ${said.slice(-500)}`))));
    child.stderr?.on('data', (chunk: Buffer) => {
      said += chunk.toString();
      const url = /DevTools listening on (ws:\S+)/.exec(said)?.[1];
      if (url !== undefined) settle(() => resolve(url));
    });
  });
}

async function takeOne(host: string, shot: Shot & { home: string }): Promise<Buffer> {
  const file = join(shot.home, `page-${Date.now()}.html`);
  await writeFile(file, shot.html);
  const opened = await fetch(`http://${host}/json/new?about:blank`, { method: 'PUT' });
  const { id, webSocketDebuggerUrl } = z
    .object({ id: z.string(), webSocketDebuggerUrl: z.string() })
    .parse(await opened.json());
  const page = await connect(webSocketDebuggerUrl);
  try {
    const size = (height: number): object => ({
      width: shot.width,
      height,
      deviceScaleFactor: shot.scale ?? 1.5,
      mobile: shot.width < 500,
    });
    await page.call('Page.enable');
    await page.call('Emulation.setEmulatedMedia', { features: [{ name: 'prefers-color-scheme', value: shot.scheme }] });
    await page.call('Emulation.setDeviceMetricsOverride', size(100));
    const loaded = page.heard('Page.loadEventFired');
    await page.call('Page.navigate', { url: `file://${file}` });
    await loaded;
    const metrics = z
      .object({ cssContentSize: z.object({ height: z.number() }) })
      .parse(await page.call('Page.getLayoutMetrics'));
    const height = Math.min(shot.height ?? MAX_HEIGHT, Math.ceil(metrics.cssContentSize.height));
    await page.call('Emulation.setDeviceMetricsOverride', size(height));
    const { data } = z.object({ data: z.string() }).parse(await page.call('Page.captureScreenshot', { format: 'png' }));
    return Buffer.from(data, 'base64');
  } finally {
    page.close();
    await fetch(`http://${host}/json/close/${id}`);
  }
}

interface Page {
  call(method: string, params?: object): Promise<unknown>;
  heard(event: string): Promise<void>;
  close(): void;
}

async function connect(url: string): Promise<Page> {
  const socket = new WebSocket(url);
  await new Promise<void>((resolve, reject) => {
    socket.addEventListener('open', () => resolve(), { once: true });
    socket.addEventListener('error', () => reject(new Error('chromium does not answer')), { once: true });
  });
  let last = 0;
  const waiting = new Map<number | string, (answer: z.infer<typeof Answer>) => void>();
  socket.addEventListener('message', ({ data }) => {
    const answer = Answer.parse(JSON.parse(String(data)));
    const key = answer.id ?? answer.method ?? '';
    waiting.get(key)?.(answer);
    waiting.delete(key);
  });
  const wait = (key: number | string, what: string): Promise<z.infer<typeof Answer>> =>
    new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`chromium did not answer ${what}`)), CALL_MS);
      waiting.set(key, (answer) => {
        clearTimeout(timer);
        resolve(answer);
      });
    });
  return {
    async call(method, params = {}) {
      const id = ++last;
      const answered = wait(id, method);
      socket.send(JSON.stringify({ id, method, params }));
      const { result, error } = await answered;
      if (error !== undefined) throw new Error(`${method}: ${JSON.stringify(error)}`);
      return result;
    },
    heard: async (event) => void (await wait(event, event)),
    close: () => socket.close(),
  };
}
