/** The frame of a part of the board, and what stands in it when its device did not answer. */
import type { ComponentChildren } from 'preact';
import { useId } from 'preact/hooks';
import type { Problem } from '../session/problem.ts';
import { ProblemNote } from './problem-note.tsx';

interface PanelFrameProps {
  readonly title: string;
  /** Beside the title, at the right. */
  readonly aside?: ComponentChildren;
  readonly missing?: Problem | undefined;
  readonly children: ComponentChildren;
}

export function Panel({ title, aside, missing, children }: PanelFrameProps) {
  const id = useId();
  return (
    <section class="panel" aria-labelledby={id}>
      <div class="panel-head">
        <h2 id={id}>{title}</h2>
        {aside}
      </div>
      {missing ? <ProblemNote problem={missing} lead="Not known." /> : children}
    </section>
  );
}

interface BarProps {
  readonly label: string;
  /** 0 to 1. */
  readonly share: number;
  readonly tone?: 'accent' | 'quiet';
}

export function Bar({ label, share, tone = 'accent' }: BarProps) {
  const percent = Math.round(Math.min(1, Math.max(0, share)) * 1000) / 10;
  return (
    <div
      class={`bar ${tone}`}
      role="progressbar"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={percent}
    >
      <div ref={(element) => element?.style.setProperty('width', `${percent}%`)} />
    </div>
  );
}

export type Fact = readonly [name: string, value: ComponentChildren];

/** Names and numbers under each other. */
export function Facts({ facts }: { readonly facts: readonly Fact[] }) {
  return (
    <dl class="facts">
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
