/**
 * The ways to render the sample report that are compared: ours, and what people put together from libraries. The libraries' ways are short
 * and leave out what ours does besides (limits, dark mode, files); they are given the report as markdown, made before the clock starts.
 */
import type { Subject } from '../src/render/subject.ts';
import type { Report } from '../src/store/report.ts';

/** What is rendered. Nothing of ours is imported for it here: the process of a library must not pay for our modules. */
export interface Input {
  report: Report;
  about: Subject;
  /** The report as markdown. */
  markdown: string;
}

const PIXELS = 1200;
const COLUMNS = 100;

/** Renders once and answers how many bytes came of it. */
export type Render = (input: Input) => number | Promise<number>;
/** `sample`: Slack, mail and text; `charts`: its two charts as PNG, 1,200 pixels wide. */
export const ROUTES = {
  'bellhop sample': openBellhopSample,
  'libraries sample': openLibrarySample,
  'bellhop charts': openBellhopCharts,
} as const satisfies Record<string, () => Promise<Render>>;
export type RouteName = keyof typeof ROUTES;

async function openBellhopSample(): Promise<Render> {
  const [{ renderSlackReport }, { renderEmail }, { renderText }] = await Promise.all([
    import('../src/render/slack/report.ts'),
    import('../src/render/email/report.ts'),
    import('../src/render/text.ts'),
  ]);
  return ({ report, about }) =>
    JSON.stringify(renderSlackReport(report, about)).length +
    JSON.stringify(renderEmail(report, about)).length +
    renderText(report, { width: COLUMNS, color: 'ansi' }).length;
}

/** markdown-to-slack-blocks for Slack; React Email for the mail and for its plain text, which has to do for the terminal too. */
async function openLibrarySample(): Promise<Render> {
  const [{ markdownToBlocks }, mail, { createElement }] = await Promise.all([
    import('markdown-to-slack-blocks'),
    import('@react-email/components'),
    import('react'),
  ]);
  const page = ({ report, markdown }: Input) =>
    createElement(mail.Html, { lang: 'en' }, [
      createElement(mail.Head, { key: 'head', children: [] }),
      createElement(mail.Preview, { key: 'preview', children: report.summary }),
      createElement(
        mail.Body,
        { key: 'body' },
        // The type of Markdown asks for its text as children; JSX would pass it so.
        createElement(mail.Container, null, createElement(mail.Markdown, { children: markdown })),
      ),
    ]);
  return async (input) => {
    const html = await mail.render(page(input));
    return JSON.stringify(markdownToBlocks(input.markdown)).length + html.length + mail.toPlainText(html).length;
  };
}

async function openBellhopCharts(): Promise<Render> {
  const [{ drawChart }, { createRasteriser }, { BUNDLED_FONTS }] = await Promise.all([
    import('../src/render/charts/svg.ts'),
    import('../src/render/charts/png.ts'),
    import('../src/render/charts/fonts.ts'),
  ]);
  const rasteriser = createRasteriser({ fontFiles: BUNDLED_FONTS });
  return async ({ report }) => {
    let bytes = 0;
    for (const section of report.sections) {
      if (section.kind !== 'chart') continue;
      const svg = drawChart(section, { locale: report.locale, width: PIXELS / 2, theme: 'light' });
      bytes += (await rasteriser.png(svg, PIXELS)).length;
    }
    return bytes;
  };
}
