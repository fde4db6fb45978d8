/** What was measured on: a figure without it says nothing. */
import { cpus, release, totalmem } from 'node:os';
import { attempt } from './shell.ts';

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly kernel: string;
  readonly node: string;
  /** Of servers and tools, as they name themselves. */
  readonly versions: Readonly<Record<string, string>>;
}

/** `commands`: how each tool or server is asked for its version; what does not answer is left out. */
export async function machine(commands: Readonly<Record<string, string>>): Promise<Machine> {
  const versions: Record<string, string> = {};
  for (const [name, command] of Object.entries(commands)) {
    const said = await attempt(command);
    if (said !== null) versions[name] = said.split('\n')[0]?.trim() ?? '';
  }
  const all = cpus();
  return {
    cpu: all[0]?.model ?? 'unknown',
    cores: all.length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    node: process.version,
    versions,
  };
}

export function describeMachine({ cpu, cores, memoryGiB, node, versions }: Machine): string {
  const tools = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  return [`${cores} cores of ${cpu}, ${memoryGiB} GiB`, `Node ${node}`, ...tools].join('; ');
}
