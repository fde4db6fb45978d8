/** What a command is: its face as data, which the program and the documentation are made from, and its work. */
import type { Environment } from '../../config.ts';
import type { Client } from './client.ts';
import type { ExitName } from './exit.ts';

export interface ArgumentSpec {
  readonly name: string;
  readonly meaning: string;
  readonly optional?: boolean;
  readonly choices?: readonly string[];
}

export interface OptionSpec {
  /** As it is typed: `--reason <text>`. */
  readonly flags: string;
  readonly meaning: string;
  readonly required?: boolean;
  readonly choices?: readonly string[];
  /** It may be given several times. */
  readonly repeated?: boolean;
}

export interface Context {
  readonly client: Client;
  readonly dataset: string;
  readonly env: Environment;
  /** Say what would happen, and change nothing. */
  readonly dryRun: boolean;
  /** For a script: JSON, and nothing that moves. */
  readonly json: boolean;
  /** Standard output is a terminal. */
  readonly terminal: boolean;
  /** Aborted when the user wants to end. */
  readonly signal: AbortSignal;
  /** Shown at once, before the result: progress of something that takes a while. */
  say(line: string, json?: unknown): void;
}

/** Values by the option's long name in camel case, and by the argument's name. */
export type Given = Readonly<Record<string, string | boolean | readonly string[] | undefined>>;

export interface Result {
  /** What a script gets. */
  readonly json: unknown;
  /** What a person gets. */
  readonly lines: readonly string[];
  readonly exit?: ExitName;
}

export interface Command {
  readonly name: string;
  readonly meaning: string;
  readonly arguments?: readonly ArgumentSpec[];
  readonly options?: readonly OptionSpec[];
  /** It changes something, so it has `--dry-run`. */
  readonly changes: boolean;
  run(context: Context, given: Given): Promise<Result>;
}

export function text(given: Given, name: string): string | null {
  const value = given[name];
  return typeof value === 'string' ? value : null;
}
