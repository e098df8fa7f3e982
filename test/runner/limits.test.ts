import { expect, test } from 'vitest';
import { UsageError } from '../../src/errors.ts';
import { checkDefinition } from '../../src/runner/definition.ts';
import { limitReached, limitsField } from '../../src/runner/limits.ts';
import { parseYamlJob } from '../../src/runner/yaml.ts';

const GB = 1024 ** 3;
const at = { file: 'tool.yml', path: '/nowhere/tool.yml' };
const yaml = (limits: string) =>
  checkDefinition(
    parseYamlJob(`name: tool\ndescription: x\ncommand: [true]\n${limits}`.replace('[true]', '["true"]')),
    at,
  );

test('what a job does not name has its default: no memory and no processor time', () => {
  const limits = { memoryBytes: undefined, processes: 512, fileBytes: 10 * GB, cpuSeconds: undefined, openFiles: 4096 };
  expect(limitsField.parse(undefined)).toEqual(limits);
  expect(yaml('')).toMatchObject({ kind: 'command', limits });
});

test('limits are written in sizes and times, and off takes a default away', () => {
  expect(yaml('limits: { memory: 512mb, processes: 64, fileSize: 1.5 MB, cpu: 1m, openFiles: off }')).toMatchObject({
    limits: {
      memoryBytes: 512 * 1024 ** 2,
      processes: 64,
      fileBytes: 1.5 * 1024 ** 2,
      cpuSeconds: 60,
      openFiles: undefined,
    },
  });
  expect(limitsField.parse({ cpu: '1500ms', memory: 2 * GB })).toMatchObject({ cpuSeconds: 2, memoryBytes: 2 * GB });
});

test('a limit that is none is refused with its field and the way out', () => {
  const wrong = [
    ['{ memory: 1mb }', /limits\.memory: must be between 16mb/],
    ['{ memory: lots }', /limits\.memory: must be between 16mb/],
    ['{ processes: 0 }', /limits\.processes: must be a whole number/],
    ['{ processes: many }', /limits\.processes: must be a whole number/],
    ['{ fileSize: -5 }', /limits\.fileSize: must be at least 1kb/],
    ['{ cpu: 25h }', /limits\.cpu: must be between 1s and 24h/],
    ['{ openFiles: 1.5 }', /limits\.openFiles: must be a whole number/],
    ['{ ram: 1gb }', /limits: .*ram/],
  ] as const;
  for (const [limits, message] of wrong) {
    expect(() => yaml(`limits: ${limits}`), limits).toThrow(message);
    expect(() => yaml(`limits: ${limits}`), limits).toThrow(UsageError);
  }
});

test('a limit is told where the signal, or a shell that saw it, tells it, and only where the job has that limit', () => {
  const limits = { cpuSeconds: 5, fileBytes: 1000 };
  const ended = (code: number | null, killedBy: NodeJS.Signals | null) =>
    limitReached(limits, { name: 'tool', code, killedBy });
  expect(ended(null, 'SIGXCPU')).toMatchObject({
    code: 'LIMIT_REACHED',
    permanent: true,
    message: '"tool" used more processor time than 5 seconds and was ended by SIGXCPU',
    hint: 'let it use less, or raise limits.cpu of the job',
  });
  expect(ended(153, null)?.message).toBe('"tool" wrote a file larger than 1000 bytes and was ended by SIGXFSZ');
  expect(ended(1, null)).toBeUndefined();
  expect(ended(null, 'SIGKILL')).toBeUndefined();
  expect(limitReached({}, { name: 'tool', code: null, killedBy: 'SIGXCPU' })).toBeUndefined();
});
