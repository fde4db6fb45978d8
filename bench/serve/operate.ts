/** An operator of the server under test, who has mutations alone. */
import { setTimeout as delay } from 'node:timers/promises';
import { EVENT } from './facts.ts';
import type { Served } from './child.ts';

export const TOKEN = 'x'.repeat(32);
export const STATES = ['old', 'migrating', 'dual', 'new'] as const;
export type State = (typeof STATES)[number];

interface Step {
  readonly to: string;
  readonly readNewPercent?: number;
}

/** How each state is reached from the one before. */
const WAYS: Readonly<Record<State, readonly Step[]>> = {
  old: [],
  migrating: [{ to: 'MIGRATING' }],
  dual: [{ to: 'CATCHING_UP' }, { to: 'DUAL', readNewPercent: 0 }, { to: 'DUAL', readNewPercent: 50 }],
  new: [{ to: 'DUAL', readNewPercent: 100 }, { to: 'NEW' }],
};
const LOOK_MS = 100;
const PATIENCE_MS = 60_000;

const DEFINE = 'mutation ($input: DefineEventInput!) { defineEvent(input: $input) { name } }';
const SWITCH = `mutation ($input: SwitchMigrationInput!) {
  switchMigration(input: $input) { __typename ... on SwitchBlocked { blockers { code message } } }
}`;
const COPY = 'query { migration(dataset: "participation") { copy { complete } } }';
const VERIFY = 'mutation { verifyMigration(dataset: "participation") { state } }';
const VERIFICATION = 'query { migration(dataset: "participation") { verification { finishedAt clean } } }';

export class Operator {
  readonly #served: Served;

  constructor(served: Served) {
    this.#served = served;
  }

  async defineEvent(): Promise<void> {
    const { choices, ...event } = EVENT;
    await this.#ask(DEFINE, {
      input: { ...event, choices: choices.map(({ answer, code, correct }) => ({ answer, code, correct })) },
    });
  }

  /** From the state before this one. */
  async reach(state: State): Promise<void> {
    for (const step of WAYS[state]) {
      if (step.to === 'NEW') await this.#verify();
      await this.#switch(step);
      if (step.to === 'MIGRATING') await this.#until(async () => (await this.#status(COPY)).copy?.complete ?? false);
    }
  }

  async #verify(): Promise<void> {
    await this.#ask(VERIFY, {});
    await this.#until(async () => {
      const { verification } = await this.#status(VERIFICATION);
      return typeof verification?.finishedAt === 'string';
    });
  }

  /** Again while something that passes by itself bars the way. */
  async #switch(step: Step): Promise<void> {
    const input = { dataset: 'participation', ...step, reason: 'benchmark' };
    await this.#until(async () => {
      const result = await this.#ask<{ readonly switchMigration: { readonly __typename: string } }>(SWITCH, { input });
      return result.switchMigration.__typename === 'MigrationSwitched';
    });
  }

  async #status(query: string) {
    const { migration } = await this.#ask<{
      readonly migration: {
        readonly copy?: { readonly complete: boolean } | null;
        readonly verification?: { readonly finishedAt: string | null } | null;
      };
    }>(query, {});
    return migration;
  }

  async #until(holds: () => Promise<boolean>): Promise<void> {
    for (const end = performance.now() + PATIENCE_MS; !(await holds()); await delay(LOOK_MS)) {
      if (performance.now() > end) throw new Error('the migration did not get on');
    }
  }

  #ask<T>(query: string, variables: object): Promise<T> {
    return this.#served.ask<T>(JSON.stringify({ query, variables }), TOKEN);
  }
}
