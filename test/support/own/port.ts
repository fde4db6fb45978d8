/**
 * Ports for servers that are told where to listen, and may end and come back there. They are taken below the range that the system gives to
 * connections going out and to listeners on port 0: while a server is down, one of those could have its port for as long as it likes.
 */
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';

const FIRST = 12_000;
/** Linux gives out ports from 32768 on, others later still. A node of a Redis cluster uses the port 10000 above its own as well. */
const END = 20_000;

export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(FIRST, END);
    const socket = createServer().listen(port, '127.0.0.1');
    try {
      await once(socket, 'listening');
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'EADDRINUSE') continue;
      throw error;
    }
    socket.close();
    await once(socket, 'close');
    return port;
  }
}
