/** The style sheets: mail programs that know no media queries show the light inline styles of the markup. */
import { PALETTE } from './palette.ts';

export const FONT = "-apple-system,BlinkMacSystemFont,'Segoe UI',Roboto,'Noto Sans',Helvetica,Arial,sans-serif";
export const MONO = "ui-monospace,SFMono-Regular,Menlo,Consolas,'Liberation Mono',monospace";

const D = PALETTE.dark;

/** Below this width figures stand under each other and the card fills the screen. */
const NARROW = `@media (max-width:520px){.edge{padding:0!important}.card{border-radius:0!important;border-left:0!important;border-right:0!important}.pad{padding:24px 18px!important}.fig{display:block!important;width:auto!important}.gap{display:block!important;width:auto!important;height:10px!important;line-height:10px!important}.h1{font-size:23px!important}.cell{padding:8px 3px!important;font-size:13px!important}.cell:first-child{padding-left:0!important}.cell:last-child{padding-right:0!important}.pill{display:table!important;margin:3px 0 2px!important}.spark{float:right!important;margin:-38px 0 0!important}}`;

const COMMON = `.wide{overflow-x:auto}.link:hover{text-decoration-thickness:2px!important}`;

const DARK = [
  `.page{background:${D.page}!important}`,
  `.card{background:${D.card}!important;border-color:${D.line}!important;border-top-color:${D.link}!important}`,
  `.top-partial{border-top-color:${D.warnEdge}!important}.top-failed{border-top-color:${D.failEdge}!important}`,
  `.ink,.ink b{color:${D.ink}!important}.muted,.neutral{color:${D.muted}!important}.link{color:${D.link}!important}`,
  `.good{color:${D.good}!important}.bad{color:${D.bad}!important}`,
  `.tile{background:${D.tile}!important}.bar{background:${D.bar}!important}.now{background:${D.link}!important}`,
  `.pill{background:${D.pillBack}!important;color:${D.pillInk}!important}`,
  `.btn{background:${D.button}!important}.btn a{color:${D.buttonInk}!important}`,
  `.warn{background:${D.warnBack}!important;color:${D.warnInk}!important;border-color:${D.warnEdge}!important}`,
  `.fail{background:${D.failBack}!important;color:${D.failInk}!important;border-color:${D.failEdge}!important}`,
  `.line{border-color:${D.line}!important}.rule{border-color:${D.rule}!important}`,
].join('');

/**
 * Charts are there twice, for light and for dark, and one of the two is shown: white cards glare in the dark. A program without media
 * queries shows the light one on its white card, whatever it makes of the rest.
 */
const ONE_CHART = `.by-day{display:none!important}.by-night{display:block!important}.shot{background:${D.card}!important;border-color:${D.line}!important}`;

export const MAIL_STYLE = `${COMMON}${NARROW}@media (prefers-color-scheme:dark){${DARK}${ONE_CHART}}`;

/** Paper is always light. */
export const PAGE_STYLE = [
  COMMON,
  `.shot svg{display:block;width:100%;height:auto}`,
  `details{margin:0 0 18px}summary{cursor:pointer;font-size:14px}`,
  NARROW,
  `@media screen and (prefers-color-scheme:dark){${DARK}${ONE_CHART}}`,
  `@media print{.page,.tile{background:#fff!important}.edge,.pad{padding:0!important}.card{border:0!important}.wide{overflow:visible}.tile{border:1px solid ${PALETTE.light.line}}h2,h3,caption{break-after:avoid}tr,.shot,.fig,li{break-inside:avoid}thead{display:table-header-group}details:not([open]),.btn{display:none}@page{margin:16mm}}`,
].join('');
