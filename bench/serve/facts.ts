/** The rows that are asked for, the questions, and what references make of a row. */
import { SAMPLE_EVENTS, type Event } from '../../src/activity/events.ts';
import { coding } from '../../src/activity/mapping.ts';

export const EVENT: Event = eventOf('send-1g-traffic');
export const KEYS = 50;

/** Of the rows of `fillPostgres`. */
export const phoneOf = (n: number): string => `+86138${String(n).padStart(8, '0')}`;

const FIELDS = 'phone { number } event { name } answer recommendationCode createdAt updatedAt';
export const ONE = `query ($phone: PhoneNumber!, $event: String!) { participation(phone: $phone, event: $event) { ${FIELDS} } }`;
export const MANY = `query ($representations: [_Any!]!) { _entities(representations: $representations) { ... on Participation { ${FIELDS} } } }`;

export interface Reference {
  readonly __typename: 'Participation';
  readonly phone: { readonly number: string };
  readonly event: { readonly name: string };
}

/** The body of a request for one participation. */
export function askOne(phone: string): string {
  return JSON.stringify({ query: ONE, variables: { phone, event: EVENT.name } });
}

/** The body of a request for many. */
export function askMany(phones: readonly string[]): string {
  const representations = phones.map((number): Reference => ({
    __typename: 'Participation',
    phone: { number },
    event: { name: EVENT.name },
  }));
  return JSON.stringify({ query: MANY, variables: { representations } });
}

/** A row as references read it: times as text that the answer has. */
export interface ReadRow {
  readonly phone: string;
  readonly event: string;
  readonly answer: string;
  readonly created_at: string;
  readonly updated_at: string;
}

/** SQL for a time as the answer has it. */
export function timeText(column: 'created_at' | 'updated_at'): string {
  return `to_char(${column} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;
}

const { codeOf } = coding(EVENT);

/** The row as GraphQL shows it. */
export function participationOf(row: ReadRow) {
  return {
    phone: { number: row.phone },
    event: { name: row.event },
    answer: row.answer,
    recommendationCode: codeOf(row.answer),
    createdAt: shortened(row.created_at),
    updatedAt: shortened(row.updated_at),
  };
}

/** Milliseconds where they are enough. */
function shortened(time: string): string {
  return time.endsWith('000Z') ? `${time.slice(0, -4)}Z` : time;
}

function eventOf(name: string): Event {
  const event = SAMPLE_EVENTS.find((sample) => sample.name === name);
  if (!event) throw new Error(`there is no sample event ${name}`);
  return event;
}

/** What a child process is told by its environment. */
export function required(name: string): string {
  const value = process.env[name];
  if (value === undefined) throw new Error(`${name} is not set`);
  return value;
}

/** What a parent waits for. */
export function announce(url: string): void {
  process.stdout.write(`${url}\n`);
}
