#!/usr/bin/env node
/** `crossfade COMMAND`: the operator's command line; see crossfade/program.ts and docs/cli.md. */
import { EXIT_CODES } from './crossfade/exit.ts';
import { crossfadeCommand } from './crossfade/program.ts';

// Nobody reads any more, as behind `| head`: what is done keeps its exit code, what still runs has nobody to run for.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  setImmediate(() => process.exit(process.exitCode ?? EXIT_CODES.FAILED.code));
});
process.exitCode = await crossfadeCommand(process.argv.slice(2), process.env, process);
