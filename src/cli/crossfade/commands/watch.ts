import { setTimeout as delay } from 'node:timers/promises';
import { MultiBar, Presets, type SingleBar } from 'cli-progress';
import type { Command, Context } from '../command.ts';
import { text } from '../command.ts';
import { describeCopy, describeVerification, headline } from '../describe.ts';
import { CommandFailure } from '../exit.ts';
import { wholeNumber } from '../numbers.ts';
import { readStatus, type Status } from '../status.ts';

const UNTIL = {
  copied: ({ copy }: Status) => copy?.complete ?? false,
  verified: ({ verification }: Status) => verification !== null && !verification.running,
  settled: ({ settled }: Status) => settled,
} as const;
const LOOK_MS = 1000;

/** Ends by itself with `--until`, else when the user ends it. A server that is away is waited for. */
export const watch: Command = {
  name: 'watch',
  meaning: 'live progress of copy and verification, until it is ended',
  options: [
    { flags: '--until <what>', meaning: 'end when this is so', choices: Object.keys(UNTIL) },
    { flags: '--every <milliseconds>', meaning: `between two looks, 100 to 60000; ${LOOK_MS} if not given` },
  ],
  changes: false,
  run: async (context, given) => {
    const until = text(given, 'until');
    const everyMs = wholeNumber(given, 'every', 100, 60_000) ?? LOOK_MS;
    const reached = Object.entries(UNTIL).find(([name]) => name === until)?.[1] ?? (() => false);
    const screen = context.terminal && !context.json ? bars() : changes(context);
    try {
      for (let last: Status | null = null; ;) {
        last = await look(context, screen.say);
        if (last) screen.show(last);
        if (context.signal.aborted || (last && reached(last)))
          // Elsewhere than on a terminal the last line has said it.
          return { json: last, lines: last && context.terminal ? [headline(last)] : [] };
        await delay(everyMs, undefined, { signal: context.signal }).catch(() => undefined);
      }
    } finally {
      screen.end();
    }
  },
};

async function look(context: Context, say: (line: string) => void): Promise<Status | null> {
  try {
    return await readStatus(context);
  } catch (error) {
    if (!(error instanceof CommandFailure) || error.exit !== 'FAILED') throw error;
    say(error.message);
    return null;
  }
}

interface Screen {
  say(line: string): void;
  show(status: Status): void;
  end(): void;
}

function bars(): Screen {
  const format = ' {name} {bar} {percentage}% | {value}/{total} rows';
  const multi = new MultiBar({ format, hideCursor: true, clearOnComplete: false }, Presets.shades_classic);
  const shown = new Map<string, SingleBar>();
  const draw = (name: string, done: number, total: number): void => {
    const bar = shown.get(name) ?? multi.create(total, 0, { name: name.padEnd(8) });
    shown.set(name, bar);
    bar.setTotal(Math.max(total, 1));
    bar.update(Math.min(done, total));
  };
  const say = once((line) => void multi.log(`${line}\n`));
  return {
    say,
    show: (status) => {
      say(headline(status));
      const { copy, verification } = status;
      if (copy) draw('copied', copy.copied + copy.quarantined, copy.total);
      if (verification) draw('verified', verification.checked, verification.total);
    },
    end: () => multi.stop(),
  };
}

/** A line for each change. */
function changes({ say }: Context): Screen {
  const tell = once((line, json) => say(line, json));
  return {
    say: (line) => tell(line, { unanswered: line }),
    show: (status) => {
      const { copy, verification } = status;
      const parts = [
        headline(status),
        copy && `copy ${describeCopy(copy)}`,
        verification && `verified ${describeVerification(verification)}`,
      ];
      tell(parts.filter((part) => part !== null).join(' '), status);
    },
    end: () => {},
  };
}

/** Says a line only when it is another one than before. */
function once(say: (line: string, json?: unknown) => void): (line: string, json?: unknown) => void {
  let last = '';
  return (line, json) => {
    if (line !== last) say(line, json);
    last = line;
  };
}
