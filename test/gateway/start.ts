/**
 * Hive Gateway in front of a running Crossfade, for a try; started by scripts/gateway.ts, which sees to it that it is installed.
 *
 *   CROSSFADE_URL   the endpoint of Crossfade; http://127.0.0.1:4001/graphql
 *   GATEWAY_PORT    where the gateway listens; 4000
 *   --public        the public contract: without what is tagged admin
 *
 *   exit code 0     ended by a signal
 *             1     nothing answers, or it does not compose; says which and why
 */
import { parseArgs } from 'node:util';
import { composeSchemaContract, composeServices } from '@theguild/federation-composition';
import { parse } from 'graphql';
import { startHiveGateway } from './support/hive.ts';
import { sdlOf } from './support/subgraphs.ts';

function supergraphOf(sdl: string, url: string, isPublic: boolean): string {
  const services = [{ name: 'crossfade', typeDefs: parse(sdl), url }];
  const { errors, supergraphSdl } = isPublic
    ? composeSchemaContract(services, { include: new Set(), exclude: new Set(['admin']) }, true)
    : composeServices(services);
  if (supergraphSdl === undefined) throw new Error(`It does not compose: ${String(errors?.[0])}`);
  return supergraphSdl;
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { public: { type: 'boolean', default: false } } });
  const url = process.env['CROSSFADE_URL'] || 'http://127.0.0.1:4001/graphql';
  const sdl = await sdlOf(url).catch((error: unknown) => {
    throw new Error(
      `Crossfade does not answer at ${url}. Start it first (npm start), or say in CROSSFADE_URL where it is.`,
      {
        cause: error,
      },
    );
  });
  const gateway = await startHiveGateway(
    supergraphOf(sdl, url, values.public),
    Number(process.env['GATEWAY_PORT'] || 4000),
  );
  const lines = [
    `Hive Gateway is ready, in front of ${url}${values.public ? ', with the public contract' : ''}.`,
    `  GraphQL      ${gateway.url}`,
    `  It passes the header authorization on; operations of the operator need it. Ctrl-C stops it.`,
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
  let stopping = false;
  const stop = () => {
    if (stopping) return;
    stopping = true;
    gateway.stop().then(
      () => process.exit(0),
      () => process.exit(1),
    );
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
}

try {
  await main();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
