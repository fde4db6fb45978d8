/**
 * `npm run --silent sdl`: prints the SDL of the subgraph, for schema registries and composers. It is what the server answers to
 * `{ _service { sdl } }`, and takes neither a server nor a store.
 */
import { graphqlSync } from 'graphql';
import { participationDataset } from '../activity/dataset.ts';
import { buildSubgraph } from '../resolvers/index.ts';

// What the schema looks like does not depend on what the catalogue knows.
const { schema } = buildSubgraph([participationDataset({ getMany: async () => new Map() })]);
const { data, errors } = graphqlSync({ schema, source: '{ _service { sdl } }' });
const service = data?.['_service'];
if (errors || typeof service !== 'object' || service === null || !('sdl' in service)) {
  throw new Error(`the schema does not tell its SDL: ${JSON.stringify(errors)}`);
}
process.stdout.write(`${String(service.sdl).trimEnd()}\n`);
