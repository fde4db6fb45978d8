/**
 * A way to a server that can be disturbed:
 *
 *   cut       connections through it end at once, and it takes no new ones, for good
 *   block     the same, but it can be mended; new connections end as soon as they are made
 *   silence   no connection ends, and nothing gets through; new ones are made and lead nowhere yet
 *   mend      as before; what was held up by a silence arrives now
 */
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

export interface Proxy {
  readonly port: number;
  /** From now on leads to another server; connections that stand end. */
  turn(url: string): void;
  cut(): Promise<void>;
  block(): void;
  silence(): void;
  mend(): void;
}

type Mode = 'OPEN' | 'BLOCKED' | 'SILENT';

interface Way {
  readonly near: Socket;
  /** Leads nowhere as long as it is null. */
  far: Socket | null;
}

export async function proxyTo(url: string): Promise<Proxy> {
  let target = new URL(url);
  let mode: Mode = 'OPEN';
  const ways = new Set<Way>();
  const endAll = (): void => {
    for (const { near, far } of ways) {
      near.destroy();
      far?.destroy();
    }
  };
  const server = createServer({ pauseOnConnect: true }, (near) => {
    if (mode === 'BLOCKED') {
      near.resetAndDestroy();
      return;
    }
    const way: Way = { near, far: null };
    ways.add(way);
    near.on('error', () => way.far?.destroy());
    near.on('close', () => {
      ways.delete(way);
      way.far?.destroy();
    });
    if (mode === 'OPEN') lead(way, target);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the proxy listens on no port');
  return {
    port: address.port,
    turn: (other) => {
      target = new URL(other);
      endAll();
    },
    cut: async () => {
      if (!server.listening) return;
      server.close();
      endAll();
      await once(server, 'close');
    },
    block: () => {
      mode = 'BLOCKED';
      endAll();
    },
    silence: () => {
      mode = 'SILENT';
      for (const { near, far } of ways) {
        for (const end of [near, far]) end?.unpipe().pause();
      }
    },
    mend: () => {
      mode = 'OPEN';
      for (const way of ways) lead(way, target);
    },
  };
}

/** Makes the way's far end if it has none, and lets everything through. */
function lead(way: Way, target: URL): void {
  const { near } = way;
  if (!way.far) {
    const far = connect(Number(target.port), target.hostname);
    far.setNoDelay(true);
    far.on('error', () => near.destroy());
    far.on('close', () => near.destroy());
    way.far = far;
  }
  near.setNoDelay(true);
  near.pipe(way.far);
  way.far.pipe(near);
}
