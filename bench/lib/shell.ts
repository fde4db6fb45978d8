/** Commands of other programs, by the shell; every command of a pipeline has to succeed. */
import { spawn } from 'node:child_process';

export interface Ran {
  readonly seconds: number;
  readonly stdout: string;
}

/** Error with what the command said on standard error, if it fails. */
export function sh(command: string, env: NodeJS.ProcessEnv = {}): Promise<Ran> {
  const began = performance.now();
  return new Promise((resolve, reject) => {
    const child = spawn('bash', ['-c', `set -o pipefail; ${command}`], {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let [stdout, stderr] = ['', ''];
    child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    child.once('error', reject);
    child.once('close', (code) => {
      if (code === 0) resolve({ seconds: (performance.now() - began) / 1000, stdout });
      else reject(new Error(`${command}\nended with ${code}: ${stderr.trim() || stdout.trim()}`));
    });
  });
}

/** What it printed, or null if it failed or is not there. */
export async function attempt(command: string): Promise<string | null> {
  return sh(command).then(
    ({ stdout }) => stdout,
    () => null,
  );
}
