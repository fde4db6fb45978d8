/** One question to both stores, when it matters what each of them says. */
import type { StoreRole } from '../dataset.ts';
import { CrossfadeError, type ErrorCode } from '../errors.ts';
import type { Stored } from '../stores/store.ts';
import type { JobContext } from './context.ts';

export type Loaded = ReadonlyMap<string, Stored>;
/** What each store said: rows, or the code of its failure; a role that is missing has not answered yet. */
export type Answers = { [role in StoreRole]?: Loaded | ErrorCode };

/**
 * As `Promise.all`, but when one fails the other one is waited for too: it may still be under way in the store. `answers` is filled as
 * the stores answer, for who does not want to wait any longer, or wants to know which of them failed.
 */
export async function loadBoth(
  stores: JobContext['stores'],
  keys: readonly string[],
  answers: Answers = {},
): Promise<Readonly<Record<StoreRole, Loaded>>> {
  const ask = async (role: StoreRole): Promise<Loaded> => {
    try {
      return (answers[role] = await stores[role].reader.load(keys));
    } catch (error) {
      answers[role] = error instanceof CrossfadeError ? error.code : 'INTERNAL';
      throw error;
    }
  };
  const questions = [ask('OLD'), ask('NEW')] as const;
  await Promise.allSettled(questions);
  const [old, now] = await Promise.all(questions);
  return { OLD: old, NEW: now };
}

/** Has a store failed, or not answered although it was asked? */
export function isOneSided(answers: Answers): boolean {
  return typeof answers.OLD !== 'object' || typeof answers.NEW !== 'object';
}
