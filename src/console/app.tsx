/** The page: the board for whoever has signed in, the question for the token for everybody else. */
import { useEffect } from 'preact/hooks';
import type { Session } from './session/session.ts';
import { BoardPage } from './view/board.tsx';
import { SignIn } from './view/sign-in.tsx';
import { SessionContext, useSession, useView } from './view/use-session.ts';

export function App({ session }: { readonly session: Session }) {
  return (
    <SessionContext.Provider value={session}>
      <Page />
    </SessionContext.Provider>
  );
}

function Page() {
  const session = useSession();
  const view = useView();
  useEffect(() => {
    const look = (): void => session.hide(document.hidden);
    document.addEventListener('visibilitychange', look);
    return () => document.removeEventListener('visibilitychange', look);
  }, [session]);
  return view.open ? <BoardPage view={view} /> : <SignIn refused={view.refused} />;
}
