import { defineConfig, mergeConfig } from 'vitest/config';
import base from './vitest.config.ts';

/** Tests that take minutes: torture, soak, many processes, and the property tests with many more runs. */
export default mergeConfig(
  { ...base, test: { ...base.test, include: [], exclude: [] } },
  defineConfig({
    test: {
      include: ['test/long/**/*.test.ts', 'test/property/**/*.test.ts'],
      env: { CROSSFADE_LONG: '1' },
      testTimeout: 600_000,
    },
  }),
);
