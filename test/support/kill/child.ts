/**
 * The server as it is started, but for a trap in which it dies: one from its command line, or the one that its parent sends it later.
 * The only argument: a trap as JSON.
 */
import { flushCompileCache } from 'node:module';
import { serve } from '../../../src/server/process.ts';
import { Traps, type Trap } from './trap.ts';

const traps = new Traps();
const [, , first] = process.argv;
if (first !== undefined) traps.set(JSON.parse(first) as Trap);
process.on('message', (trap: Trap) => {
  traps.set(trap);
  process.send?.('set');
});
// Nobody is left to kill it, or to ask it anything.
process.on('disconnect', () => process.exit(1));

await serve(process.env, { wrap: traps.wrap });
flushCompileCache();
