/** Slots: made once, then moved by the steps of switches, upwards only; each in one script, which takes the same time however full it is. */
import { randomUUID } from 'node:crypto';
import { JOURNAL_SLOTS } from '../../dataset.ts';
import { packSeq } from '../../seq.ts';
import type { Journal } from '../journal.ts';
import { ALL_SLOTS, incarnationOf, unavailable, type Access, type Done } from './access.ts';

/** Keys that one script looks at. */
const SWEEP_KEYS = 500;

type Slots = Pick<Journal, 'incarnation' | 'init' | 'open' | 'advance' | 'note' | 'close' | 'discard' | 'sweep'>;

export function slots(access: Access): Slots {
  return {
    incarnation() {
      access.connection.forget();
      return access.guard(null, async (client, servers) => {
        const id = await client.hget(access.metaKey(), 'incarnation');
        if (id === null) throw unavailable(`There is no journal of ${access.dataset}.`);
        return incarnationOf(id, servers);
      });
    },

    init: (epoch) => make(access, epoch),

    open: async ({ epoch, run }) => {
      await move(access, 'open', [epoch, packSeq(run, 0)]);
    },
    advance: async ({ epoch, dropDebtsOf }) => {
      await move(access, 'advance', [epoch, dropDebtsOf ?? '']);
    },
    note: async (number) => {
      await move(access, 'note', [number]);
    },
    close: async (epoch) => {
      await move(access, 'close', [epoch]);
    },
    async discard(epoch) {
      const replies = await move(access, 'discard', [epoch]);
      return replies.reduce((sum, { values }) => sum + Number(values[0] ?? 0), 0);
    },

    async sweep(limit) {
      const left = (await access.runAll('sweep', [0])).map(({ values }) => Number(values[0]));
      for (let swept = 0; swept < limit;) {
        const slot = left.findIndex((keys) => keys > 0);
        if (slot === -1) return 'SWEPT';
        const some = Math.min(limit - swept, SWEEP_KEYS, left[slot] ?? 0);
        const { values } = await access.run('sweep', { slot, args: [some] });
        swept += some;
        left[slot] = Number(values[0]);
      }
      return 'MORE';
    },
  };
}

/** A journal that has lost a slot is left as it is. */
async function move<S extends 'open' | 'advance' | 'note' | 'close' | 'discard'>(
  access: Access,
  name: S,
  args: readonly (string | number)[],
): Promise<readonly Done<S>[]> {
  await access.runAll('stands', []);
  return access.runAll(name, args);
}

/**
 * The journal as a whole is noted first, with its incarnation, then its slots are made, then that they all were: whoever dies half-way
 * leaves something that can be finished. While a run is on, that is, while an incarnation is trusted, what is missing was lost, and nothing
 * is made. Outside a run there is nothing to lose: a journal that lacks a slot is made anew, as another incarnation.
 */
async function make(access: Access, epoch: number): Promise<void> {
  const { trusted } = access;
  if (trusted !== null) {
    await access.runAll('stands', []);
    return;
  }
  const meta = await note(access, '');
  if (meta.made && (await hasAllSlots(access, meta.id))) return;
  const { id } = meta.made ? await note(access, meta.id) : meta;
  await access.bare(
    'make',
    ALL_SLOTS.map((slot) => ({ slot, args: [id, epoch] })),
  );
  await access.guard(null, (client) => client.hset(access.metaKey(), 'made', '1'));
}

async function note(access: Access, replaced: string): Promise<{ readonly id: string; readonly made: boolean }> {
  const [reply] = await access.bare('meta', [{ slot: 0, args: [randomUUID(), JOURNAL_SLOTS, replaced] }]);
  const [id = '', slotCount, made] = reply?.values ?? [];
  if (Number(slotCount) !== JOURNAL_SLOTS) {
    throw unavailable(`The journal of ${access.dataset} was made with ${slotCount} slots, not ${JOURNAL_SLOTS}.`);
  }
  return { id, made: made === '1' };
}

async function hasAllSlots(access: Access, id: string): Promise<boolean> {
  const found = await access.bare(
    'stands',
    ALL_SLOTS.map((slot) => ({ slot, args: [id] })),
  );
  return found.every(({ outcome }) => outcome === 'OK');
}
