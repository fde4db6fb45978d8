/** `npm run setup`: see setup-command.ts. */
import { setupCommand } from './setup-command.ts';

process.exitCode = await setupCommand(process.env, process);
