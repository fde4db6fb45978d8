/**
 * The program: commander, fed with what the commands say of themselves.
 *
 * The result goes to standard output, complaints go to standard error; with `--json` both are JSON, a document a line.
 */
import { Argument, Command as Program, CommanderError, InvalidArgumentError, Option } from 'commander';
import { PARTICIPATION } from '../../activity/dataset.ts';
import type { Environment } from '../../config.ts';
import { createClient, endpointOf, tokenOf } from './client.ts';
import {
  text,
  type ArgumentSpec,
  type Command,
  type Context,
  type Given,
  type OptionSpec,
  type Result,
} from './command.ts';
import { back } from './commands/back.ts';
import { copy } from './commands/copy.ts';
import { differences } from './commands/differences.ts';
import { doctor } from './commands/doctor.ts';
import { history } from './commands/history.ts';
import { logic } from './commands/logic.ts';
import { quarantine } from './commands/quarantine.ts';
import { repair } from './commands/repair.ts';
import { status } from './commands/status.ts';
import { switchCommand } from './commands/switch.ts';
import { verify } from './commands/verify.ts';
import { watch } from './commands/watch.ts';
import { CommandFailure, EXIT_CODES } from './exit.ts';

/** In the order in which a migration needs them. */
export const COMMANDS: readonly Command[] = [
  status,
  watch,
  switchCommand,
  back,
  verify,
  repair,
  copy,
  quarantine,
  differences,
  history,
  logic,
  doctor,
];

/** What every command takes. */
export const COMMON_OPTIONS: readonly OptionSpec[] = [
  { flags: '--json', meaning: 'JSON, for scripts' },
  { flags: '--dataset <name>', meaning: `which dataset; ${PARTICIPATION} if not given` },
  { flags: '--token-file <file>', meaning: 'file with the token; else ADMIN_TOKEN, else DATA_DIR/admin-token' },
];

/** What every command takes that changes something. */
export const CHANGE_OPTIONS: readonly OptionSpec[] = [
  { flags: '--dry-run', meaning: 'say what would happen, and change nothing' },
];

export interface Streams {
  readonly stdout: { write(text: string): unknown; readonly isTTY?: boolean };
  readonly stderr: { write(text: string): unknown };
}

/** Returns the exit code: see exit.ts. */
export async function crossfadeCommand(args: readonly string[], env: Environment, streams: Streams): Promise<number> {
  let exit: number = EXIT_CODES.OK.code;
  const json = args.includes('--json');
  const complaints = { write: (said: string) => (json ? undefined : streams.stderr.write(said)) };
  const program = buildProgram({ ...streams, stderr: complaints }, async (command, given) => {
    exit = await runCommand(command, given, env, streams);
  });
  try {
    await program.parseAsync(args, { from: 'user' });
    return exit;
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    // Commander has shown the help that was asked for, or has said what is wrong, in words.
    if (error.exitCode === 0) return EXIT_CODES.OK.code;
    if (json) streams.stderr.write(asJson(complaintOf(error), null));
    return EXIT_CODES.USAGE.code;
  }
}

function complaintOf({ code, message }: CommanderError): string {
  return code === 'commander.help'
    ? 'A command is missing; crossfade --help lists them.'
    : message.replace(/^error: /, '');
}

function asJson(message: string, code: string | null): string {
  return `${JSON.stringify({ error: { message, code } })}\n`;
}

type Run = (command: Command, given: Given) => Promise<void>;

function buildProgram({ stdout, stderr }: Streams, run: Run): Program {
  const program = new Program('crossfade')
    .description('Operates the migration of a running Crossfade (CROSSFADE_URL).')
    .configureOutput({ writeOut: (said) => void stdout.write(said), writeErr: (said) => void stderr.write(said) })
    .exitOverride();
  for (const command of COMMANDS) {
    const part = program.command(command.name).description(command.meaning);
    const names = (command.arguments ?? []).map((argument) => {
      part.addArgument(asArgument(argument));
      return argument.name;
    });
    for (const option of optionsOf(command)) part.addOption(asOption(option));
    part.action(async () => {
      const values = Object.fromEntries(names.map((name, i) => [name, part.processedArgs[i] as string | undefined]));
      await run(command, { ...part.opts<Given>(), ...values });
    });
  }
  return program;
}

export function optionsOf(command: Command): readonly OptionSpec[] {
  return [...(command.options ?? []), ...(command.changes ? CHANGE_OPTIONS : []), ...COMMON_OPTIONS];
}

function asArgument({ name, meaning, optional, choices }: ArgumentSpec): Argument {
  const argument = new Argument(optional ? `[${name}]` : `<${name}>`, meaning);
  return choices ? argument.choices(choices) : argument;
}

function asOption({ flags, meaning, required, choices, repeated }: OptionSpec): Option {
  const option = new Option(flags, meaning).makeOptionMandatory(required ?? false);
  if (choices) option.choices(choices);
  if (repeated) {
    option.argParser((value: string, before: readonly string[] | undefined) => {
      if (choices && !choices.includes(value)) {
        throw new InvalidArgumentError(`Allowed choices are ${choices.join(', ')}.`);
      }
      return [...(before ?? []), value];
    });
  }
  return option;
}

async function runCommand(command: Command, given: Given, env: Environment, streams: Streams): Promise<number> {
  const json = given['json'] === true;
  const interrupt = new AbortController();
  const end = (): void => interrupt.abort();
  process.once('SIGINT', end);
  try {
    const client = createClient(endpointOf(env), await tokenOf(env, text(given, 'tokenFile') ?? undefined));
    const context: Context = {
      client,
      env,
      json,
      dataset: text(given, 'dataset') ?? PARTICIPATION,
      dryRun: given['dryRun'] === true,
      terminal: streams.stdout.isTTY ?? false,
      signal: interrupt.signal,
      say: (line, value) => void streams.stdout.write(`${json ? JSON.stringify(value ?? { said: line }) : line}\n`),
    };
    const result = await command.run(context, given);
    show(result, json, streams);
    return EXIT_CODES[result.exit ?? 'OK'].code;
  } catch (error) {
    if (interrupt.signal.aborted) return EXIT_CODES.OK.code;
    if (!(error instanceof CommandFailure)) throw error;
    const { message, code } = error;
    streams.stderr.write(json ? asJson(message, code) : `${message}\n`);
    return EXIT_CODES[error.exit].code;
  } finally {
    process.removeListener('SIGINT', end);
  }
}

function show({ json: value, lines }: Result, json: boolean, { stdout }: Streams): void {
  if (json) stdout.write(`${JSON.stringify(value)}\n`);
  else if (lines.length > 0) stdout.write(`${lines.join('\n')}\n`);
}
