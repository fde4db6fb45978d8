/** The product's schema, resolvers and HTTP server, wired straight to one store: no lease, no state, no journal. A process of its own. */
import DataLoader from 'dataloader';
import { createAuthenticator } from '../../src/auth.ts';
import { openCatalogue, type CatalogueTables } from '../../src/activity/catalogue.ts';
import { participationDataset, type NewParticipation, type OldParticipation } from '../../src/activity/dataset.ts';
import { phoneParser } from '../../src/activity/phone.ts';
import { loadConfig } from '../../src/config.ts';
import type { Faces, StoreRole } from '../../src/migration/dataset.ts';
import { CrossfadeError } from '../../src/migration/errors.ts';
import { mapStored } from '../../src/migration/faces.ts';
import { silent } from '../../src/migration/log.ts';
import { engineOf } from '../../src/migration/stores/open.ts';
import { buildSubgraph } from '../../src/resolvers/index.ts';
import type { ActivityEngine, ActivityOperation } from '../../src/resolvers/context.ts';
import { createServer } from '../../src/server.ts';
import { announce, EVENT, required } from './facts.ts';

const role: StoreRole = required('ROLE') === 'NEW' ? 'NEW' : 'OLD';
const config = loadConfig({ ...process.env, ADMIN_TOKEN: 'x'.repeat(32) });
const url = role === 'OLD' ? config.oldStoreUrl : config.newStoreUrl;
const catalogue = await openCatalogue(engineOf(config.controlUrl).openDatabase<CatalogueTables>(config.controlUrl));
await catalogue.seed([EVENT]);
const phones = phoneParser(config.phoneRegion);
const dataset = participationDataset(catalogue, phones);
const store = engineOf(url).openStore(url, role, dataset);
const { schema } = buildSubgraph([dataset], phones);

function refuse(): never {
  throw new CrossfadeError('INTERNAL', { message: 'only reads by key are wired' });
}

async function load(keys: readonly string[]): Promise<(Faces<OldParticipation, NewParticipation> | null)[]> {
  const rows = await store.reader.load(keys);
  const mapped = await mapStored(dataset, role, [...rows.values()]);
  const found = new Map(mapped.map((faces) => [faces.key, faces as Faces<OldParticipation, NewParticipation>]));
  return keys.map((key) => found.get(key) ?? null);
}

function operation(): ActivityOperation {
  const loader = new DataLoader(load);
  return {
    place: { state: role, percent: role === 'NEW' ? 100 : 0 },
    logic: role,
    load: (key) => loader.load(dataset.keyOf(key)),
    page: refuse,
    count: refuse,
    end: () => {},
  };
}

const engine: ActivityEngine = {
  begin: async () => operation(),
  mutate: refuse,
  get operator() {
    return refuse();
  },
  start: async () => {},
  stop: async () => {},
  ready: async () => {},
  onPlace: () => () => {},
};

const server = await createServer({
  config,
  schema,
  engine,
  catalogue,
  authenticator: createAuthenticator({ token: null, jwt: null, log: silent }),
  audit: { record: (_, effect) => effect() },
  log: silent,
});
announce(`${await server.http.listen({ port: 0, host: '127.0.0.1' })}/graphql`);
