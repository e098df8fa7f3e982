import { defineConfig } from 'vitest/config';

// What only namespaces can contain: red where this machine has none, so a tier of its own (npm run test:confine, and .ci/run). Needs
// util-linux, the Debian package bubblewrap, and the right to make user namespaces.
export default defineConfig({
  test: {
    include: ['test/confine/**/*.test.ts'],
    pool: 'forks',
    experimental: { viteModuleRunner: false },
    testTimeout: 60_000,
    env: { NODE_ENV: 'test' },
  },
});
