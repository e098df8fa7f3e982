import { defineConfig } from 'vitest/config';

// Real processes, really killed: slower than the other tests, so a tier of its own (npm run test:crash, and .ci/run).
export default defineConfig({
  test: {
    include: ['test/crash/**/*.test.ts'],
    pool: 'forks',
    maxConcurrency: 3,
    experimental: { viteModuleRunner: false },
    testTimeout: 60_000,
    env: { NODE_ENV: 'test' },
  },
});
