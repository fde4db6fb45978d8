/** The journal's contract on one Redis server and on a cluster of three, each started by the test where it has to be of its own. */
import { Cluster, Redis } from 'ioredis';
import { afterAll, beforeAll, vi } from 'vitest';
import { proxyTo } from '../support/proxy.ts';
import { redisFixture } from '../support/redis-journal.ts';
import { redisCluster } from '../support/redis-server.ts';
import { describeWith, servers } from '../support/servers.ts';
import { journalContract } from './journal.contract.ts';

// Some rules are tried with thousands of scripts.
vi.setConfig({ testTimeout: 60_000 });

describeWith('Redis', await servers.redis(), (url) => {
  const client = new Redis(url);
  afterAll(() => client.disconnect());
  journalContract('Redis', {
    slotBySlot: true,
    interleavings: 12,
    open: async (clock) => {
      const proxy = await proxyTo(url);
      const near = new URL(url);
      near.hostname = '127.0.0.1';
      near.port = String(proxy.port);
      return redisFixture(clock, client, { url: near.href, otherUrl: url, cut: proxy.cut });
    },
  });
});

describeWith('Redis Cluster', await servers.redis(), () => {
  let url: string;
  let client: Cluster;
  beforeAll(async () => {
    const cluster = await redisCluster();
    ({ url } = cluster);
    client = new Cluster(cluster.nodes.map(({ port }) => ({ host: '127.0.0.1', port })));
  }, 20_000);
  afterAll(() => client.disconnect());
  journalContract('a Redis Cluster of three', {
    slotBySlot: true,
    interleavings: 6,
    open: async (clock) => redisFixture(clock, client, { url }),
  });
});
