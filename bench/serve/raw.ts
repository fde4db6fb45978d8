/** As fast as it gets in Node: fastify and pg with named statements; no GraphQL, the same answers. A process of its own. */
import Fastify from 'fastify';
import { Pool } from 'pg';
import { announce, participationOf, required, timeText, type ReadRow, type Reference } from './facts.ts';

interface Body {
  readonly variables: {
    readonly phone?: string;
    readonly event?: string;
    readonly representations?: readonly Reference[];
  };
}

/** As many as a store of the product has. */
const POOL = 8;
const pool = new Pool({ connectionString: required('OLD_STORE_URL'), max: POOL });
const columns = `phone, event, answer, ${timeText('created_at')} as created_at, ${timeText('updated_at')} as updated_at`;
const ONE = `select ${columns} from participation_old where phone = $1 and event = $2`;
const MANY = `select ${columns} from unnest($1::text[], $2::text[]) as w(p, e) join participation_old on phone = p and event = e`;

async function one(phone: string, event: string) {
  const { rows } = await pool.query<ReadRow>({ name: 'one', text: ONE, values: [phone, event] });
  return { data: { participation: rows[0] ? participationOf(rows[0]) : null } };
}

async function many(references: readonly Reference[]) {
  const [phones, events] = [references.map(({ phone }) => phone.number), references.map(({ event }) => event.name)];
  const { rows } = await pool.query<ReadRow>({ name: 'many', text: MANY, values: [phones, events] });
  const found = new Map(rows.map((row) => [`${row.phone} ${row.event}`, participationOf(row)]));
  return {
    data: { _entities: references.map(({ phone, event }) => found.get(`${phone.number} ${event.name}`) ?? null) },
  };
}

const http = Fastify();
http.post<{ Body: Body }>('/graphql', async ({ body: { variables } }) => {
  const { phone, event, representations } = variables;
  return representations ? many(representations) : one(phone ?? '', event ?? '');
});
announce(`${await http.listen({ port: 0, host: '127.0.0.1' })}/graphql`);
