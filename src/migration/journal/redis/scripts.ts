/**
 * The scripts: every step of the journal is one, so that it is atomic on its server. Each is a file in `scripts`, whose header says what
 * this table says again for the compiler and the loader; a test holds them against each other.
 */
import { readFileSync } from 'node:fs';

/** What a slot's keys are called behind the hash tag; common.lua says what each holds. */
export const SLOT_KEYS = ['slot', 'debts', 'index', 'write0', 'write1'] as const;
export type SlotKey = (typeof SLOT_KEYS)[number];
export type KeyName = SlotKey | 'meta';

interface ScriptForm {
  readonly keys: readonly KeyName[];
  readonly outcomes: readonly string[];
  /** It takes these keys of any number of slots. */
  readonly ofMany?: true;
}

/** The slot is not there, or of another incarnation than the expected one: it answers nothing. */
const UNTRUSTED = ['MISSING', 'OTHER'] as const;
const DEBTS = ['slot', 'debts'] as const;
const ENTRIES = [...DEBTS, 'index'] as const;

export const SCRIPTS = {
  append: { keys: SLOT_KEYS, outcomes: ['APPENDED', 'CHANGED', 'FENCED', 'FULL', ...UNTRUSTED], ofMany: true },
  applied: { keys: ENTRIES, outcomes: ['DONE', ...UNTRUSTED] },
  read: { keys: DEBTS, outcomes: ['OK', ...UNTRUSTED] },
  page: { keys: ENTRIES, outcomes: ['OK', ...UNTRUSTED] },
  owed: { keys: DEBTS, outcomes: ['OK', ...UNTRUSTED] },
  counts: { keys: DEBTS, outcomes: ['OK', ...UNTRUSTED] },
  meta: { keys: ['meta'], outcomes: ['OK'] },
  make: { keys: ENTRIES, outcomes: ['MADE', 'STANDS'] },
  stands: { keys: ['slot'], outcomes: ['OK', ...UNTRUSTED] },
  open: { keys: ENTRIES, outcomes: ['DONE', 'STANDS', ...UNTRUSTED] },
  advance: { keys: DEBTS, outcomes: ['DONE', 'STANDS', ...UNTRUSTED] },
  note: { keys: ['slot'], outcomes: ['DONE', 'STANDS', ...UNTRUSTED] },
  close: { keys: ['slot'], outcomes: ['DONE', 'STANDS', ...UNTRUSTED] },
  discard: { keys: ENTRIES, outcomes: ['DONE', 'STANDS', ...UNTRUSTED] },
  sweep: { keys: ENTRIES, outcomes: ['OK', ...UNTRUSTED] },
} as const satisfies Readonly<Record<string, ScriptForm>>;

export type ScriptName = keyof typeof SCRIPTS;
export type Outcome<S extends ScriptName> = (typeof SCRIPTS)[S]['outcomes'][number];

/** The method under which a client knows a script. */
export function methodOf(name: ScriptName): string {
  return `crossfade_${name}`;
}

/** All scripts as the `scripts` option of a client takes them. */
export function loadScripts(): Record<string, { readonly lua: string; readonly numberOfKeys?: number }> {
  const common = read('common');
  const names = Object.keys(SCRIPTS).filter((name): name is ScriptName => name in SCRIPTS);
  return Object.fromEntries(
    names.map((name) => {
      const [first = '', ...rest] = read(name).split('\n');
      const lua = [first, common, ...rest].join('\n');
      const { keys, ofMany }: ScriptForm = SCRIPTS[name];
      return [methodOf(name), ofMany ? { lua } : { lua, numberOfKeys: keys.length }];
    }),
  );
}

function read(name: string): string {
  return readFileSync(new URL(`./scripts/${name}.lua`, import.meta.url), 'utf8');
}
