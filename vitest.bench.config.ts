import { defineConfig, mergeConfig } from 'vitest/config';
import base from './vitest.config.ts';

/** Measurements: they print what they find and want a quiet machine. */
export default mergeConfig(
  { ...base, test: { ...base.test, include: [], exclude: [] } },
  defineConfig({ test: { include: ['test/bench/**/*.test.ts'], testTimeout: 600_000, maxWorkers: 1 } }),
);
