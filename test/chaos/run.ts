/** One run: the system is put up, disturbed while it works and walks the ladder, and taken down; then its history is judged. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { randomFrom } from '../support/seed.ts';
import { checkFile } from './check.ts';
import type { Verdict } from './checker.ts';
import { ANCHOR, Clients, keyOf } from './clients.ts';
import { Faults } from './faults.ts';
import { Recorder } from './record.ts';
import { codeOf, EVENTS, untouchedRows, type Untouched } from './samples.ts';
import { System, type Borrowed } from './system.ts';
import { Walk } from './walk.ts';

export interface ChaosOptions {
  readonly seed: number;
  readonly minutes: number;
  readonly instances: number;
  readonly clients: number;
  /** Rows of each event that are there before. */
  readonly rows: number;
  /** Longest stay at a place, milliseconds. */
  readonly stayMs: number;
  /** Servers of somebody else's, which are left alone; null: servers of its own. */
  readonly borrowed: Borrowed | null;
  /** Where history and logs go. */
  readonly directory: string;
  readonly say: (line: string) => void;
}

/** How long after a fault requests may still fail of it. */
const GRACE_US = 3_000_000;
/** The part of the time that is left for the last way up, and how much of it at most, milliseconds. */
const LAST_WAY = 0.3;
const LONGEST_LAST_WAY_MS = 30_000;

export async function runChaos(options: ChaosOptions): Promise<Verdict> {
  const { seed, directory, instances, borrowed, say } = options;
  await mkdir(directory, { recursive: true });
  const recorder = new Recorder(join(directory, 'history.jsonl'));
  const system = new System();
  try {
    await system.open({ instances, borrowed, directory });
    say('the servers and tables are there');
    await underLoad(options, system, recorder);
  } finally {
    await recorder.end();
    await system.close();
  }
  say(`the history of seed ${seed} is in ${recorder.file}`);
  return checkFile(recorder.file);
}

async function underLoad(options: ChaosOptions, system: System, recorder: Recorder): Promise<void> {
  const { seed, minutes, clients: many, rows, stayMs, instances, say } = options;
  const random = randomFrom(seed);
  const anchors = EVENTS.map((event) => ({ event, phone: ANCHOR, answer: 'anchor' }));
  const untouched = [...untouchedRows(rows), ...anchors];
  const clients = new Clients(system.instances, recorder, random.fork(), many);
  const faults = new Faults(system, recorder, random.fork());
  recorder.write({
    is: 'start',
    seed,
    instances,
    keys: clients.keys,
    untouched: Object.fromEntries(EVENTS.map((name) => [name, untouched.filter(({ event }) => event === name).length])),
    graceUs: GRACE_US,
  });
  await system.insert(untouched);
  await system.start();
  say(`${instances} instances are ready`);
  await clients.start();
  const began = performance.now();
  const walk = new Walk({ system, clients, faults, recorder, random: random.fork(), stayMs, say });
  faults.start();
  try {
    const asked = minutes * 60_000;
    await walk.run(began + asked - Math.min(asked * LAST_WAY, LONGEST_LAST_WAY_MS));
  } finally {
    await faults.stop();
    say('no more faults');
    await clients.stop();
    say('no more requests');
    await end(system, recorder, untouched, clients.keys);
  }
}

/** Every instance ends in good order; what is there in the end is written down past the product. */
async function end(
  system: System,
  recorder: Recorder,
  untouched: readonly Untouched[],
  keys: readonly string[],
): Promise<void> {
  for (const instance of system.instances) {
    const how = await instance.stop();
    for (const what of instance.surprises) recorder.write({ is: 'violation', what });
    if (how !== '0') recorder.write({ is: 'violation', what: `SIGTERM ended instance ${instance.number} with ${how}` });
  }
  const rest = new Set(untouched.map(({ event, phone, answer }) => `${keyOf(event, phone)} ${codeOf(event, answer)}`));
  const left = new Map<string, string>();
  for (const { event, phone, entry } of await system.participations('NEW')) {
    const key = keyOf(event, phone);
    if (rest.delete(`${key} ${entry}`)) continue;
    left.set(key, Buffer.from(entry.slice(1), 'base64url').toString('utf8'));
  }
  for (const key of new Set([...keys, ...left.keys()])) {
    const [from, to] = [recorder.tick(), recorder.tick()];
    recorder.write({ is: 'read', key, from, to, value: left.get(key) ?? null, how: 'final', via: -1 });
  }
  for (const row of rest) recorder.write({ is: 'violation', what: `P1: in the end the new store lacks ${row}` });
}
