/** The two errors of a shop, in words that name the way out and repeat nothing of an answer or a token. */
import { RunError } from '../../../../../errors.ts';

export function unavailable(store: string, what: string, retryAfterMs: number): RunError {
  return new RunError(`The shop ${store} ${what}.`, {
    code: 'SHOPIFY_UNAVAILABLE',
    hint: 'It is tried again while attempts are left; see https://www.shopifystatus.com when it lasts.',
    ...(retryAfterMs > 0 ? { retryAfterMs } : {}),
  });
}

const BY_STATUS: Readonly<Record<number, { what: string; hint: string }>> = {
  400: { what: 'could not read the request', hint: 'This is a bug of Bellhop; look for a newer one.' },
  401: {
    what: 'does not know the token',
    hint: 'Set SHOPIFY_ACCESS_TOKEN, or SHOPIFY_CLIENT_ID and SHOPIFY_CLIENT_SECRET, of an app that is installed in this shop.',
  },
  402: { what: 'is frozen for an unpaid bill', hint: 'Its owner must settle the bill with Shopify.' },
  403: { what: 'forbids what was asked', hint: 'Check the scopes of the app with `bellhop doctor`.' },
  404: { what: 'does not exist', hint: 'Set SHOPIFY_STORE to the name.myshopify.com of the shop.' },
  423: { what: 'is locked', hint: 'Its owner must ask Shopify why.' },
};
const ELSEWHERE = {
  what: 'is somewhere else now, and no request is sent after it',
  hint: 'Set SHOPIFY_STORE to the name.myshopify.com that the shop has today.',
};
const BY_CODE: Readonly<Record<string, { what: string; hint: string }>> = {
  ACCESS_DENIED: {
    what: 'denies the app a part of what was asked',
    hint: 'Give the app the scopes of docs/shopify.md and install it again; `bellhop doctor` names what is missing.',
  },
  MAX_COST_EXCEEDED: {
    what: 'says that one question costs too much',
    hint: 'This is a bug of Bellhop; look for a newer one.',
  },
};

/** What the shop will refuse again. */
export function rejected(store: string, reason: { status?: number; code?: string | undefined }): RunError {
  const { status = 0, code } = reason;
  const moved = status >= 300 && status < 400 ? ELSEWHERE : undefined;
  const known = code === undefined ? (moved ?? BY_STATUS[status]) : BY_CODE[code];
  const what = known?.what ?? (reason.status === undefined ? 'refused the question' : `answered ${reason.status}`);
  return new RunError(`The shop ${store} ${what}.`, {
    code: 'SHOPIFY_REJECTED',
    permanent: true,
    hint: known?.hint ?? 'Check SHOPIFY_STORE and the version of Bellhop.',
    // Only codes that are known: what else stands in an answer is not repeated.
    ...(code !== undefined && known !== undefined ? { cause: code } : {}),
  });
}

/** The question must be asked in smaller pages. */
export function isTooCostly(error: unknown): boolean {
  return error instanceof RunError && error.cause === 'MAX_COST_EXCEEDED';
}

export function misconfigured(message: string, hint: string): RunError {
  return new RunError(message, { code: 'SHOPIFY_REJECTED', permanent: true, hint });
}
