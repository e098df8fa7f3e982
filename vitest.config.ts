import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

// Tests run on Node itself, without a transform: the code under test is the code that ships.
export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/crash/**', 'test/faketime/**', 'test/confine/**'],
    pool: 'forks',
    // Two cores would otherwise give one worker; many tests wait for processes and sockets.
    maxWorkers: Math.max(2, availableParallelism()),
    experimental: { viteModuleRunner: false },
    testTimeout: 120_000,
    hookTimeout: 120_000,
    env: { NODE_ENV: 'test' },
  },
});
