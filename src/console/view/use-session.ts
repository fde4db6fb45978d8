/** The session for components: what is known, and the clock that ages are told by. */
import { createContext } from 'preact';
import { useContext, useEffect, useState } from 'preact/hooks';
import type { Board } from '../session/board.ts';
import type { Session, View } from '../session/session.ts';

export const SessionContext = createContext<Session | null>(null);

export function useSession(): Session {
  const session = useContext(SessionContext);
  if (!session) throw new Error('there is no session above this component');
  return session;
}

/** Draws again whenever something new is known. */
export function useView(): View {
  const session = useSession();
  const [view, setView] = useState(session.view);
  useEffect(() => {
    setView(session.view);
    return session.subscribe(() => setView(session.view));
  }, [session]);
  return view;
}

/** What a part of the board is given. */
export interface PanelProps {
  readonly board: Board;
  /** The server's wall clock, milliseconds. */
  readonly now: number;
}

/** Draws again each second; milliseconds of this machine's clock. */
export function useClock(): number {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, []);
  return now;
}
