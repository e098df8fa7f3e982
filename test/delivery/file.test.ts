import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createFileTransport } from '../../src/delivery/file.ts';
import { createFileReader } from '../../src/delivery/files.ts';
import { DeliveryError } from '../../src/errors.ts';
import type { Destination, Receipt } from '../../src/store/destinations.ts';
import type { Delivery } from '../../src/store/records.ts';
import { manualClock } from '../support/clock.ts';
import { makeReport, sampleReport, sampleRun } from '../support/delivery-report.ts';

const TABLE = {
  kind: 'table' as const,
  caption: 'Best sellers',
  columns: [{ key: 'a', label: 'Product' }],
  rows: [{ a: 'Lamp' }],
};

describe('a report file', () => {
  let dir: string;
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'bellhop-file-'));
  });
  afterEach(() => rm(dir, { recursive: true, force: true }));

  type File = Extract<Destination, { kind: 'file' }>;
  type FileReceipt = Extract<Receipt, { kind: 'file' }>;

  async function writeAll(destination: Omit<File, 'kind'>, report = sampleReport()): Promise<FileReceipt[]> {
    const blobs = { get: (sha256: string) => Promise.resolve(Buffer.from(`blob ${sha256.slice(0, 4)}`)) };
    const rasteriser = { png: () => Promise.reject(new Error('no charts')), problem: () => undefined };
    const readFile = createFileReader({ blobs, rasteriser });
    const transport = createFileTransport({ reportsDir: join(dir, 'reports'), clock: manualClock(), readFile });
    const run = sampleRun({ report });
    const delivery: Delivery = {
      id: 'dlv_01k9zzzzzzzzzzzzzzzzzzzz8d',
      mode: 'report',
      destination: { kind: 'file', ...destination },
      runId: run.id,
      rev: 0,
      state: 'sending',
      createdAt: run.createdAt,
      updatedAt: run.createdAt,
      fence: 1,
      attempts: 1,
      parts: [],
    };
    const about = { kind: 'run', run } as const;
    const receipts: FileReceipt[] = [];
    for (const [at, body] of transport.prepare({ delivery, about, deliveries: [] }).entries()) {
      const request = { delivery, about, n: at + 1, body, previous: [], resent: false };
      const receipt = await transport.send(request, new AbortController().signal);
      if (receipt.kind === 'file') receipts.push(receipt);
    }
    return receipts;
  }
  async function write(path: string): Promise<FileReceipt> {
    const [receipt] = await writeAll({ path });
    if (receipt === undefined) throw new Error('no file receipt');
    return receipt;
  }

  it.each([
    ['out.html', '<!doctype html>'],
    ['out.md', '# Weekly merchandising'],
    ['out.txt', 'Weekly merchandising'],
    ['out.json', '"bellhop.report/1"'],
    ['out.csv', '55930'],
  ])('is written as %s in the form of its ending', async (path, start) => {
    const receipt = await write(path);
    const content = await readFile(receipt.path, 'utf8');
    expect(content).toContain(start);
    expect(receipt.bytes).toBe(Buffer.byteLength(content));
    expect(receipt.sha256).toMatch(/^[0-9a-f]{64}$/);
    expect(await readdir(join(dir, 'reports'))).toHaveLength(1);
  });

  it('has the form that is asked for whatever its ending', async () => {
    const [receipt] = await writeAll({ path: 'out.data', format: 'md' });
    expect(await readFile(receipt?.path ?? '', 'utf8')).toContain('# Weekly merchandising');
  });

  it('has beside it what is to go with it, its own files first, each with a receipt', async () => {
    const report = makeReport({
      sections: [TABLE, { ...TABLE, title: 'Orders' }],
      attachments: [{ name: 'orders.csv', mediaType: 'text/csv', sha256: 'ab'.repeat(32), bytes: 9 }],
    });
    const receipts = await writeAll({ path: '{date}.html', attach: ['csv', 'md', 'html'] }, report);
    const names = receipts.map(({ path }) => basename(path));
    expect(names).toEqual([
      '2026-11-23.html',
      '2026-11-23-orders.csv',
      '2026-11-23-best-sellers.csv',
      '2026-11-23-orders-2.csv',
      '2026-11-23.md',
    ]);
    expect((await readdir(join(dir, 'reports'))).toSorted()).toEqual(names.toSorted());
    expect(await readFile(receipts[1]?.path ?? '', 'utf8')).toBe('blob abab');
    expect(await readFile(receipts[2]?.path ?? '', 'utf8')).toBe('\ufeffProduct\r\nLamp\r\n');
    for (const { path, bytes } of receipts) expect(bytes).toBe((await readFile(path)).length);
  });

  it('of several tables as CSV is one file a table', async () => {
    const receipts = await writeAll({ path: '{date}.csv', attach: ['csv'] }, makeReport({ sections: [TABLE, TABLE] }));
    expect(receipts.map(({ path }) => basename(path))).toEqual(['2026-11-23.csv', '2026-11-23-best-sellers.csv']);
  });

  it('has the run in its name unless the path says otherwise', async () => {
    expect((await write('weekly.txt')).path).toBe(join(dir, 'reports', 'weekly-zzzz8d.txt'));
    expect((await write('{job}/{date}.txt')).path).toBe(join(dir, 'reports', 'weekly-merchandising', '2026-11-23.txt'));
    expect((await write('{run}.txt')).path).toBe(join(dir, 'reports', `${sampleRun().id}.txt`));
  });

  it('may stand at an absolute path', async () => {
    expect((await write(join(dir, 'elsewhere.txt'))).path).toBe(join(dir, 'elsewhere-zzzz8d.txt'));
  });

  it.each(['../out.txt', 'a/../../out.txt', '..'])('does not leave the reports folder by %s', async (path) => {
    await expect(write(path)).rejects.toThrow(DeliveryError);
    expect(await readdir(dir)).not.toContain('out-zzzz8d.txt');
  });

  it('does not leave the reports folder by a link', async () => {
    await write('first.txt');
    await symlink(dir, join(dir, 'reports', 'link'));
    await expect(write('link/out.txt')).rejects.toMatchObject({ permanent: true, code: 'FILE_FAILED' });
    expect(await readdir(dir)).toEqual(['reports']);
  });

  it('makes no folder behind a link that leads out', async () => {
    await write('first.txt');
    await symlink(dir, join(dir, 'reports', 'link'));
    await expect(write('link/deeper/out.txt')).rejects.toMatchObject({ permanent: true, code: 'FILE_FAILED' });
    expect(await readdir(dir)).toEqual(['reports']);
  });

  it('is not written through a link that lies at its temporary name, nor at its own', async () => {
    const reports = join(dir, 'reports');
    const outside = join(dir, 'outside.txt');
    await mkdir(reports);
    await writeFile(outside, 'mine');
    const name = `${sampleRun().id}.txt`;
    for (const link of [name, `${name}.dlv_01k9zzzzzzzzzzzzzzzzzzzz8d.tmp`])
      await symlink(outside, join(reports, link));
    await write('{run}.txt');
    expect(await readFile(outside, 'utf8')).toBe('mine');
    expect(await readFile(join(reports, name), 'utf8')).toContain('Weekly merchandising');
    expect(await readdir(reports)).toEqual([name]);
  });

  it('does not replace a folder, and leaves nothing beside it', async () => {
    const name = `${sampleRun().id}.txt`;
    await mkdir(join(dir, 'reports', name), { recursive: true });
    await expect(write('{run}.txt')).rejects.toMatchObject({ permanent: true, code: 'FILE_FAILED' });
    expect(await readdir(join(dir, 'reports'))).toEqual([name]);
  });

  it('of an unknown ending is refused with the endings that exist', async () => {
    await expect(write('out.docx')).rejects.toMatchObject({ permanent: true, hint: expect.stringContaining('.html') });
  });

  it('written twice is the same file', async () => {
    const [one, two] = [await write('{run}.html'), await write('{run}.html')];
    expect(two).toEqual(one);
  });
});
