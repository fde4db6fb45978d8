/** The command lines of the tools that the copy is held against. */
import type { BenchDatabase } from '../lib/databases.ts';

export function psql({ url }: BenchDatabase): string {
  return `psql -X -q -v ON_ERROR_STOP=1 '${url}'`;
}

export function mariadb({ url }: BenchDatabase): string {
  const { hostname, port, username, password, pathname } = new URL(url);
  const secret = password ? ` --password='${decodeURIComponent(password)}'` : '';
  return `mariadb --local-infile=1 --default-character-set=utf8mb4 --init-command="set time_zone = '+00:00'" -h ${hostname} -P ${port || 3306} -u ${decodeURIComponent(username)}${secret} ${pathname.slice(1)}`;
}

/** Takes rows in the text format of COPY from its standard input. */
export function loadInto(database: BenchDatabase, table: string, columns: string): string {
  return `${mariadb(database)} -e "load data local infile '/dev/stdin' into table ${table} character set utf8mb4 (${columns})"`;
}
