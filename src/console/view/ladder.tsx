/** The ladder as a picture: where we are, where we are going, what can follow and what is barred. */
import type { Board } from '../session/board.ts';
import { MOVES, STATES, type MigrationState } from '../../migration/states.ts';
import { gist, placeName } from '../words/ladder.ts';
import { LAYOUTS, lineName, type Box, type Layout } from './ladder-layout.ts';

type Standing = 'here' | 'coming' | 'open' | 'barred' | 'far';

export function Ladder({ board }: { readonly board: Board }) {
  return (
    <div class="ladder">
      {LAYOUTS.map((layout) => (
        <Picture key={layout.name} layout={layout} board={board} />
      ))}
      <ul class="legend" aria-hidden="true">
        <li class="here">where we are</li>
        <li class="open">can follow</li>
        <li class="barred">barred, see below</li>
      </ul>
    </div>
  );
}

function Picture({ layout, board }: { readonly layout: Layout; readonly board: Board }) {
  const { width, height, name, boxes, lines } = layout;
  const arrow = (standing: Standing) => `arrow-${name}-${standing}`;
  return (
    <svg class={name} viewBox={`0 0 ${width} ${height}`} role="img" aria-label={description(board)}>
      <defs>
        {(['coming', 'open', 'barred', 'far'] as const).map((standing) => (
          <marker
            key={standing}
            id={arrow(standing)}
            class={standing}
            viewBox="0 0 8 8"
            refX="4"
            refY="4"
            markerWidth="8"
            markerHeight="8"
            markerUnits="userSpaceOnUse"
            orient="auto"
          >
            <path d="M1 .5L7.5 4L1 7.5Z" />
          </marker>
        ))}
      </defs>
      {MOVES.filter(({ from, to }) => from !== to).map(({ from, to }) => {
        const standing = standingOfMove(board, from, to);
        return (
          <path
            key={lineName(from, to)}
            class={`line ${standing}`}
            d={lines[lineName(from, to)]}
            marker-end={`url(#${arrow(standing)})`}
          />
        );
      })}
      {STATES.map((state) => (
        <State key={state} state={state} box={boxes[state]} board={board} />
      ))}
    </svg>
  );
}

function State({ state, box, board }: { readonly state: MigrationState; readonly box: Box; readonly board: Board }) {
  const { x, y, width, height } = box;
  const { reads, writes } = gist(state);
  const standing = standingOf(board, state);
  const share = state === 'DUAL' && board.place.state === 'DUAL' ? board.place.percent : null;
  return (
    <g class={`state ${standing}`}>
      <rect class="box" x={x} y={y} width={width} height={height} rx="9" />
      <text class="name" x={x + 14} y={y + 25}>
        {state}
      </text>
      {share !== null && (
        <text class="share" x={x + width - 14} y={y + 25}>
          {share} %
        </text>
      )}
      <Gist label="reads" words={reads} x={x + 14} y={y + 43} />
      <Gist label="writes" words={writes} x={x + 14} y={y + 58} />
      {share !== null && (
        <>
          <rect class="track" x={x + 14} y={y + height - 9} width={width - 28} height="4" rx="2" />
          <rect class="fill" x={x + 14} y={y + height - 9} width={((width - 28) * share) / 100} height="4" rx="2" />
        </>
      )}
    </g>
  );
}

interface GistProps {
  readonly label: string;
  readonly words: string;
  readonly x: number;
  readonly y: number;
}

function Gist({ label, words, x, y }: GistProps) {
  return (
    <text class="gist" x={x} y={y}>
      {label}
      <tspan x={x + 38}>{words}</tspan>
    </text>
  );
}

function standingOf(board: Board, state: MigrationState): Standing {
  if (state === board.place.state) return 'here';
  return standingOfMove(board, board.place.state, state);
}

function standingOfMove({ place, now, moves }: Board, from: MigrationState, to: MigrationState): Standing {
  if (from !== place.state) return 'far';
  if (now.switching) return now.switching.to === to ? 'coming' : 'far';
  const move = moves.find((candidate) => candidate.to === to);
  return move ? (move.allowed ? 'open' : 'barred') : 'far';
}

function description({ place, now, moves }: Board): string {
  const can = (allowed: boolean) => [...new Set(moves.filter((move) => move.allowed === allowed).map(({ to }) => to))];
  const [open, barred] = [can(true), can(false)];
  const parts = [
    `The ladder goes from OLD over MIGRATING, CATCHING_UP and DUAL to NEW. We are in ${placeName(place)}.`,
    now.switching ? `A switch to ${now.switching.to} is under way.` : '',
    !now.switching && open.length > 0 ? `Can follow: ${open.join(', ')}.` : '',
    !now.switching && barred.length > 0 ? `Barred: ${barred.join(', ')}.` : '',
  ];
  return parts.filter((part) => part !== '').join(' ');
}
