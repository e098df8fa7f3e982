/** Why what a job handed over is no report: each place with what is wrong there and the way out. */
import type { z } from 'zod';
import type { InputIssue } from './fields.ts';

const MAX_ISSUES = 50;
type Issue = z.core.$ZodIssue;

/** What a field takes, where the words of the schema do not say it. */
const HINTS: Readonly<Record<string, string>> = {
  schema: 'bellhop.report/1, or leave it out',
  alt: 'say in words what the chart shows, in 10 to 2,000 characters',
  caption: 'say in words what the table shows',
  href: 'an http, https or mailto address',
  url: 'an http, https or mailto address',
  display: 'the number as people read it, like "$55,930"',
  versus: 'what it is compared with, like "W46"',
  from: 'a day, like 2026-11-16',
  to: 'a day, like 2026-11-22',
  asOf: 'an instant, like 2026-11-23T08:00:00Z',
  generatedAt: 'an instant, like 2026-11-23T08:00:00Z',
  values: 'as many numbers as there are categories; null is a gap',
  sha256: 'attachments come from ctx.attach, not from the report',
  currency: 'an ISO 4217 code, like USD',
};

export function reportIssues(error: z.ZodError): InputIssue[] {
  return error.issues
    .flatMap((issue) => flattened(issue, []))
    .slice(0, MAX_ISSUES)
    .map(({ issue, path }) => {
      const hint = hintFor(path);
      const isMissing =
        issue.code === 'invalid_type' && issue.input === undefined && issue.message.endsWith('undefined');
      const message = isMissing ? 'is missing' : issue.message;
      const isSaid = hint === undefined || message.includes(hint);
      return { path: path.map(String).join('.'), message, ...(isSaid ? {} : { hint }) };
    });
}

/** Of a choice that nothing fits, the problems of the nearest: what is wrong deepest inside, and least of it. */
function flattened(issue: Issue, before: readonly PropertyKey[]): { issue: Issue; path: PropertyKey[] }[] {
  const path = [...before, ...issue.path];
  if (issue.code !== 'invalid_union' || issue.errors.length === 0) return [{ issue, path }];
  const choices = issue.errors.map((issues) => issues.flatMap((one) => flattened(one, path)));
  const depth = (choice: readonly { path: PropertyKey[] }[]): number =>
    Math.max(...choice.map((one) => one.path.length));
  const [nearest = []] = choices.toSorted((a, b) => depth(b) - depth(a) || a.length - b.length);
  return nearest.length === 0 ? [{ issue, path }] : nearest;
}

function hintFor(path: readonly PropertyKey[]): string | undefined {
  const name = path.findLast((part) => typeof part === 'string');
  return name === undefined || path.includes('rows') ? undefined : HINTS[name];
}
