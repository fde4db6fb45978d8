/**
 * Suites of the server run with both executors: as they are with graphql-js, and by `npm run test:compiled` with every query compiled the
 * first time it is asked. What they expect is the same.
 */
export const COMPILE_AFTER = Number(process.env['COMPILE_QUERIES_AFTER'] || 0);
/** For `loadConfig`. */
export const EXECUTOR = { COMPILE_QUERIES_AFTER: String(COMPILE_AFTER) } as const;
