/** `npm run eval`: the set of shops, offline and without a key, as a table; exit code 1 when something planted was missed. */
import { CASES } from './cases.ts';
import { examine, grade, type Grades } from './grade.ts';
import { table } from './table.ts';

const grades: Grades[] = [];
for (const one of CASES) grades.push(grade(await examine(one)));

const isGood = ({ missed, alarms, lint, bare, wrong }: Grades): boolean =>
  [missed, alarms, lint, bare, wrong].every((list) => list.length === 0);
const rows = grades.map((one, at) => {
  const planted = (CASES[at]?.truth.findings.length ?? 0) + (CASES[at]?.truth.advice.length ?? 0);
  return [
    isGood(one) ? 'ok' : 'NO',
    one.name,
    `${planted - one.missed.length}/${planted}`,
    String(one.alarms.length),
    String(one.lint.length + one.bare.length),
    `${one.checked - one.wrong.length}/${one.checked}`,
    one.quiet ? 'quiet' : '',
    CASES[at]?.what ?? '',
  ];
});
process.stdout.write(table(['', 'shop', 'found', 'alarms', 'lint', 'figures', '', 'what was planted'], rows));
for (const one of grades.filter((grade_) => !isGood(grade_)))
  process.stdout.write(
    `${one.name}: ${[...one.missed, ...one.alarms, ...one.lint, ...one.bare, ...one.wrong].join('; ')}\n`,
  );
const good = grades.filter(isGood).length;
process.stdout.write(
  `\n${good} of ${grades.length} shops; what a model makes of them is not shown here: npm run eval:live\n`,
);
process.exitCode = good === grades.length ? 0 : 1;
