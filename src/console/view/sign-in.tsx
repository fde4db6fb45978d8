/** Asks for the token. It goes to the session's memory; the field goes away with the question. */
import { useState } from 'preact/hooks';
import type { Problem } from '../session/problem.ts';
import { useDoing } from './action.tsx';
import { ProblemNote } from './problem-note.tsx';
import { useSession } from './use-session.ts';

export function SignIn({ refused }: { readonly refused: Problem | null }) {
  const session = useSession();
  const [token, setToken] = useState('');
  const { busy, problem, run } = useDoing();
  const shown = problem ?? refused;
  return (
    <main class="sign-in">
      <h1>
        <Mark /> Crossfade
      </h1>
      <p>Moves the data under a GraphQL service from an old store to a new one while it serves.</p>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          run(() => session.signIn(token.trim()));
        }}
      >
        <label class="field">
          <span>Admin token</span>
          <input
            type="password"
            name="token"
            value={token}
            onInput={(event) => setToken(event.currentTarget.value)}
            autocomplete="off"
            spellcheck={false}
            required
            autofocus
          />
        </label>
        <button type="submit" class="primary" disabled={busy || token.trim() === ''} aria-busy={busy}>
          {busy ? 'Signing in…' : 'Sign in'}
        </button>
      </form>
      {shown && <ProblemNote problem={shown} />}
      <p class="quiet">
        The server prints it when it starts, and keeps it in the file <code>admin-token</code> of its data directory,
        unless <code>ADMIN_TOKEN</code> is set. This page holds it in memory alone: it is asked for again after a
        reload.
      </p>
    </main>
  );
}

/** The mark: one line fades out as the other comes in. */
export function Mark() {
  return (
    <svg class="mark" viewBox="0 0 32 32" aria-hidden="true">
      <path class="mark-old" d="M2 6h8L26 26h4" />
      <path class="mark-new" d="M2 26h4L22 6h8" />
    </svg>
  );
}
