/** `npm run import -- FILE.csv`, or `--events FILE.json`: see import-command.ts. */
import { importCommand } from './import-command.ts';

process.exitCode = await importCommand(process.argv.slice(2), process.env, process);
