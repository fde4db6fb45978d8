#!/usr/bin/env node
/** `crossfade COMMAND`: the operator's command line; see crossfade/program.ts and docs/cli.md. */
import { crossfadeCommand } from './crossfade/program.ts';

process.exitCode = await crossfadeCommand(process.argv.slice(2), process.env, process);
