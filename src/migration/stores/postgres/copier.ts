/**
 * A batch of the copy as one stream: rows go into the table while those behind them are still being made.
 *
 * Values were held against the columns before and nobody else writes, so a row that is refused is rare. Then nothing of the batch
 * stays, and the caller writes it the slow way, which finds the row.
 */
import type { Dataset } from '../../dataset.ts';
import type { CopyPart, Quarantined } from '../store.ts';
import { StreamedBatch, streamedOnce, Undone, type StreamOutcome } from '../streamed.ts';
import { DriverFailure } from './codes.ts';
import type { Connection } from './connection.ts';
import type { PostgresFence } from './fence.ts';
import type { PostgresQuarantine } from './quarantine.ts';
import { refusalOf } from './refusal.ts';
import { RowWriter } from './row-writer.ts';
import { typesOf } from './schema.ts';
import type { Session } from './session.ts';
import type { Statements } from './statements.ts';

export interface CopierParts {
  readonly sql: Statements;
  readonly fence: PostgresFence;
  readonly quarantine: PostgresQuarantine;
  readonly dataset: Dataset;
  readonly session: Session;
}

/** Bytes that are handed to the socket at once. */
const PACKET_BYTES = 1 << 15;
/** Not supported: what a table with row-level security says. */
const NOT_SUPPORTED = '0A000';

export class Copier {
  readonly #parts: CopierParts;

  constructor(parts: CopierParts) {
    this.#parts = parts;
  }

  copy(epoch: number, from: string | null, parts: AsyncIterable<CopyPart>): Promise<StreamOutcome> {
    const { fence, quarantine } = this.#parts;
    return streamedOnce((begin) =>
      fence.guard<StreamOutcome>({ mode: 'COPY', epoch }, async (c) => {
        begin();
        if (!(await fence.lockCheckpoint(c, epoch, from))) return 'MOVED';
        const batch = new StreamedBatch(from);
        await this.#fill(c, batch, parts);
        await quarantine.put(c, batch.quarantine);
        if (!(await fence.advance(c, epoch, batch))) throw new Undone('the checkpoint moved under its lock');
        const { copied, digest } = batch;
        await fence.tally(c, { copied, quarantined: batch.quarantine.length, digest });
        return 'COPIED';
      }),
    );
  }

  async #fill(c: Connection, batch: StreamedBatch, parts: AsyncIterable<CopyPart>): Promise<void> {
    const { sql, dataset, session } = this.#parts;
    const writer = new RowWriter(dataset, { types: await this.#lockTypes(c), limits: session.limits });
    const packets = async function* (add: (part: CopyPart) => void): AsyncGenerator<Buffer> {
      for await (const part of parts) {
        add(part);
        if (writer.bytes >= PACKET_BYTES) yield writer.take();
      }
      yield writer.end();
    };
    let taken: number;
    try {
      taken = await c.copyIn(
        `copy ${sql.name} (${sql.columns}) from stdin (format binary)`,
        packets((part) => this.#add(writer, part, batch)),
      );
    } catch (error) {
      // Whatever the server says, if it says anything: not every table can be copied into.
      const said = error instanceof DriverFailure && (error.meaning !== 'LOST' || error.code === NOT_SUPPORTED);
      throw said ? new Undone(error.message) : error;
    }
    if (taken !== batch.copied) throw new Undone('something in the database has swallowed rows');
  }

  /** The types of the columns as they are until the transaction ends: bytes of one type would be something else in another. */
  async #lockTypes(c: Connection): Promise<ReadonlyMap<string, string>> {
    const { name } = this.#parts.sql;
    await c.control(`lock table ${name} in row exclusive mode`);
    return typesOf(c, name);
  }

  /** Writes the part's rows, but for those that their columns cannot hold. */
  #add(writer: RowWriter, part: CopyPart, batch: StreamedBatch): void {
    const { dataset } = this.#parts;
    const { rows, olds } = part;
    const refused: Quarantined[] = [];
    for (let i = 0; i < rows.length; i++) {
      const row = rows[i] ?? {};
      const old = olds?.[i];
      try {
        writer.add(row, old);
      } catch (error) {
        const reason = refusalOf(error);
        if (reason === null) throw error;
        refused.push({ key: dataset.keyOf(row), reason, row: JSON.stringify(old ?? row) });
      }
    }
    batch.add(part, refused);
  }
}
