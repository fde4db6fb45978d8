/** Buttons that ask the server for something: busy meanwhile, disabled with the reason where the token may only look. */
import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { problemOf, type Problem } from '../session/problem.ts';
import { useView } from './use-session.ts';

export const READ_ONLY = 'This token may look and not change anything (scope migration:read).';

interface ButtonProps {
  readonly children: ComponentChildren;
  readonly onClick: () => void;
  readonly kind?: 'primary' | 'plain';
  /** Why it can't be pressed; empty: it can. */
  readonly barred?: string;
  readonly busy?: boolean;
  readonly label?: string;
}

export function Button({ children, onClick, kind = 'plain', barred = '', busy = false, label }: ButtonProps) {
  const { rights, lost } = useView();
  const why = rights === 'READ' ? READ_ONLY : lost ? 'The server does not answer.' : barred;
  return (
    <button
      type="button"
      class={kind}
      onClick={onClick}
      disabled={why !== '' || busy}
      title={why === '' ? undefined : why}
      aria-busy={busy}
      aria-label={label}
    >
      {children}
    </button>
  );
}

export interface Doing {
  readonly busy: boolean;
  readonly problem: Problem | null;
  run(work: () => Promise<void>): void;
}

/** Runs one thing at a time and keeps what went wrong, for whoever shows it. */
export function useDoing(): Doing {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const mounted = useRef(true);
  useEffect(() => {
    mounted.current = true;
    return () => {
      mounted.current = false;
    };
  }, []);
  const run = async (work: () => Promise<void>): Promise<void> => {
    setBusy(true);
    setProblem(null);
    try {
      await work();
    } catch (error) {
      if (mounted.current) setProblem(problemOf(error));
    } finally {
      if (mounted.current) setBusy(false);
    }
  };
  return { busy, problem, run: (work) => void run(work) };
}
