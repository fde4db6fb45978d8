import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defineConfig } from 'vitest/config';
import LongestFirst from './test/support/longest-first.ts';

// Half of a process's start is compiling what it loads, and there are hundreds of them: workers, servers, commands.
process.env['NODE_COMPILE_CACHE'] ??= join(tmpdir(), 'crossfade-compile-cache');

export default defineConfig({
  // Without this graphql is loaded twice, as CommonJS and as a module, and one does not know the other's classes.
  resolve: { alias: [{ find: /^graphql$/, replacement: 'graphql/index.js' }] },
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/long/**', 'test/bench/**', 'test/gateway/**'],
    setupFiles: ['test/support/compile-cache.ts'],
    testTimeout: 20_000,
    // Much of the time a test waits, for a disk, a server or a lease: three keep two cores busy.
    maxWorkers: 3,
    sequence: { sequencer: LongestFirst },
  },
});
