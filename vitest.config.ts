import { defineConfig } from 'vitest/config';

export default defineConfig({
  // Without this graphql is loaded twice, as CommonJS and as a module, and one does not know the other's classes.
  resolve: { alias: [{ find: /^graphql$/, replacement: 'graphql/index.js' }] },
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/long/**', 'test/bench/**', 'test/gateway/**'],
    testTimeout: 20_000,
    // Most of the time a test waits, for a disk, a server or a lease; one worker less than the machine has cores would be one on two.
    maxWorkers: 2,
  },
});
