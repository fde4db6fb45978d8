/** What a benchmark prints, and the file for machines. */
import { writeFile } from 'node:fs/promises';
import type { Machine } from './machine.ts';
import type { Summary } from './rounds.ts';

export function print(line = ''): void {
  process.stdout.write(`${line}\n`);
}

/** A table in Markdown, with columns that line up. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((cell, i) => Math.max(...[head, ...rows].map((row) => (row[i] ?? cell).length)));
  const line = (cells: readonly string[]) => `| ${cells.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(' | ')} |`;
  return [line(head), `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`, ...rows.map(line)].join('\n');
}

/** `4.05 [3.90-4.31]` */
export function spread({ median, min, max }: Summary, digits = 2): string {
  const [middle, low, high] = [median, min, max].map((value) => value.toFixed(digits));
  return low === high ? `${middle}` : `${middle} [${low}-${high}]`;
}

/** A goal beside what was measured. */
export interface Goal {
  readonly name: string;
  readonly measured: Summary;
  readonly goal: number;
  readonly atLeast: boolean;
}

export function met({ measured, goal, atLeast }: Goal): boolean {
  return atLeast ? measured.median >= goal : measured.median <= goal;
}

export function goalRow(goal: Goal): readonly string[] {
  const { name, measured, atLeast } = goal;
  return [name, `${atLeast ? '≥' : '≤'} ${goal.goal.toFixed(2)}`, spread(measured), met(goal) ? 'met' : 'not met'];
}

export interface Report {
  readonly benchmark: string;
  readonly at: string;
  readonly machine: Machine;
  readonly options: object;
  readonly results: object;
  readonly goals: readonly Goal[];
}

export async function writeReport(file: string | null, report: Report): Promise<void> {
  const goals = report.goals.map((goal) => ({ ...goal, met: met(goal) }));
  if (file !== null) await writeFile(file, `${JSON.stringify({ ...report, goals }, null, 2)}\n`);
}
