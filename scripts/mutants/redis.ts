/** What the scripts of the journal in Redis rest on. */
import type { Edit, Mutant } from './table.ts';

const CONTRACT = 'test/contract/journal.redis.test.ts';
const SERVERS = 'test/contract/journal.redis-servers.test.ts';

const script = (name: string, find: string, replace: string): Edit => ({
  file: `src/migration/journal/redis/scripts/${name}.lua`,
  find,
  replace,
});

interface Taken {
  readonly promises: string;
  readonly edits: readonly Edit[];
  /** Of the contract, or of the servers' own tests. */
  readonly name: string;
  readonly test?: string;
}

const mutant = (mechanism: string, { test = CONTRACT, ...taken }: Taken): Mutant => ({
  mechanism: `journal in Redis: ${mechanism}`,
  test,
  ...taken,
});

const appends: readonly Mutant[] = [
  mutant('an append belongs to the epoch of its slot', {
    promises: 'P1 P7',
    edits: [script('append', "found[3] ~= '1' or found[2] ~= ARGV[at - 2]", "found[3] ~= '1'")],
    name: 'wants the slot open and at the same epoch',
  }),
  mutant('a closed slot takes no append', {
    promises: 'P1 P3',
    edits: [script('append', "found[3] ~= '1' or found[2] ~= ARGV[at - 2]", 'found[2] ~= ARGV[at - 2]')],
    name: 'wants the slot open and at the same epoch',
  }),
  mutant('an append expects the entry that was read', {
    promises: 'P1 P2',
    edits: [script('append', "(before and 's' .. before.seq or mark)", '(before and ARGV[a + 2] or mark)')],
    name: 'wants the entry that was read',
  }),
  mutant('an append expects the mark that was read where no entry was', {
    promises: 'P1 P2',
    edits: [
      script('append', "(before and 's' .. before.seq or mark)", "(before and 's' .. before.seq or ARGV[a + 2])"),
    ],
    name: 'wants the mark that was read where no entry was',
  }),
  mutant('a repeated write gets its first answer', {
    promises: 'P2',
    edits: [script('append', 'local answered = recent[i] or older[i]', 'local answered = false')],
    name: 'gives the first answer to a repeated write',
  }),
  mutant('answers are still found when the hashes have taken turns', {
    promises: 'P2',
    edits: [script('append', 'local answered = recent[i] or older[i]', 'local answered = recent[i]')],
    test: SERVERS,
    name: 'answers to writes are kept for as long as was asked for',
  }),
  mutant('an entry that replaces another keeps the lowest seq that a store lacks', {
    promises: 'P1',
    edits: [
      script('append', "owed ~= '' and not lacks.OLD then", "owed ~= '' then"),
      script('append', "owed ~= '' and not lacks.NEW then", "owed ~= '' then"),
    ],
    name: 'keeps the older debts of an entry that it replaces',
  }),
  mutant('an entry stays listed under the values that it had', {
    promises: 'P3',
    edits: [script('append', 'names = before.names', "names = ''")],
    name: 'lists an entry under all values it has had',
  }),
  mutant('a seq is never one of another run', {
    promises: 'P1',
    edits: [script('append', 'elseif FULL or (last + 1) % COUNTERS == 0 then', 'elseif FULL then')],
    test: SERVERS,
    name: 'seqs of a run used up',
  }),
  mutant('appends are refused before the memory is used up', {
    promises: 'P1',
    edits: [script('append', 'elseif FULL or (last', 'elseif (last')],
    test: SERVERS,
    name: 'nearly used up: appends are refused',
  }),
];

const notes: readonly Mutant[] = [
  mutant('a debt is cleared of the seq that was applied alone', {
    promises: 'P1',
    edits: [script('applied', "string.sub(packed[n], 1, #ARGV[i + 1] + 1) == ARGV[i + 1] .. ' '", 'true')],
    name: 'clears nothing of an entry that has been replaced',
  }),
  mutant('an entry that leaves raises the mark', {
    promises: 'P1 P2',
    edits: [script('applied', "if mark > slot.mark then redis.call('HSET', SLOT, 'mark', digits(mark)) end", '')],
    name: 'wants the mark that was read where no entry was',
  }),
  mutant('a mark is never lowered', {
    promises: 'P1 P2',
    edits: [
      script('applied', 'mark = math.max(mark, tonumber(ARGV[i + 1]))', 'mark = tonumber(ARGV[i + 1])'),
      script('applied', 'if mark > slot.mark then', 'if #leaving > 0 then'),
    ],
    name: 'never lowers a mark',
  }),
  mutant('many names of entries that leave are removed a few thousand at a time', {
    promises: 'P3 P6',
    edits: [script('common', "piecewise('ZREM', INDEX, indexed)", "redis.call('ZREM', INDEX, unpack(indexed))")],
    test: SERVERS,
    name: 'many entries with many names leave together',
  }),
  mutant('an entry is left to the writer that looks after it', {
    promises: 'P4',
    edits: [script('owed', "tonumber(string.match(text, '^%d+ %d+ (%d+)')) <= now", 'true')],
    name: 'are handed out oldest first',
  }),
];

const slots: readonly Mutant[] = [
  mutant('a slot of another incarnation answers nothing', {
    promises: 'P1 P3',
    edits: [
      script('common', "if incarnation ~= '' and incarnation ~= found[1] then return nil, {'OTHER', found[1]} end", ''),
    ],
    test: SERVERS,
    name: 'in its place, with a journal of the same dataset at the same epoch',
  }),
  mutant('a slot of another incarnation takes nothing', {
    promises: 'P1 P3',
    edits: [
      script(
        'append',
        "elseif INCARNATION ~= '' and INCARNATION ~= found[1] then refusal = {'OTHER', found[1]} end",
        'end',
      ),
    ],
    test: SERVERS,
    name: 'in its place, with a journal of the same dataset at the same epoch',
  }),
  mutant('debts of a store that are dropped count no more', {
    promises: 'P1 P3',
    edits: [script('common', '(dropped.NEW == 0 or tonumber(score) > dropped.NEW) and score', 'score')],
    name: 'advance drops the debts of a store',
  }),
  mutant('dropping debts raises the mark', {
    promises: 'P1 P2',
    edits: [script('advance', "'mark', digits(slot.last), ", '')],
    name: 'a key whose entry was dropped is as new: by dropping its last debt',
  }),
  mutant('opening moves upwards only', {
    promises: 'P1 P5 P7',
    edits: [script('open', "if slot.epoch >= epoch then return {'STANDS'} end", '')],
    name: 'open drops everything and starts the run, upwards only',
  }),
  mutant('advancing moves upwards only', {
    promises: 'P1 P5 P7',
    edits: [script('advance', "if slot.epoch >= tonumber(ARGV[2]) then return {'STANDS'} end", '')],
    name: 'advance moves the epoch and keeps all else, upwards only',
  }),
  mutant('closing moves upwards only', {
    promises: 'P1 P5 P7',
    edits: [script('close', "if slot.epoch >= tonumber(ARGV[2]) then return {'STANDS'} end", '')],
    name: 'close keeps epoch and entries, upwards only',
  }),
  mutant('a counter is noted once under a number', {
    promises: 'P5',
    edits: [script('note', "if slot.number >= tonumber(ARGV[2]) then return {'STANDS'} end", '')],
    name: 'are counted, all or those up to the noted counters',
  }),
  mutant('only a slot that is closed at the epoch is emptied', {
    promises: 'P1',
    edits: [script('discard', "if slot.open or slot.epoch ~= tonumber(ARGV[2]) then return {'STANDS'} end", '')],
    name: 'discard drops the entries of slots that are closed at the epoch',
  }),
  mutant('what was dropped is swept without what came after it', {
    promises: 'P1',
    edits: [
      script('sweep', 'not old_debt(scores[2 * i - 1], dropped) and not new_debt(scores[2 * i], dropped)', 'true'),
    ],
    name: 'sweeping changes nothing that can be seen',
  }),
];

export const REDIS: readonly Mutant[] = [...appends, ...notes, ...slots];
