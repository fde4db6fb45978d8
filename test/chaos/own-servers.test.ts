/** Servers of a test's own end with it, however it ends. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { describeWith, servers } from '../support/servers.ts';

const REAPER = fileURLToPath(new URL('../support/own/reaper.ts', import.meta.url));
const REDIS = fileURLToPath(new URL('../support/own/redis.ts', import.meta.url));
const SCRIPT = `
  const { Reaper } = await import('${REAPER}');
  const { ownRedis } = await import('${REDIS}');
  const server = await ownRedis(new Reaper());
  server.freeze();
  console.log(server.url);
  process.kill(process.pid, 'SIGKILL');
`;

describeWith('Redis of the test', await servers.redis(), () => {
  test('a test that is killed leaves no server behind, frozen or not', { timeout: 60_000 }, async () => {
    const child = spawn(process.execPath, ['--input-type=module', '-e', SCRIPT], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let said = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (said += text));
    await once(child, 'close');
    const url = new URL(said.trim());
    const answers = async () => {
      const socket = connect(Number(url.port), url.hostname);
      try {
        await once(socket, 'connect');
        return 'somebody listens';
      } catch {
        return 'nobody listens';
      } finally {
        socket.destroy();
      }
    };
    await expect.poll(answers, { timeout: 20_000 }).toBe('nobody listens');
  });
});
