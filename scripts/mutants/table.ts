/**
 * The safety mechanisms, each as the edit that takes it out, with the test that has to notice. Where two mechanisms guard against the
 * same interleaving, and the test would pass with either, both are taken out together and the name says so.
 */
import { REDIS } from './redis.ts';

export interface Edit {
  /** From the root of the repository. */
  readonly file: string;
  /** Exactly once in the file. */
  readonly find: string;
  readonly replace: string;
}

export interface Mutant {
  readonly mechanism: string;
  /** The promises of docs/safety.md that rest on it. */
  readonly promises: string;
  readonly edits: readonly Edit[];
  readonly test: string;
  /** A part of the test's name. */
  readonly name: string;
}

const BLOCKERS = 'test/engine/blockers.test.ts';
const FENCES = 'test/engine/protocol/fences.test.ts';
const JOURNAL = 'test/engine/protocol/journal.test.ts';
const READS = 'test/engine/protocol/reads.test.ts';
const ACKNOWLEDGEMENTS = 'test/engine/protocol/acknowledgements.test.ts';
const BACK = 'test/engine/protocol/back.test.ts';
const SWITCHES = 'test/engine/protocol/switches.test.ts';
const POSTGRES = 'test/contract/store.postgres.test.ts';
const CONTROL = 'test/contract/control.sqlite.test.ts';
const VERIFY = 'test/unit/jobs/verify.test.ts';
const MYSQL = 'test/contract/store.mysql.test.ts';

const src = (file: string, find: string, replace: string): Edit => ({ file: `src/migration/${file}`, find, replace });

const fences: readonly Mutant[] = [
  {
    mechanism: 'fence on direct writes',
    promises: 'P1 P7',
    edits: [
      src(
        'stores/sqlite/writer.ts',
        "return this.#fence.guard({ mode: 'DIRECT', epoch }, (c) => {\n      const written",
        'return this.#session.write((c) => {\n      const written',
      ),
    ],
    test: FENCES,
    name: 'fence on direct writes',
  },
  {
    mechanism: 'compare-and-set of direct writes',
    promises: 'P1 P2',
    edits: [src('stores/sqlite/writer.ts', 'c.run(removeExact, seen)) === 1', 'c.run(removeExact, seen)) >= 0')],
    test: FENCES,
    name: 'compare-and-set of direct writes: of two',
  },
  {
    mechanism: 'a direct create only where no row is',
    promises: 'P2',
    edits: [
      src(
        'stores/sqlite/writer.ts',
        'if (this.#exists(c, key)) return false;',
        'if (this.#exists(c, key)) return true;',
      ),
    ],
    test: FENCES,
    name: 'create against create, when both found the key free',
  },
  {
    mechanism: 'waiting for the copy',
    promises: 'P1',
    edits: [src('control/blockers.ts', 'if (checkpoint.complete) return NONE;', 'return NONE;')],
    test: FENCES,
    name: 'the copy is waited for',
  },
  {
    mechanism: 'copy fence',
    promises: 'P1 P7',
    edits: [
      src(
        'stores/sqlite/writer.ts',
        "return this.#fence.guard({ mode: 'COPY', epoch }, (c) => {\n      if (!this.#fence.advance",
        'return this.#session.write((c) => {\n      if (!this.#fence.advance',
      ),
    ],
    test: FENCES,
    name: 'copy fence',
  },
  {
    mechanism: 'new store emptied before a second copy',
    promises: 'P1',
    edits: [src('jobs/prepare.ts', 'await stores.NEW.writer.empty(epoch, size)', "'EMPTY' as string")],
    test: FENCES,
    name: 'emptied before a second copy',
  },
  {
    mechanism: 'new store cleared only behind the fence of the old one',
    promises: 'P1',
    edits: [src('jobs/prepare.ts', " || old.epoch !== epoch || old.mode !== 'DIRECT'", '')],
    test: FENCES,
    name: 'cleared behind a fence',
  },
  {
    mechanism: 'rows in a cleared table are not ours to empty',
    promises: 'P1',
    edits: [src('control/blockers.ts', ' && !isCleared(fence, deployment)', '')],
    test: BLOCKERS,
    name: 'rows that come then are not ours',
  },
  {
    mechanism: 'emptying requires CLOSED',
    promises: 'P1 P7',
    edits: [
      src(
        'stores/sqlite/writer.ts',
        "return this.#fence.guard({ mode: 'CLOSED', epoch }, (c) => {",
        'return this.#session.write((c) => {',
      ),
    ],
    test: FENCES,
    name: 'emptied under CLOSED',
  },
  {
    mechanism: 'steps of a fence are numbered within their epoch',
    promises: 'P1 P7',
    edits: [src('stores/sqlite/fence.ts', ' || (stands.epoch === epoch && stands.step >= step)', '')],
    test: FENCES,
    name: 'steps of a fence are numbered',
  },
  {
    mechanism: 'fences move upwards only',
    promises: 'P1 P5 P7',
    edits: [
      src(
        'stores/sqlite/fence.ts',
        'if (stands && (stands.epoch > epoch || (stands.epoch === epoch && stands.step >= step))) return stands;',
        '',
      ),
    ],
    test: FENCES,
    name: 'upwards-only fences',
  },
  {
    mechanism: 'apply fence with the run',
    promises: 'P1 P7',
    edits: [src('stores/sqlite/fence.ts', 'fence.run === pass.run', 'true')],
    test: FENCES,
    name: 'apply fence with the run',
  },
  {
    mechanism: 'version guard',
    promises: 'P1 P3',
    edits: [src('stores/sqlite/writer.ts', ' where excluded.seq > seq', '')],
    test: FENCES,
    name: 'version guard: an apply',
  },
  {
    mechanism: 'version guard compares the run first',
    promises: 'P1 P3',
    edits: [
      src(
        'stores/sqlite/writer.ts',
        'where excluded.seq > seq',
        'where (excluded.seq & 4294967295) > (seq & 4294967295)',
      ),
    ],
    test: FENCES,
    name: 'version guard, by run first',
  },
];

const journal: readonly Mutant[] = [
  {
    mechanism: 'epoch of the slot at an append',
    promises: 'P1 P3 P7',
    edits: [src('journal/sql/append.ts', ' || Number(slot.epoch) !== append.epoch', '')],
    test: JOURNAL,
    name: 'epoch of the slot at an append',
  },
  {
    mechanism: 'epoch of the slot when it is read, and marks that start with the run',
    promises: 'P1 P2',
    edits: [
      src('writes.ts', 'if (!slot.open || slot.epoch !== epochOf(view.record)) {', 'if (!slot) {'),
      src('journal/sql/slots.ts', 'mark: start, noted_seq', 'noted_seq'),
    ],
    test: JOURNAL,
    name: 'epoch of the slot when it is read',
  },
  {
    mechanism: 'no answer from a slot that stands at an earlier epoch',
    promises: 'P1 P3',
    edits: [src('reads.ts', 'if (epochs.includes(epoch)) continue;', 'continue;')],
    test: JOURNAL,
    name: 'went back to an earlier epoch',
  },
  {
    mechanism: 'mark check',
    promises: 'P1 P2',
    edits: [
      src(
        'journal/sql/append.ts',
        "return 'mark' in expect && expect.mark === Number(slot.mark);",
        "return 'mark' in expect;",
      ),
    ],
    test: JOURNAL,
    name: 'mark check',
  },
  {
    mechanism: 'entry check',
    promises: 'P1 P2',
    edits: [src('journal/sql/append.ts', "'seq' in expect && expect.seq === entry.seq", "'seq' in expect")],
    test: JOURNAL,
    name: 'entry check',
  },
  {
    mechanism: 'write id',
    promises: 'P2',
    edits: [src('journal/sql/append.ts', "if (answered !== null) return { outcome: 'APPENDED', seq: answered };", '')],
    test: JOURNAL,
    name: 'write id',
  },
  {
    mechanism: 'lowest seq lacked is inherited',
    promises: 'P1 P3',
    edits: [
      src(
        'journal/sql/append.ts',
        'before?.debts[role] ?? (append.owedTo.includes(role) ? seq : null)',
        'append.owedTo.includes(role) ? seq : null',
      ),
    ],
    test: JOURNAL,
    name: 'lowest seq lacked is inherited',
  },
  {
    mechanism: '"store has it" goes with the seq',
    promises: 'P1 P3',
    edits: [
      src(
        'journal/sql/entries.ts',
        'if (debtor?.seq !== seq || debtor.debts[role] === null)',
        'if (!debtor || debtor.debts[role] === null)',
      ),
    ],
    test: JOURNAL,
    name: 'goes with the seq',
  },
  {
    mechanism: 'slots move upwards only',
    promises: 'P1 P7',
    edits: [src('journal/sql/slots.ts', 'Number(row.epoch) < epoch)', 'Number(row.epoch) <= epoch)')],
    test: JOURNAL,
    name: 'upwards-only slots',
  },
  {
    mechanism: 'closed slots keep their epoch',
    promises: 'P1 P7',
    edits: [src('journal/sql/slots.ts', 'set({ epoch, open: 0 })', 'set({ epoch: 0, open: 0 })')],
    test: JOURNAL,
    name: 'closed slots keep their epoch',
  },
  {
    mechanism: 'slots of another incarnation are refused',
    promises: 'P1 P3',
    edits: [
      src('journal/sql/access.ts', 'if (this.trusted === null || incarnation === this.trusted) continue;', 'continue;'),
    ],
    test: JOURNAL,
    name: 'another incarnation is refused',
  },
  {
    mechanism: 'the journal is told which incarnation the control record trusts',
    promises: 'P1 P3',
    edits: [src('engine.ts', 'this.#lease.onView((view) => journal.expect(view.record.incarnation));', '')],
    test: JOURNAL,
    name: 'another incarnation is refused',
  },
  {
    mechanism: 'a missing slot is a loss',
    promises: 'P1 P3',
    edits: [
      src(
        'journal/sql/access.ts',
        'if (incarnation === undefined) throw missing(this.dataset, slot);',
        'if (incarnation === undefined) continue;',
      ),
    ],
    test: JOURNAL,
    name: 'slots that are missing',
  },
];

const reads: readonly Mutant[] = [
  {
    mechanism: 'announce barrier',
    promises: 'P3 P4',
    edits: [
      src(
        'control/switch.ts',
        `const answered = await this.#barrier.answered(record, { until, whom: 'ALL' });
    if (answered !== 'DONE') return answered;`,
        '',
      ),
    ],
    test: READS,
    name: 'waits for an instance that has not answered',
  },
  {
    mechanism: 'a silent instance is waited for until its lease is over',
    promises: 'P3',
    edits: [src('control/barrier.ts', 'elapsed <= instance.leaseMs * (1 + DRIFT) + MARGIN_MS', 'elapsed <= MARGIN_MS')],
    test: READS,
    name: 'silent the whole lease',
  },
  {
    mechanism: 'a lease ends',
    promises: 'P3',
    edits: [src('control/view.ts', 'return this.#elapsed() < this.#leaseMs;', 'return true;')],
    test: READS,
    name: 'silent the whole lease',
  },
  {
    mechanism: 'a lease is counted by monotonic time',
    promises: 'P3',
    edits: [src('control/view.ts', 'this.#clock.monotonic() - this.#asked.monotonic, ', '')],
    test: READS,
    name: 'monotonic time while the wall clock is set back',
  },
  {
    mechanism: 'a lease is counted by wall time too',
    promises: 'P3',
    edits: [src('control/view.ts', ', this.#clock.wall() - this.#asked.wall)', ')')],
    test: READS,
    name: 'wall time while the machine sleeps',
  },
  {
    mechanism: 'a record that is heard of does not lengthen the lease',
    promises: 'P3',
    edits: [
      src(
        'control/lease.ts',
        'this.#adopt(record, known.asked);',
        'this.#adopt(record, { monotonic: this.#options.clock.monotonic(), wall: this.#options.clock.wall() });',
      ),
    ],
    test: READS,
    name: 'heard of is gone by at once',
  },
  {
    mechanism: 'a lease is counted from before it was asked for',
    promises: 'P3',
    edits: [
      src(
        'control/lease.ts',
        'return this.#adopt(record, asked);',
        'return this.#adopt(record, { monotonic: clock.monotonic(), wall: clock.wall() });',
      ),
    ],
    test: READS,
    name: 'counted from before it was asked for',
  },
  {
    mechanism: 'an instance answers when no older operation is left in it',
    promises: 'P3 P4',
    edits: [
      src('control/lease.ts', 'if (view.operations > 0 && view.valid()) answer', 'if (view.operations < 0) answer'),
    ],
    test: READS,
    name: 'one operation, one state',
  },
  {
    mechanism: 'lease checked again after the store answered',
    promises: 'P3 P4',
    edits: [
      src('reads.ts', 'const answer = await read();\n    this.#checkLease();\n    return answer;', 'return read();'),
      src('reads.ts', 'this.#checkLease();\n    return found;', 'return found;'),
    ],
    test: READS,
    name: 'lease checked again after the store answered',
  },
  {
    mechanism: 'a stopped instance ends its lease',
    promises: 'P3',
    edits: [src('control/lease.ts', 'for (const view of this.#views) view.end();', '')],
    test: READS,
    name: 'a stopped instance answers nothing',
  },
  {
    mechanism: 'journal before store, by key',
    promises: 'P3',
    edits: [
      src(
        'reads.ts',
        '  if (overlay) {\n    const { entries, slots } = await journal.read(addresses);',
        `  const early = new Map<string, Awaited<ReturnType<Store['reader']['load']>>>();
  for (const [role, of] of Map.groupBy(addresses, ({ bucket }) => authorityOf(place, bucket)))
    early.set(role, await stores[role].reader.load(of.map(({ key }) => key)));
  if (overlay) {
    const { entries, slots } = await journal.read(addresses);`,
      ),
      src(
        'reads.ts',
        'const rows = await stores[role].reader.load(wanted.map(({ key }) => key));',
        'const rows = new Map([...(early.get(role) ?? [])].filter(([key]) => wanted.some((address) => address.key === key)));',
      ),
    ],
    test: READS,
    name: 'a row whose entry leaves',
  },
  {
    mechanism: 'journal before store, in lists',
    promises: 'P3',
    edits: [
      src(
        'reads.ts',
        'const entries = await this.#entries(after, chunk, query.filter);',
        `const early = await this.#storePage(source, { after, upTo: null }, limit, query.filter);
      const entries = await this.#entries(after, chunk, query.filter);`,
      ),
      src(
        'reads.ts',
        'const rows = await this.#storePage(source, { after, upTo }, wanted, query.filter);',
        'const rows = early;',
      ),
    ],
    test: READS,
    name: 'a list whose entry leaves',
  },
  {
    mechanism: 'lists on the way to OLD or NEW come from the store that stays',
    promises: 'P3',
    edits: [
      src('control/situation.ts', 'if (stays) return', 'if (stays && !overlaid) return'),
      src('control/situation.ts', '  const ending = current', '  const overlaid = true;\n  const ending = current'),
    ],
    test: READS,
    name: 'on the way to OLD a list reads the store that stays',
  },
];

const acknowledgements: readonly Mutant[] = [
  {
    mechanism: 'an acknowledgement needs a running lease',
    promises: 'P3',
    edits: [src('control/lease.ts', 'return this.#current?.valid() ? this.#current : null;', 'return this.#current;')],
    test: ACKNOWLEDGEMENTS,
    name: 'acknowledgement under a running lease',
  },
  {
    mechanism: 'from the announce on a key that moves needs both stores',
    promises: 'P3',
    edits: [
      src(
        'control/situation.ts',
        "if (current && moves(record.place, current.to, bucket)) return { when: 'APPLIED', by: ['OLD', 'NEW'] };",
        '',
      ),
    ],
    test: ACKNOWLEDGEMENTS,
    name: 'acknowledged when both stores have it',
  },
  {
    mechanism: 'drain before the authority moves',
    promises: 'P3',
    edits: [src('control/switch.ts', "if (!gains) return 'DONE';", "return 'DONE';")],
    test: ACKNOWLEDGEMENTS,
    name: 'drain before the authority moves',
  },
  {
    mechanism: 'in the flip to MIGRATING the append alone is acknowledged',
    promises: 'P5',
    edits: [
      src(
        'control/situation.ts',
        "write.acknowledge === 'APPENDED' ? []",
        "write.acknowledge === 'APPENDED' && !current ? []",
      ),
    ],
    test: ACKNOWLEDGEMENTS,
    name: 'the append alone is acknowledged',
  },
  {
    mechanism: 'a write does not wait for the store that is not the authority',
    promises: 'P5 P6',
    edits: [src('home.ts', 'const { by } = rule;', 'const by = applyTargets(view.record, rule);')],
    test: ACKNOWLEDGEMENTS,
    name: 'not the authority and hangs',
  },
  {
    mechanism: 'replay of one store does not wait for the other',
    promises: 'P5 P6',
    edits: [
      src(
        'jobs/sharing.ts',
        'const replays = STORE_ROLES.map((role) => [jobOf(role), replayHere(ctx, queue, role)] as const);',
        `const [old, next] = STORE_ROLES.map((role) => replayHere(ctx, queue, role));
  const replays = [['replay', async (signal) => (await next(signal), old(signal))]] as const;`,
      ),
    ],
    test: ACKNOWLEDGEMENTS,
    name: 'not the authority and hangs',
  },
  {
    mechanism: 'no restart after the append',
    promises: 'P2',
    edits: [
      src(
        'writes.ts',
        'await seeHome(devices, { address, seq: appended.seq, image }, write);',
        `if (devices.lease.peek() !== view) return 'AGAIN';
  await seeHome(devices, { address, seq: appended.seq, image }, write);`,
      ),
    ],
    test: ACKNOWLEDGEMENTS,
    name: 'no restart after the append',
  },
  {
    mechanism: 'nothing is written after the deadline',
    promises: 'P7',
    edits: [
      src('writes.ts', 'goOnInTime(devices, write);\n  const outcome', 'const outcome'),
      src('writes.ts', 'goOnInTime(devices, write);\n  const appended', 'const appended'),
    ],
    test: ACKNOWLEDGEMENTS,
    name: 'nothing is written after the deadline',
  },
  {
    mechanism: 'the drain of a flip, before what is left is dropped',
    promises: 'P1',
    edits: [src('control/flip.ts', 'await drainInto(context, record, step.into, epoch);', '')],
    test: ACKNOWLEDGEMENTS,
    name: 'no restart after the append',
  },
  {
    mechanism: 'a refusal that rests on an entry sees it home',
    promises: 'P2 P3',
    edits: [src('writes.ts', '? await isHome(devices, { address, ...entry }, write)', '? true')],
    test: ACKNOWLEDGEMENTS,
    name: 'rests on an entry sees it home',
  },
  {
    mechanism: 'a refusal that rests on a row looks at the slot again',
    promises: 'P2 P3',
    edits: [src('writes.ts', '!(await hasChanged(devices, address, slot)) && ', '')],
    test: ACKNOWLEDGEMENTS,
    name: 'rests on a row looks at the slot again',
  },
];

const switches: readonly Mutant[] = [
  {
    mechanism: 'the way back asks for the fence of the new store only if it answers',
    promises: 'P6',
    edits: [src('states.ts', "fenceIfUp('NEW', 'CLOSED')", "fence('NEW', 'CLOSED')")],
    test: BACK,
    name: 'back to OLD from DUAL(0)',
  },
  {
    mechanism: 'DUAL(0) asks for what the old store lacks alone',
    promises: 'P6',
    edits: [
      src(
        'states.ts',
        "{ from: 'CATCHING_UP', to: 'DUAL', toPercent: 0,\n    needs: [up('OLD'), journalUp, caughtUp('OLD')],",
        "{ from: 'CATCHING_UP', to: 'DUAL', toPercent: 0,\n    needs: [up('OLD'), journalUp, caughtUp('OLD'), up('NEW'), caughtUp('NEW')],",
      ),
    ],
    test: BACK,
    name: 'back to OLD from CATCHING_UP',
  },
  {
    mechanism: 'the flip to MIGRATING asks nothing of the new store',
    promises: 'P6',
    edits: [
      src('states.ts', "flip: [fence('OLD', 'CLOSED'), {", "flip: [fence('OLD', 'CLOSED'), fence('NEW', 'CLOSED'), {"),
    ],
    test: BACK,
    name: 'to MIGRATING, which then asks nothing of it',
  },
  {
    mechanism: 'the flip to CATCHING_UP asks for the fence of the new store only if it answers',
    promises: 'P6',
    edits: [src('states.ts', "fenceIfUp('NEW', 'APPLY')", "fence('NEW', 'APPLY')")],
    test: BACK,
    name: 'its fence follows when it is back',
  },
  {
    mechanism: 'a new store that missed its fence gets it later',
    promises: 'P6',
    edits: [src('jobs/prepare.ts', "if (replaysInto(record, 'NEW')) return admitReplay(ctx, record, run);", '')],
    test: BACK,
    name: 'its fence follows when it is back',
  },
  {
    mechanism: 'what only the new store lacks is dropped on the way to OLD',
    promises: 'P3',
    edits: [src('control/flip.ts', 'return journal.discard(epoch);', 'return 0;')],
    test: BACK,
    name: 'dropped before the old one takes direct writes',
  },
  {
    mechanism: 'what the store that stays refused is not dropped',
    promises: 'P1',
    edits: [src('control/flip.ts', 'if (fence && fence.epoch >= epoch) return;', 'return;')],
    test: BACK,
    name: 'nothing is dropped while the store that stays does not admit',
  },
  {
    mechanism: 'the journal is closed before it is drained',
    promises: 'P1 P3',
    edits: [src('control/flip.ts', 'await journal.close(epoch);', '')],
    test: BACK,
    name: 'dropped before the old one takes direct writes',
  },
  {
    mechanism: 'the old store is drained for a bounded time on the way to NEW',
    promises: 'P5 P6',
    edits: [
      src(
        'control/flip.ts',
        'if (step.also) await drainOutOfCourtesy(context, record, step.also);',
        'if (step.also) await drainInto(context, record, step.also, epoch);',
      ),
    ],
    test: BACK,
    name: 'with the old store given up',
  },
  {
    mechanism: 'a cancel does not give its number back',
    promises: 'P3',
    edits: [src('control/switch.ts', 'lastNumber: record.lastNumber + 1,', 'lastNumber: record.lastNumber - 1,')],
    test: SWITCHES,
    name: 'a cancel takes a number of its own',
  },
  {
    mechanism: 'a cancel leaves the epoch in force alone',
    promises: 'P5',
    edits: [
      src(
        'control/switch.ts',
        'lastNumber: record.lastNumber + 1,',
        'lastNumber: record.lastNumber + 1,\n        epoch: record.lastNumber + 1,',
      ),
    ],
    test: SWITCHES,
    name: 'a cancel leaves fences, slots and the epoch',
  },
  {
    mechanism: 'the move to FLIP is a compare-and-set on what was announced',
    promises: 'P3 P7',
    edits: [
      src(
        'control/switch.ts',
        `await this.#devices.control.compareAndSet(record.revision, {
      ...record,
      revision: record.revision + 1,
      run: opens`,
        `const { revision } = await this.#read();
    await this.#devices.control.compareAndSet(revision, {
      ...record,
      revision: revision + 1,
      run: opens`,
      ),
    ],
    test: SWITCHES,
    name: 'a cancel leaves fences, slots and the epoch',
  },
  {
    mechanism: 'a cancelled switch is told from one that settled',
    promises: 'P5',
    edits: [
      src(
        'control/switch.ts',
        "if (last?.epoch !== number) return { outcome: 'CANCELLED', waitedFor };",
        "if (record.epoch < number) return { outcome: 'CANCELLED', waitedFor };",
      ),
    ],
    test: SWITCHES,
    name: 'whose switch was cancelled is told so',
  },
  {
    mechanism: 'a switch that waits too long cancels itself',
    promises: 'P5',
    // It goes on waiting, and does not keep everybody else from working meanwhile.
    edits: [src('control/switch.ts', 'await this.cancel(number);', 'await this.#devices.clock.delay(20);')],
    test: SWITCHES,
    name: 'a switch that waits too long cancels itself',
  },
  {
    mechanism: 'takeover of a switch whose driver died, in ANNOUNCE',
    promises: 'P5 P6',
    edits: [src('engine.ts', 'takeover.start();', '')],
    test: SWITCHES,
    name: 'takeover: in ANNOUNCE',
  },
  {
    mechanism: 'takeover of a switch whose driver died, in FLIP',
    promises: 'P5 P6',
    edits: [src('engine.ts', 'takeover.start();', '')],
    test: SWITCHES,
    name: 'takeover: in FLIP',
  },
  {
    mechanism: 'takeover of a switch whose driver died, in SETTLE',
    promises: 'P5 P6',
    edits: [src('engine.ts', 'takeover.start();', '')],
    test: SWITCHES,
    name: 'takeover: in SETTLE',
  },
  {
    mechanism: 'a pin of the business logic waits until everybody goes by it',
    promises: 'P4',
    edits: [src('operator.ts', 'await devices.driver.everybodyHasSeen(record);', '')],
    test: SWITCHES,
    name: 'a pin is in force everywhere',
  },
];

const streams: readonly Mutant[] = [
  {
    mechanism: 'copy fence of a streamed batch',
    promises: 'P1 P7',
    edits: [
      src(
        'stores/postgres/copier.ts',
        "fence.guard<StreamOutcome>({ mode: 'COPY', epoch }, async (c) => {",
        "fence.guard<StreamOutcome>({ mode: 'CLOSED', epoch }, async (c) => {",
      ),
    ],
    test: POSTGRES,
    name: 'from elsewhere, or past the fence',
  },
  {
    mechanism: 'compare-and-set of the checkpoint by a streamed batch',
    promises: 'P1',
    edits: [
      src(
        'stores/postgres/copier.ts',
        "if (!(await fence.lockCheckpoint(c, epoch, from))) return 'MOVED';",
        'await fence.lockCheckpoint(c, epoch, from);',
      ),
    ],
    test: POSTGRES,
    name: 'from elsewhere, or past the fence',
  },
  {
    mechanism: 'a batch of which a row was refused is undone',
    promises: 'P1',
    edits: [src('stores/mysql/copier.ts', 'if (warnings > 0 || rows !== batch.copied)', 'if (warnings < 0)')],
    test: MYSQL,
    name: 'a key that has a row undoes the batch',
  },
  {
    mechanism: 'a copier that stands still in the middle of a batch is ended',
    promises: 'P5 P7',
    edits: [src('stores/postgres/fence.ts', '(await this.#endStalled()) === 0', 'true')],
    test: 'test/contract/postgres-specifics.test.ts',
    name: 'that stands still is ended',
  },
];

const shared: readonly Mutant[] = [
  {
    mechanism: 'a verification whose ranges leave keys out is never clean',
    promises: 'P1',
    edits: [
      src('control/sql/verifications.ts', 'if (coversEverything(ranges)) return', 'if (ranges.length > 0) return'),
    ],
    test: CONTROL,
    name: 'a run whose ranges leave keys out',
  },
  {
    mechanism: 'a verification has ended when every one of its ranges is covered',
    promises: 'P1',
    edits: [
      src('control/sql/verifications.ts', 'if (!ranges.every(({ covered }) => covered)) return run;', ''),
      src(
        'control/coverage.ts',
        'isNext && goesUp && covered && (upTo === null || position === upTo)',
        'isNext && goesUp',
      ),
    ],
    test: VERIFY,
    name: 'is not clean while one range was never covered',
  },
  {
    mechanism: 'what was covered counts for its own verification alone',
    promises: 'P1 P7',
    edits: [
      src(
        'control/sql/verifications.ts',
        'if (newest?.number !== number || newest.epoch !== epoch) return null;',
        'if (!newest || number + epoch < 0) return null;',
      ),
    ],
    test: CONTROL,
    name: 'whoever is late with the old one changes nothing',
  },
  {
    mechanism: 'compare-and-set of the position in a range of a verification',
    promises: 'P7',
    edits: [src('control/sql/ranges.ts', ", same('position', from.position)]", ']')],
    test: CONTROL,
    name: 'of two that go on from one position of a range one wins',
  },
  {
    mechanism: 'a run of verify belongs to the run of the journal in which it began',
    promises: 'P1',
    edits: [src('jobs/verify.ts', ' || record.run > row.epoch', '')],
    test: VERIFY,
    name: 'fails when the dataset leaves DUAL',
  },
];

export const MUTANTS: readonly Mutant[] = [
  ...fences,
  ...journal,
  ...reads,
  ...acknowledgements,
  ...switches,
  ...streams,
  ...shared,
  ...REDIS,
];
