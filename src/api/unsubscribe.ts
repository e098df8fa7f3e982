/**
 * The page behind the link to unsubscribe. Whoever has the link may use it, so there is no cookie and no login. GET changes nothing, for
 * scanners and previews open links; POST acts, for the button of the page and for mail programs alike (RFC 8058).
 */
import { createHash } from 'node:crypto';
import { Hono } from 'hono';
import type { Context } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { escapeHtml, oneLine } from '../render/format.ts';
import { PALETTE } from '../render/email/palette.ts';
import type { Subscriptions } from '../runner/subscriptions.ts';
import type { Subscription } from '../signed.ts';
import type { ApiEnv } from './runs.ts';

/** More than any mail program posts. */
const MAX_BODY_BYTES = 10_000;
const FIELD = 'List-Unsubscribe';
const ONE_CLICK = 'One-Click';

/** `GET` and `POST /unsubscribe?u=…`. */
export function unsubscribeRoutes(deps: { subscriptions: Pick<Subscriptions, 'look' | 'unsubscribe'> }): Hono<ApiEnv> {
  const { subscriptions } = deps;
  const app = new Hono<ApiEnv>();
  app.get('/', async (c) => {
    const token = c.req.query('u') ?? '';
    const subscription = await subscriptions.look(token);
    return subscription === undefined ? wrongLink(c) : answer(c, 200, askPage(token, subscription));
  });
  app.post('/', bodyLimit({ maxSize: MAX_BODY_BYTES, onError: (c) => answer(c, 413, TOO_LARGE) }), async (c) => {
    const token = c.req.query('u') ?? '';
    if ((await subscriptions.look(token)) === undefined) return wrongLink(c);
    const form = await c.req.parseBody().catch(() => undefined);
    if (form?.[FIELD] !== ONE_CLICK) return answer(c, 400, UNCLEAR);
    const result = await subscriptions.unsubscribe(token, c.get('requestId'));
    return result.outcome === 'invalid' ? wrongLink(c) : answer(c, 200, donePage(result.subscription));
  });
  app.all('/', (c) => {
    c.header('allow', 'GET, POST');
    return answer(c, 405, UNCLEAR);
  });
  return app;
}

interface Page {
  title: string;
  /** Markup. */
  body: string;
}

const TOO_LARGE: Page = {
  title: 'That was too much',
  body: '<p>The request is larger than any mail program sends.</p>',
};
const UNCLEAR: Page = {
  title: 'That was not understood',
  body: '<p>Nothing was changed. Open the link in the mail again and use the button.</p>',
};

function wrongLink(c: Context<ApiEnv>): Response {
  return answer(c, 400, {
    title: 'This link is not valid',
    body: '<p>Nothing was changed. Open the link in the mail as it stands there: part of it may be missing. If it still does not work, ask whoever runs Bellhop.</p>',
  });
}

function askPage(token: string, { address, list }: Subscription): Page {
  return {
    title: 'No more of these mails?',
    body: `<p dir="auto">${mailsOf(list)} will no longer be sent to <strong>${shown(address)}</strong>.</p>
<form method="post" action="?u=${escapeHtml(encodeURIComponent(token))}"><input type="hidden" name="${FIELD}" value="${ONE_CLICK}"><button type="submit">Unsubscribe</button></form>
<p class="muted">Nothing has changed yet.</p>`,
  };
}

function donePage({ address, list }: Subscription): Page {
  return {
    title: 'Unsubscribed',
    body: `<p dir="auto">${mailsOf(list)} will no longer be sent to <strong>${shown(address)}</strong>.</p>
<p class="muted">Was it a mistake? Whoever runs Bellhop can undo it.</p>`,
  };
}

function mailsOf(list: string): string {
  return `Reports of <strong>${shown(list)}</strong>`;
}

function shown(text: string): string {
  return escapeHtml(oneLine(text));
}

const { light: L, dark: D } = PALETTE;
const STYLE = `body{margin:0;padding:48px 16px;background:${L.page};color:${L.ink};font:17px/1.55 -apple-system,BlinkMacSystemFont,'Segoe UI',Roboto,Helvetica,Arial,sans-serif}
main{max-width:480px;margin:0 auto;padding:28px 32px;background:${L.card};border-radius:10px;overflow-wrap:anywhere}
h1{margin:0 0 12px;font-size:24px;line-height:1.25}p{margin:0 0 14px}.muted{color:${L.muted};font-size:14px;margin-bottom:0}form{margin:20px 0}
button{padding:10px 18px;border:0;border-radius:6px;background:${L.link};color:${L.card};font:inherit;font-weight:600;cursor:pointer}
button:focus-visible{outline:3px solid ${L.ink};outline-offset:2px}
@media (prefers-color-scheme:dark){body{background:${D.page};color:${D.ink}}main{background:${D.card}}.muted{color:${D.muted}}button{background:${D.link};color:${D.card}}}`;

/** By its digest, so that no other style, and no script at all, is let in. */
function policy(): string {
  const digest = createHash('sha256').update(STYLE).digest('base64');
  return `default-src 'none'; style-src 'sha256-${digest}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'`;
}

function answer(c: Context<ApiEnv>, status: 200 | 400 | 405 | 413, { title, body }: Page): Response {
  c.header('content-security-policy', policy());
  c.header('x-robots-tag', 'noindex');
  return c.html(
    `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><meta name="color-scheme" content="light dark"><title>${title}</title><style>${STYLE}</style></head>
<body><main><h1>${title}</h1>
${body}
</main></body></html>
`,
    status,
  );
}
