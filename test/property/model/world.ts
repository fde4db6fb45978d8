/** The deployment under test: its processes, which can stall and be killed, and what is left open between two commands. */
import * as fc from 'fast-check';
import { keyOf, seatOf, type TicketFaces, type TicketOperation } from '../../support/client.ts';
import type { Deployment, Instance } from '../../support/deployment.ts';
import { Bell, intercept, request } from '../../support/intercept.ts';
import type { Model, ModelFilter, ModelKey } from '../../support/model.ts';
import { pause } from '../../support/operate.ts';
import type { NewTicket, OldTicket } from '../../support/tickets.ts';

export const LEASE_MS = 300;
/** Byte order is not UTF-16 order, and one holder is the beginning of another. */
const HOLDERS = ['a', 'ab', '\u{FF5E}', '\u{1F600}'];
const SHOWS = ['s', 't', 'é'];

/** One process of the deployment; it can be killed and started again. */
export interface Process {
  instance: Instance<OldTicket, NewTicket>;
  stall: { readonly calls: string; readonly ms: number; left: number } | null;
  operation: { readonly reads: TicketOperation; readonly loaded: Set<string> } | null;
}

interface HeldWrite {
  readonly key: ModelKey;
  readonly by: Process;
  readonly seat: string | null;
  readonly release: () => void;
  readonly done: Promise<'WRITTEN' | 'REFUSED' | 'UNKNOWN'>;
}

interface Cursor {
  readonly filter: ModelFilter;
  readonly after: string | null;
  /** The key the cursor stands for. */
  readonly last: ModelKey | null;
}

export class World {
  readonly deployment: Deployment<OldTicket, NewTicket>;
  readonly processes: Process[] = [];
  readonly held: HeldWrite[] = [];
  readonly cursors: Cursor[] = [];
  readonly #bell = new Bell();
  #seats = 0;

  constructor(deployment: Deployment<OldTicket, NewTicket>) {
    this.deployment = deployment;
  }

  process(index: number): Process {
    const process = this.processes[index % this.processes.length];
    if (!process) throw new Error('no process');
    return process;
  }

  seat(): string {
    return `seat${++this.#seats}`;
  }

  async start(): Promise<Process> {
    const state: Pick<Process, 'stall' | 'operation'> = { stall: null, operation: null };
    const stalled = async (call: string, run: () => Promise<unknown>): Promise<unknown> => {
      const { stall } = process ?? state;
      if (stall && stall.left > 0 && call.startsWith(stall.calls)) {
        stall.left--;
        await pause(stall.ms);
      }
      const held = request.getStore();
      return held ? held(call, run) : run();
    };
    let process: Process | null = null;
    const instance = await this.deployment.instance({
      leaseMs: LEASE_MS,
      wrap: (own) => this.#bell.wrap(intercept(own, stalled)),
    });
    process = { instance, ...state };
    return process;
  }

  /** As SIGKILL does: nothing is said to anybody, and memory is gone. */
  async restart(index: number): Promise<void> {
    const process = this.process(index);
    process.operation = null;
    await process.instance.kill();
    process.stall = null;
    this.processes[this.processes.indexOf(process)] = await this.start();
  }

  /** Processes but this one. */
  another(index: number): Process {
    return this.process(index + 1);
  }
}

export type Command = fc.AsyncCommand<Model, World>;

/** A command that says what it is. */
export function command(
  name: string,
  parts: { readonly check?: (model: Readonly<Model>) => boolean; run(model: Model, world: World): Promise<void> },
): Command {
  return { check: parts.check ?? (() => true), run: parts.run, toString: () => name };
}

export const show = (value: unknown): string => JSON.stringify(value);
export const faceOf = (seat: string | null, key: ModelKey) => (seat === null ? null : { ...key, seat });
export const plain = (faces: TicketFaces | null) => (faces ? faceOf(seatOf(faces), keyOf(faces)) : null);

export const key = fc.record({ holder: fc.constantFrom(...HOLDERS), show: fc.constantFrom(...SHOWS) });
export const who = fc.nat(2);
export const filter: fc.Arbitrary<ModelFilter> = fc.oneof(
  fc.constant(undefined),
  fc.constantFrom(...HOLDERS).map((value) => ({ field: 'holder' as const, value })),
  fc.constantFrom(...SHOWS).map((value) => ({ field: 'show' as const, value })),
);
export const kind = fc.constantFrom('CREATE', 'CREATE', 'CHANGE', 'REMOVE');
