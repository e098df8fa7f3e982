/**
 * The message, byte for byte the same whenever it is composed: date and boundary follow from the delivery, its words were frozen, its files
 * are made from what never changes. (A picture that could not be drawn the first time and can be the second makes a difference.) Nothing of
 * a user stands in the envelope, in header keys, or in `list` and `raw` (RELIABILITY 2, header injection).
 */
import type { About } from '../../store/notice-records.ts';
import { idOf } from '../about.ts';
import type { SendRequest } from '../transport.ts';
import { domainOf } from './address.ts';
import type { MailFrom } from './address.ts';
import type { MailBody } from './body.ts';
import { signMail } from './dkim.ts';
import type { DkimKey } from './dkim.ts';
import type { Enclosed, Letter } from './enclose.ts';

export interface Sender {
  from: MailFrom;
  dkim?: DkimKey;
  /** Who reads requests to unsubscribe that are written by hand. */
  unsubscribeMail?: string;
}

export interface Written {
  request: SendRequest;
  to: string;
  body: MailBody;
  letter: Letter;
  thread: 'series' | 'none';
}

const MEDIA_TYPE = /^[\w.+-]+\/[\w.+-]+$/;
const CID = /^[\w.@+-]{1,200}$/;

/** A retry after a lost answer has the same, so that many servers, and readers, see that it is the same mail. */
export function messageIdOf({ delivery, n }: SendRequest, from: MailFrom): string {
  return `<${delivery.id}.${n}@${domainOf(from.address)}>`;
}

/** The series of a report, or its job: what people unsubscribe from. A notice is of none. */
export function listOf(about: About): string | undefined {
  return about.kind === 'run' ? (about.run.report?.series ?? about.run.job) : undefined;
}

export async function compose(written: Written, sender: Sender): Promise<Buffer> {
  const { default: MailComposer } = await import('nodemailer/lib/mail-composer');
  const { request, to, body, letter } = written;
  const { from, dkim } = sender;
  const composer = new MailComposer({
    from: from.name === undefined ? from.address : { name: from.name, address: from.address },
    to,
    subject: body.subject,
    text: letter.text,
    ...(letter.html === undefined ? {} : { html: letter.html }),
    attachments: letter.files.map((file) => attachmentOf(file, letter)),
    messageId: messageIdOf(request, from),
    date: new Date(request.delivery.createdAt),
    baseBoundary: request.delivery.id,
    headers: headersOf(written, sender),
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  const message = await composer.compile().build();
  return dkim === undefined ? message : signMail(message, dkim);
}

function attachmentOf({ plan, name, bytes }: Enclosed, { html }: Letter) {
  const contentType = MEDIA_TYPE.test(plan.mediaType) ? plan.mediaType : 'application/octet-stream';
  const { cid } = plan;
  // Base64 always: another choice would depend on the bytes, and lines of a CSV would be changed on their way.
  const file = { filename: name, content: bytes, contentType, contentTransferEncoding: 'base64' as const };
  if (cid === undefined || html === undefined || !CID.test(cid)) return file;
  return { ...file, cid, contentDisposition: 'inline' as const };
}

function headersOf({ request, body, thread }: Written, sender: Sender): Record<string, string> {
  const { about } = request;
  const domain = domainOf(sender.from.address);
  const list = listOf(about);
  const root = `<${list ?? `notice.${nameOf(about)}`}.series@${domain}>`;
  const ways = [
    ...(body.unsubscribeUrl === undefined ? [] : [`<${body.unsubscribeUrl}>`]),
    ...(sender.unsubscribeMail === undefined || list === undefined ? [] : [mailto(sender.unsubscribeMail, list)]),
  ];
  return {
    'Auto-Submitted': 'auto-generated',
    'X-Auto-Response-Suppress': 'All',
    [about.kind === 'run' ? 'X-Bellhop-Run' : 'X-Bellhop-Notice']: idOf(about),
    ...(list === undefined ? {} : { 'List-ID': `<${list}.${domain}>` }),
    ...(ways.length === 0 ? {} : { 'List-Unsubscribe': ways.join(', ') }),
    // One click is for https alone (RFC 8058, 3.1); plain http is this machine, where it shows the same.
    ...(body.unsubscribeUrl === undefined ? {} : { 'List-Unsubscribe-Post': 'List-Unsubscribe=One-Click' }),
    // A root that nobody received: programs that thread by references put all mails of the series under it.
    ...(thread === 'series' ? { 'In-Reply-To': root, References: root } : {}),
  };
}

function nameOf(about: About): string {
  return about.kind === 'run' ? about.run.job : (about.notice.schedule ?? about.notice.job ?? 'bellhop');
}

function mailto(address: string, list: string): string {
  return `<mailto:${encodeURIComponent(address).replace('%40', '@')}?subject=${encodeURIComponent(`unsubscribe ${list}`)}>`;
}
