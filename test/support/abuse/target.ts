/** A whole server to be abused, and what must hold of everything it answers. */
import { expect } from 'vitest';
import { createApp, type App } from '../../../src/app.ts';
import { loadConfig } from '../../../src/config.ts';
import { ERRORS } from '../../../src/migration/errors.ts';
import { silent, type Logger } from '../../../src/migration/log.ts';
import { fillWithSamples } from '../../../src/server/samples.ts';
import { temporaryDirectory } from '../tmp.ts';
import { EXECUTOR } from '../executor.ts';

export const TOKEN = 'a-token-for-tests';

const CODES: readonly string[] = [
  ...Object.keys(ERRORS),
  'GRAPHQL_PARSE_FAILED',
  'GRAPHQL_VALIDATION_FAILED',
  'OPERATION_RESOLUTION_FAILURE',
  'PERSISTED_QUERY_NOT_SUPPORTED',
  'BAD_REQUEST',
];

/** What is on the inside: statements, files, modules, drivers, stacks. Nothing that abusers send here looks like it. */
const INSIDES =
  /select |insert into|update |sqlite|SQLITE|postgres|kysely|node_modules|\/src\/|\/tmp\/|file:|\bat \S+ \(|(?:Type|Range|Reference)Error|ECONN|call stack|\[object |undefined/;

export interface Reply {
  readonly status: number;
  readonly text: string;
  readonly data: Record<string, unknown> | null;
  readonly errors: readonly { readonly message: string; readonly extensions: { code: string; field?: string } }[];
}

export interface Raw {
  readonly method?: string;
  readonly url?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly payload?: string | Buffer;
}

export class Target {
  readonly app: App;
  /** What was logged as an error: a fault of the server. */
  readonly faults: string[];

  private constructor(app: App, faults: string[]) {
    this.app = app;
    this.faults = faults;
  }

  static async start(env: Readonly<Record<string, string>> = {}): Promise<Target> {
    const faults: string[] = [];
    const error: Logger['error'] = (facts, message) => {
      const thrown = 'err' in facts && facts.err instanceof Error ? facts.err.stack : JSON.stringify(facts);
      faults.push(`${message} ${thrown}`);
    };
    const config = loadConfig({ DATA_DIR: await temporaryDirectory(), SAMPLE_DATA: '200', ...EXECUTOR, ...env });
    const app = await createApp({ config, adminToken: TOKEN, log: { ...silent, error } });
    await fillWithSamples(app, config, silent);
    return new Target(app, faults);
  }

  ask(query: unknown, variables?: unknown, token?: string): Promise<Reply> {
    return this.send({
      headers: { 'content-type': 'application/json', ...(token !== undefined && { authorization: `Bearer ${token}` }) },
      payload: JSON.stringify({ query, variables }),
    });
  }

  /** Sends it, and checks the answer: it is one of those there are, and tells nothing of the inside. */
  async send({ method = 'POST', url = '/graphql', headers = {}, payload }: Raw): Promise<Reply> {
    const response = await this.app.server.http.inject({
      method: method as 'POST',
      url,
      headers: { ...headers },
      ...(payload !== undefined && { payload }),
    });
    const text = response.payload;
    const { statusCode: status } = response;
    expect(status, text).toBeLessThan(500);
    expect(text).not.toMatch(INSIDES);
    const body: Partial<Reply> = text !== '' && isJson(response.headers['content-type']) ? response.json() : {};
    const errors = body.errors ?? [];
    for (const { extensions } of errors) expect(CODES, text).toContain(extensions.code);
    expect(
      errors.some(({ extensions }) => extensions.code === 'INTERNAL'),
      `${text} ${this.faults.at(-1)}`,
    ).toBe(false);
    return { status, text, data: body.data ?? null, errors };
  }

  /** Everything that could have been changed, in short. */
  async state(): Promise<unknown> {
    const { data } = await this.ask(
      '{ events { totalCount edges { node { name question choices participationCount } } } migrations { state epoch } }',
      {},
      TOKEN,
    );
    return data;
  }
}

function isJson(type: unknown): boolean {
  return typeof type === 'string' && /json/.test(type);
}
