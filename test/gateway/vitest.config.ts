import { defineConfig, mergeConfig } from 'vitest/config';
import base from '../../vitest.config.ts';

/** Tests with real gateways; what they need is installed apart from the product: see package.json beside this file. */
export default mergeConfig(
  { ...base, test: { ...base.test, include: [], exclude: [] } },
  defineConfig({ test: { include: ['test/gateway/*.test.ts'], testTimeout: 60_000, hookTimeout: 60_000 } }),
);
