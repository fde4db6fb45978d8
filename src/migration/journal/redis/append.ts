/** The append, and what stores have of what was appended. */
import { hasCode } from '../../errors.ts';
import type { Journal } from '../journal.ts';
import { chunks, type Access } from './access.ts';
import { Appender } from './appender.ts';
import { memberOf } from './read.ts';

/** Notes that one script takes. */
const NOTES = 256;

/** `answersMs`: for how long a repeated write gets its first answer. */
export function appends(access: Access, answersMs: number): Pick<Journal, 'append' | 'applied'> {
  const appender = new Appender(access, answersMs);
  return {
    async append(append) {
      try {
        return await appender.append(append);
      } catch (error) {
        if (!hasCode(error, 'JOURNAL_FULL')) throw error;
        // The server refuses the script as a whole when its memory is used up; this write may have been taken before.
        const answered = await access.answerOf(append.address.slot, append.writeId);
        if (answered === null) throw error;
        return { outcome: 'APPENDED', seq: Number(answered) };
      }
    },

    async applied(notes) {
      const bySlot = Map.groupBy(notes, ({ address }) => address.slot);
      const batches = [...bySlot].flatMap(([slot, ofSlot]) =>
        chunks(ofSlot, NOTES).map((some) => ({
          slot,
          args: some.flatMap(({ role, seq, address }) => [role, seq, memberOf(address.key)]),
        })),
      );
      await access.runEach('applied', batches);
    },
  };
}
