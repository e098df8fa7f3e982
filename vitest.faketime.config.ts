import { defineConfig } from 'vitest/config';

// The real server under a clock in our hands; needs the Debian package faketime, so a tier of its own (.ci/run, or
// vitest run --config vitest.faketime.config.ts).
export default defineConfig({
  test: {
    include: ['test/faketime/**/*.test.ts'],
    pool: 'forks',
    experimental: { viteModuleRunner: false },
    testTimeout: 240_000,
    env: { NODE_ENV: 'test' },
  },
});
