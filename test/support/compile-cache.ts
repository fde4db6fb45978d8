/** Each test file has a process of its own, which vitest ends with a signal: what it has compiled is kept for the next one only if it is written before. */
import { flushCompileCache } from 'node:module';
import { afterAll } from 'vitest';

afterAll(() => flushCompileCache());
