/** A batch that comes in parts: what they add up to when the last one was written. */
import { addDigests, NO_ROWS } from '../digest.ts';
import type { CopyPart, Digest, Quarantined } from './store.ts';

export type StreamOutcome = 'COPIED' | 'MOVED' | 'FENCED' | 'UNDONE';

/** Rolls back the transaction of a streamed batch, of which nothing stays. */
export class Undone extends Error {
  override readonly name = 'Undone';
}

export class StreamedBatch {
  readonly from: string | null;
  readonly quarantine: Quarantined[] = [];
  to: string | null;
  complete = false;
  copied = 0;
  digest: Digest = NO_ROWS;

  constructor(from: string | null) {
    this.from = from;
    this.to = from;
  }

  /** `refused`: of the part's rows, those that are not written. */
  add(part: CopyPart, refused: readonly Quarantined[]): void {
    this.quarantine.push(...part.quarantine, ...refused);
    this.copied += part.rows.length - refused.length;
    this.digest = addDigests(this.digest, part.digest);
    this.to = part.to;
    this.complete = part.complete;
  }
}

/** The transaction's outcome. Its work begins once: parts do not come a second time. */
export async function streamedOnce(transaction: (begin: () => void) => Promise<StreamOutcome>): Promise<StreamOutcome> {
  let begun = false;
  try {
    return await transaction(() => {
      if (begun) throw new Undone('its parts are used up');
      begun = true;
    });
  } catch (error) {
    if (error instanceof Undone) return 'UNDONE';
    throw error;
  }
}
