import { createHmac } from 'node:crypto';

export interface SignInput {
  secret: string;
  /** The body exactly as it goes over the wire: Slack signs bytes, not what they mean. */
  body: string | Uint8Array;
  /** Seconds since the epoch. */
  timestamp: number | string;
}

export interface SignedHeaders {
  'x-slack-request-timestamp': string;
  'x-slack-signature': string;
}

/** The two headers that prove a request comes from Slack: HMAC-SHA256 over `v0:TIMESTAMP:BODY` (docs.slack.dev, verifying requests). */
export function signedRequest(input: SignInput): SignedHeaders {
  const hmac = createHmac('sha256', input.secret).update(`v0:${input.timestamp}:`).update(input.body);
  return {
    'x-slack-request-timestamp': String(input.timestamp),
    'x-slack-signature': `v0=${hmac.digest('hex')}`,
  };
}
