/** A database of its own on the tests' MySQL or MariaDB server. */
import { createConnection, type Connection } from 'mysql2/promise';
import { randomName, type Scratch } from './servers.ts';

export interface ScratchDatabase extends Scratch {
  /** As another program would, without the store. */
  run(...statements: readonly string[]): Promise<void>;
  connect(): Promise<Connection>;
}

export async function scratchDatabase(server: string): Promise<ScratchDatabase> {
  const name = randomName();
  const url = new URL(server);
  url.pathname = `/${name}`;
  const connect = () => createConnection(url.href);
  const run = async (at: string, statements: readonly string[]) => {
    const connection = await createConnection(at);
    try {
      for (const statement of statements) await connection.query(statement);
    } finally {
      await connection.end();
    }
  };
  await run(server, [`create database ${name} character set utf8mb4`]);
  return {
    url: url.href,
    connect,
    run: (...statements) => run(url.href, statements),
    drop: () => run(server, [`drop database ${name}`]),
  };
}
