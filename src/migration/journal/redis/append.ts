/** The append, and what stores have of what was appended. */
import { CrossfadeError, hasCode } from '../../errors.ts';
import type { Append, AppendResult, Journal } from '../journal.ts';
import { chunks, type Access } from './access.ts';
import { listedName } from './read.ts';

/** Notes that one script takes. */
const NOTES = 256;

/** `answersMs`: for how long a repeated write gets its first answer. */
export function appends(access: Access, answersMs: number): Pick<Journal, 'append' | 'applied'> {
  return {
    async append(append) {
      try {
        return await send(access, append, answersMs);
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
          args: some.flatMap(({ role, seq, address }) => [role, seq, address.key]),
        })),
      );
      await access.runEach('applied', batches);
    },
  };
}

async function send(access: Access, append: Append, answersMs: number): Promise<AppendResult> {
  const { address, expect, image, listed, writeId } = append;
  const full = access.connection.seenFull() ?? (await access.guard(null, () => access.connection.looksFull()));
  const now = access.clock.wall();
  const names = Object.entries(listed).flatMap(([field, values]) => values.map((value) => listedName(field, value)));
  const { outcome, values } = await access.run('append', {
    slot: address.slot,
    writeId,
    args: [
      append.epoch,
      address.key,
      ...('seq' in expect ? ['seq', expect.seq] : ['mark', expect.mark]),
      now,
      now + append.holdMs,
      answersMs,
      full ? 1 : 0,
      image ? JSON.stringify(image) : '',
      append.owedTo.join(' '),
      ...names,
    ],
  });
  if (outcome === 'APPENDED') return { outcome, seq: Number(values[0]) };
  if (outcome !== 'FULL') return { outcome };
  throw new CrossfadeError('JOURNAL_FULL', {
    message: full
      ? 'The memory of a server of the journal is nearly used up.'
      : `Slot ${address.slot} of the journal of ${access.dataset} has given out all seqs of its run.`,
  });
}
