/** The lists, one at a time: only the one that is looked at is asked for. */
import { useId, useRef, useState } from 'preact/hooks';
import type { Board } from '../session/board.ts';
import { count } from '../words/format.ts';
import { Differences } from './differences.tsx';
import { History } from './history.tsx';
import { Instances } from './instances.tsx';
import { Quarantine } from './quarantine.tsx';
import type { PanelProps } from './use-session.ts';

const TABS = ['Differences', 'Quarantine', 'History', 'Instances'] as const;
type Tab = (typeof TABS)[number];

/** Arrow keys go from tab to tab, as the pattern of ARIA has it. */
const STEPS: Readonly<Record<string, number>> = { ArrowLeft: -1, ArrowRight: 1 };

export function Records({ board, now }: PanelProps) {
  const [tab, setTab] = useState<Tab>('History');
  const id = useId();
  const tablist = useRef<HTMLDivElement>(null);
  const go = (event: KeyboardEvent): void => {
    const step = STEPS[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const at = (TABS.indexOf(tab) + step + TABS.length) % TABS.length;
    const next = TABS[at];
    if (next) setTab(next);
    tablist.current?.querySelectorAll('button')[at]?.focus();
  };
  return (
    <section class="panel records">
      <div class="tabs" role="tablist" aria-label="Records" ref={tablist} onKeyDown={go}>
        {TABS.map((name) => (
          <button
            key={name}
            type="button"
            role="tab"
            id={`${id}-${name}`}
            aria-selected={tab === name}
            aria-controls={`${id}-panel`}
            tabIndex={tab === name ? 0 : -1}
            onClick={() => setTab(name)}
          >
            {name} <span class={`badge ${alarming(board, name) ? 'warn' : ''}`}>{size(board, name)}</span>
          </button>
        ))}
      </div>
      <div role="tabpanel" id={`${id}-panel`} aria-labelledby={`${id}-${tab}`} class="tabpanel">
        {tab === 'Differences' && <Differences board={board} now={now} />}
        {tab === 'Quarantine' && <Quarantine board={board} />}
        {tab === 'History' && <History board={board} now={now} />}
        {tab === 'Instances' && <Instances board={board} now={now} />}
      </div>
    </section>
  );
}

function size(board: Board, tab: Tab): string {
  const total = {
    Differences: board.differences?.total,
    Quarantine: board.quarantine?.total,
    History: board.history?.total,
    Instances: board.now.instances.length,
  }[tab];
  return total === undefined ? '?' : count(total);
}

function alarming({ differences, quarantine }: Board, tab: Tab): boolean {
  if (tab === 'Differences') return (differences?.total ?? 0) > 0;
  return tab === 'Quarantine' && (quarantine?.total ?? 0) > 0;
}
