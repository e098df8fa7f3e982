export interface Envelope {
  from: string;
  to: string[];
  raw: Buffer;
}

export interface SmtpSession {
  /** Takes bytes as they arrive and answers the reply lines that are due. */
  receive(chunk: Buffer): string[];
  /** Whether the connection is to be closed after the replies. */
  ended(): boolean;
}

// RFC 5321, 4.5.3.1: 512 octets a command line, 1,000 a text line, 100 recipients.
const COMMAND_BYTES = 512;
const TEXT_BYTES = 1_000;
const MAX_RECIPIENTS = 100;
const MAX_PENDING_BYTES = 64 * 1024;

/** The server's side of one SMTP connection (RFC 5321) without sockets: bytes in, replies out, accepted mails to `deliver`. */
export function createSmtpSession(options: { maxBytes: number }, deliver: (envelope: Envelope) => void): SmtpSession {
  let pending = Buffer.alloc(0);
  let from: string | undefined;
  let to: string[] = [];
  let data: { lines: Buffer[]; bytes: number; refusal: string | undefined } | undefined;
  let over = false;

  function reset(): void {
    from = undefined;
    to = [];
    data = undefined;
  }

  function onText(line: Buffer): string[] {
    if (data === undefined) return [];
    if (line.length === 1 && line[0] === 0x2e) return finish(data);
    // RFC 5321, 4.5.2: a leading dot was doubled by the sender.
    const text = line[0] === 0x2e ? line.subarray(1) : line;
    data.bytes += text.length + 2;
    if (line.length + 2 > TEXT_BYTES) data.refusal ??= '500 5.5.2 line too long';
    if (data.bytes > options.maxBytes) data.refusal ??= '552 5.3.4 message too big';
    if (data.refusal === undefined) data.lines.push(text);
    else data.lines = [];
    return [];
  }

  function finish(done: NonNullable<typeof data>): string[] {
    const envelope = {
      from: from ?? '',
      to,
      raw: Buffer.concat(done.lines.flatMap((line) => [line, Buffer.from('\r\n')])),
    };
    reset();
    if (done.refusal !== undefined) return [done.refusal];
    deliver(envelope);
    return ['250 2.0.0 accepted'];
  }

  function onCommand(line: string): string[] {
    const verb = /^[A-Za-z]*/.exec(line)?.[0].toUpperCase() ?? '';
    switch (verb) {
      case 'EHLO':
        reset();
        return ['250-playground', `250-SIZE ${options.maxBytes}`, '250-8BITMIME', '250-SMTPUTF8', '250 PIPELINING'];
      case 'HELO':
        reset();
        return ['250 playground'];
      case 'MAIL':
        return onMail(line);
      case 'RCPT':
        return onRecipient(line);
      case 'DATA':
        if (to.length === 0) return ['503 5.5.1 RCPT first'];
        data = { lines: [], bytes: 0, refusal: undefined };
        return ['354 end with a dot on a line by itself'];
      case 'RSET':
        reset();
        return ['250 2.0.0 reset'];
      case 'NOOP':
        return ['250 2.0.0 ok'];
      case 'QUIT':
        over = true;
        return ['221 2.0.0 bye'];
      default:
        return ['502 5.5.1 not implemented'];
    }
  }

  function onMail(line: string): string[] {
    const address = /^MAIL FROM: ?<([^<>\s]*)>/i.exec(line)?.[1];
    if (address === undefined) return ['501 5.5.4 MAIL FROM:<address>'];
    if (from !== undefined) return ['503 5.5.1 already in a transaction'];
    if (Number(/ SIZE=(\d+)/i.exec(line)?.[1] ?? 0) > options.maxBytes) return ['552 5.3.4 message too big'];
    from = address;
    return ['250 2.1.0 ok'];
  }

  function onRecipient(line: string): string[] {
    const address = /^RCPT TO: ?<([^<>\s]+)>/i.exec(line)?.[1];
    if (from === undefined) return ['503 5.5.1 MAIL first'];
    if (address === undefined) return ['501 5.5.4 RCPT TO:<address>'];
    if (to.length >= MAX_RECIPIENTS) return ['452 4.5.3 too many recipients'];
    to.push(address);
    return ['250 2.1.5 ok'];
  }

  return {
    receive(chunk) {
      pending = Buffer.concat([pending, chunk]);
      const replies: string[] = [];
      for (let end = pending.indexOf('\r\n'); end >= 0 && !over; end = pending.indexOf('\r\n')) {
        const line = pending.subarray(0, end);
        pending = pending.subarray(end + 2);
        if (data !== undefined) replies.push(...onText(line));
        else if (end + 2 > COMMAND_BYTES) replies.push('500 5.5.2 line too long');
        else replies.push(...onCommand(line.toString('utf8')));
      }
      if (pending.length > MAX_PENDING_BYTES) {
        over = true;
        replies.push('500 5.5.2 line too long');
      }
      return replies;
    },
    ended: () => over,
  };
}
