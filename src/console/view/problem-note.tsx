/** A problem in plain words, with its code for whoever looks it up in the run book. */
import { advice, type Problem } from '../session/problem.ts';

export function ProblemNote({ problem, lead = '' }: { readonly problem: Problem; readonly lead?: string }) {
  const more = advice(problem);
  return (
    <p class="note bad" role="alert">
      {lead !== '' && <strong>{lead} </strong>}
      {problem.message} {more} <code>{problem.code}</code>
    </p>
  );
}
