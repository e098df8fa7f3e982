import { describe, expect, it } from 'vitest';
import { createEmailTransport } from '../../src/delivery/email/transport.ts';
import { DeliveryError } from '../../src/errors.ts';
import type { FilePlan } from '../../src/render/file-plan.ts';
import { makeReport, sampleRun } from '../support/delivery-report.ts';
import { failureOf, mailDeps, mimeTree, post, shapeOf } from '../support/delivery-mail.ts';
import type { MimeNode } from '../support/delivery-mail.ts';
import { startPeerSmtp } from '../support/peer-smtp.ts';

const CID = 'chart-1@bellhop';
const chart = (over: Partial<FilePlan> = {}): FilePlan => ({
  name: 'sales.png',
  mediaType: 'image/png',
  title: 'Sales',
  alt: 'Sales rose from 10 to 12 & more <b>',
  cid: CID,
  source: { is: 'chart', section: 1 },
  ...over,
});
const file = (name: string, over: Partial<FilePlan> = {}): FilePlan => ({
  name,
  mediaType: 'text/csv',
  title: `The ${name}`,
  source: { is: 'table', section: 2 },
  ...over,
});
const IMG = `<img class="pic" src="cid:${CID}" width="576" alt="Sales rose from 10 to 12 &amp; more &lt;b&gt;">`;
const body = (files: FilePlan[], over: object = {}) => ({
  subject: 'Weekly report',
  html: `<!doctype html><html><body><p>Hello</p>${IMG}</body></html>`,
  text: 'Hello\n',
  files,
  ...over,
});
const PNG = Buffer.from('89504e470d0a1a0a00ff10', 'hex');
const bytesOf: Record<string, Buffer> = { 'sales.png': PNG, 'table.csv': Buffer.from('﻿a,b\r\n1,"x\ny"\r\n') };
const files = ({ name }: Pick<FilePlan, 'name'>) => Promise.resolve(bytesOf[name] ?? Buffer.from(name));
const leaves = (node: MimeNode): MimeNode[] => (node.parts.length === 0 ? [node] : node.parts.flatMap(leaves));
const nameOf = (node: MimeNode) => /filename="?([^";]+)/.exec(node.headers.get('content-disposition') ?? '')?.[1];

describe('a mail with files', () => {
  it('is mixed > alternative > (text, related > (html, picture)), attachments, and each part is what was made', async () => {
    await using peer = await startPeerSmtp();
    const transport = createEmailTransport(mailDeps(peer.port, { files }));
    const receipt = await post(transport, { body: body([chart(), file('table.csv')]) });
    transport.stop?.();
    const tree = mimeTree(peer.mails[0]?.raw ?? '');
    expect(shapeOf(tree)).toBe('mixed(alternative(text/plain, related(text/html, image/png)), text/csv)');
    const [, , picture, table] = leaves(tree);
    expect(picture?.headers.get('content-id')).toBe(`<${CID}>`);
    expect(picture?.headers.get('content-disposition')).toMatch(/^inline/);
    expect(picture?.content.equals(PNG)).toBe(true);
    expect(table?.content.equals(bytesOf['table.csv'] ?? PNG)).toBe(true);
    const parsed = await peer.mails[0]?.parsed();
    expect(parsed?.html?.trim()).toBe(body([]).html);
    const cids = [...(parsed?.html ?? '').matchAll(/src="cid:([^"]+)"/g)].map(([, cid]) => `<${cid}>`);
    expect(cids).toEqual(parsed?.attachments.flatMap(({ contentId }) => contentId ?? []));
    expect(receipt).not.toHaveProperty('degraded');
  });

  it('is the same bytes when it is sent again', async () => {
    await using peer = await startPeerSmtp();
    const transport = createEmailTransport(mailDeps(peer.port, { files }));
    await post(transport, { body: body([chart(), file('table.csv')]) });
    await post(transport, { body: body([chart(), file('table.csv')]), delivery: { attempts: 2 } });
    transport.stop?.();
    expect(peer.mails[1]?.raw.equals(peer.mails[0]?.raw ?? PNG)).toBe(true);
  });

  it('as text alone has no HTML, and its files are attached', async () => {
    await using peer = await startPeerSmtp();
    const transport = createEmailTransport(mailDeps(peer.port, { files }));
    const { html: _html, ...text } = body([chart(), file('table.csv')]);
    await post(transport, { body: text });
    transport.stop?.();
    expect(shapeOf(mimeTree(peer.mails[0]?.raw ?? ''))).toBe('mixed(text/plain, image/png, text/csv)');
  });

  it('that was frozen by an earlier version, without files, is sent', async () => {
    await using peer = await startPeerSmtp();
    const transport = createEmailTransport(mailDeps(peer.port));
    await post(transport, { body: { subject: 'Old', html: '<p>old</p>', text: 'old' } });
    transport.stop?.();
    expect(shapeOf(mimeTree(peer.mails[0]?.raw ?? ''))).toBe('alternative(text/plain, text/html)');
  });

  it.each([
    ['cannot be drawn', { files: () => Promise.reject(new Error('no\r\nbinary')) }, 'no binary'],
    ['would have no text', { files, pictureProblem: () => 'no font can be read' }, 'no font can be read'],
  ])('shows the words of a picture that %s, and no broken image', async (_why, deps, said) => {
    await using peer = await startPeerSmtp();
    const transport = createEmailTransport(mailDeps(peer.port, deps));
    const receipt = await post(transport, { body: body([chart()]) });
    transport.stop?.();
    const parsed = await peer.mails[0]?.parsed();
    expect(parsed?.html).not.toContain('<img');
    expect(parsed?.html).toContain('<em>Sales rose from 10 to 12 &amp; more &lt;b&gt;</em>');
    expect(parsed?.attachments).toEqual([]);
    expect(receipt.degraded).toEqual([`The picture “Sales” is shown as words: ${said}`]);
  });

  it.each([
    ['both of its pictures', /\.png$/, ['by-day', 'by-night'], 'no chart-1.png'],
    ['the dark one', /-dark\.png$/, ['by-night'], 'no chart-1-dark.png'],
  ])(
    'shows the words of a chart once where %s cannot be drawn, and says it once',
    async (_which, missing, turns, why) => {
      await using peer = await startPeerSmtp();
      const drawn = ({ name }: FilePlan) =>
        missing.test(name) ? Promise.reject(new Error(`no ${name}`)) : files({ name });
      const transport = createEmailTransport(mailDeps(peer.port, { files: drawn }));
      const chartOf = { type: 'bar' as const, categories: ['a', 'b'], series: [{ name: 'n', values: [1, 2] }] };
      const section = { kind: 'chart' as const, title: 'Sales', alt: 'Sales rose from 1 to 2.', chart: chartOf };
      const report = makeReport({ sections: [section] });
      const receipt = await post(transport, { about: { kind: 'run', run: sampleRun({ report }) } });
      transport.stop?.();
      const html = (await peer.mails[0]?.parsed())?.html ?? '';
      const words = [...html.matchAll(/<em class="(by-\w+) muted" style="display:(none|block);[^>]*>Sales rose/g)];
      expect(words.map(([, turn]) => turn)).toEqual(turns);
      expect(words.filter(([, , display]) => display === 'block')).toHaveLength(turns.includes('by-day') ? 1 : 0);
      expect([...html.matchAll(/<img class="(by-\w+)"/g)].map(([, turn]) => turn)).toHaveLength(2 - turns.length);
      expect(receipt.degraded).toEqual([`The picture “Sales” is shown as words: ${why}`]);
    },
  );

  it('leaves out a file that is gone for good, and says so; one that may come back is waited for', async () => {
    await using peer = await startPeerSmtp();
    const failing = (permanent: boolean) => () =>
      Promise.reject(new DeliveryError('the blob is gone', { code: 'RENDER_FAILED', permanent }));
    const gone = createEmailTransport(mailDeps(peer.port, { files: failing(true) }));
    const receipt = await post(gone, { body: body([file('deck.pdf')]) });
    gone.stop?.();
    expect(receipt.degraded).toEqual(['deck.pdf is not attached: the blob is gone']);
    expect((await peer.mails[0]?.parsed())?.text).toContain('- deck.pdf (The deck.pdf)');
    const away = createEmailTransport(mailDeps(peer.port, { files: failing(false) }));
    expect(await failureOf(post(away, { body: body([file('deck.pdf')]) }))).toMatchObject({ permanent: false });
    expect(peer.mails).toHaveLength(1);
  });

  it('that would be too large loses its largest attachments, and names them', async () => {
    await using peer = await startPeerSmtp();
    const sizes: Record<string, number> = {
      'a.bin': 300_000,
      'b.bin': 900_000,
      'c.bin': 200_000,
      'sales.png': 400_000,
    };
    const sized = ({ name }: FilePlan) => Promise.resolve(Buffer.alloc(sizes[name] ?? 0, 7));
    const maxBytes = 1_400_000;
    const transport = createEmailTransport(mailDeps(peer.port, { files: sized }), { maxBytes });
    const plans = [chart(), file('a.bin'), file('b.bin'), file('c.bin')];
    const receipt = await post(transport, { body: body(plans) });
    transport.stop?.();
    const raw = peer.mails[0]?.raw ?? Buffer.alloc(0);
    expect(raw.length).toBeLessThanOrEqual(maxBytes);
    expect(leaves(mimeTree(raw)).flatMap((node) => nameOf(node) ?? [])).toEqual(['sales.png', 'a.bin', 'c.bin']);
    expect(receipt.degraded).toEqual(['b.bin is not attached: the mail may have 1.4 MB at most']);
    const parsed = await peer.mails[0]?.parsed();
    expect(parsed?.text).toContain('- b.bin (The b.bin)');
    expect(parsed?.html).toContain('<li>b.bin (The b.bin)</li>');
  });

  it('has at most 15 MB as it is', async () => {
    await using peer = await startPeerSmtp();
    const big = () => Promise.resolve(Buffer.alloc(6_000_000, 7));
    const transport = createEmailTransport(mailDeps(peer.port, { files: big }));
    const receipt = await post(transport, { body: body([file('a.bin'), file('b.bin'), file('c.bin')]) });
    transport.stop?.();
    expect(peer.mails[0]?.raw.length).toBeLessThanOrEqual(15_000_000);
    expect(receipt.degraded).toHaveLength(2);
  });

  it.each([
    'x.csv"\r\nBcc: eve@example.com\r\n\r\nbody',
    '../../etc/passwd',
    'report\u202Efdp.exe',
    '\u0000\u0007',
    'a'.repeat(200),
    '売上 "Q4".csv',
  ])('has no header and no path that the name of a file smuggled in: %j', async (name) => {
    await using peer = await startPeerSmtp();
    const transport = createEmailTransport(mailDeps(peer.port, { files }));
    await post(transport, {
      body: body([file(name, { mediaType: 'text/csv\r\nX-Evil: 1', title: 'a\r\nBcc: b@c.de' })]),
    });
    transport.stop?.();
    const parsed = await peer.mails[0]?.parsed();
    const tree = mimeTree(peer.mails[0]?.raw ?? '');
    for (const node of [tree, ...leaves(tree)])
      expect([...node.headers.keys()].filter((key) => /bcc|evil/.test(key))).toEqual([]);
    const [got] = parsed?.attachments ?? [];
    expect(got?.filename).toMatch(/^[^\p{Cc}\p{Cf}/\\"]{1,120}$/u);
    expect(got?.mimeType).toBe('application/octet-stream');
    expect(parsed?.bcc ?? []).toEqual([]);
  });

  it('gives two files of one name two names, whatever letters it is written in', async () => {
    await using peer = await startPeerSmtp();
    const transport = createEmailTransport(mailDeps(peer.port, { files }));
    await post(transport, { body: body([file('t.csv'), file('t.csv'), file('T.CSV')]) });
    transport.stop?.();
    const names = leaves(mimeTree(peer.mails[0]?.raw ?? '')).flatMap((node) => nameOf(node) ?? []);
    expect(names).toEqual(['t.csv', 't-2.csv', 'T-3.CSV']);
  });
});
