/**
 * Participations from a CSV file into the old store: in batches, under the fence, and safe to repeat.
 *
 * Each line has one of three ends: imported, there already (the same answer; the same `createdAt` where the file gives one), or rejected,
 * with its number and the reason, into a CSV file beside it. Nothing that is there is ever changed.
 */
import { open, rm, type FileHandle } from 'node:fs/promises';
import type { InsertResult, Stored, StoreWriter } from '../migration/stores/store.ts';
import type { Catalogue } from './catalogue.ts';
import { csvChunks, type CsvRecord } from './csv.ts';
import type { OldParticipation, ParticipationDataset } from './dataset.ts';
import { LONGEST_ANSWER } from './define.ts';
import type { PhoneParser } from './phone.ts';
import { lengthOf, quote } from './text.ts';
import { parseTimestamp } from './time.ts';

export interface ImportOptions {
  readonly file: string;
  /** Where rejected lines go; replaced, or removed when none is rejected. */
  readonly rejectedFile: string;
  readonly dataset: ParticipationDataset;
  readonly catalogue: Pick<Catalogue, 'getMany'>;
  readonly phones: PhoneParser;
  readonly writer: Pick<StoreWriter, 'insertMissing'>;
  /** The epoch in force, which the old store's fence must let through. */
  readonly epoch: number;
  /** `createdAt` of lines that give none: a timestamp. */
  readonly now: string;
  /** Bytes of the file that are done. */
  readonly onProgress?: (bytes: number) => void;
}

export interface ImportSummary {
  /** Lines with a record, header not counted. */
  readonly lines: number;
  readonly imported: number;
  readonly present: number;
  readonly rejected: number;
  /** The old store stopped to take writes of this epoch; what is counted above was dealt with before. */
  readonly fenced: boolean;
}

/** The file as a whole cannot be imported; the message says why. */
export class NotImportable extends Error {
  override readonly name = 'NotImportable';
}

const REQUIRED = ['phone', 'event', 'answer'] as const;
const OPTIONAL = ['createdAt'] as const;
/** Columns of the rejected lines; ignored when such a file comes back. */
const EXPLAINING = ['line', 'reason'] as const;
type Field = (typeof REQUIRED)[number] | (typeof OPTIONAL)[number];
type Fields = Readonly<Partial<Record<Field, string>>>;

/** Lines of one transaction: few enough that what a batch leaves behind is collected young. */
const BATCH = 500;
/** What decoding leaves of bytes that are not UTF-8. */
const REPLACEMENT = '\uFFFD';

/** Throws `NotImportable` for a wrong header, and what the file system, the catalogue and the store throw. */
export async function importParticipations(options: ImportOptions): Promise<ImportSummary> {
  const rejects = new RejectedLines(options.rejectedFile);
  const total = { lines: 0, imported: 0, present: 0, rejected: 0 };
  let header: readonly string[] | null = null;
  let batch: Line[] = [];
  const flush = async (): Promise<boolean> => {
    const ends = await settle(batch, options);
    if (ends === 'FENCED') return false;
    await rejects.add(ends.filter((end) => end.end === 'rejected'));
    total.lines += ends.length;
    for (const { end } of ends) total[end] += 1;
    batch = [];
    return true;
  };

  try {
    for await (const { records, bytes } of csvChunks(options.file)) {
      for (const record of records) {
        if (header !== null) batch.push(lineOf(record, header));
        else {
          header = checkHeader(record);
          await rm(options.rejectedFile, { force: true });
        }
        if (batch.length >= BATCH && !(await flush())) return { ...total, fenced: true };
      }
      options.onProgress?.(bytes);
    }
    if (header === null) throw new NotImportable('The file is empty; its first line must name the columns.');
    const flushed = await flush();
    return { ...total, fenced: !flushed };
  } finally {
    await rejects.close();
  }
}

interface Line {
  readonly line: number;
  readonly fields: Fields;
  /** Set when the line can't even be taken apart. */
  readonly malformed: string | null;
}

type End = { readonly end: 'imported' | 'present' } | Rejected;
interface Rejected extends Line {
  readonly end: 'rejected';
  readonly reason: string;
}

function checkHeader(record: CsvRecord): readonly string[] {
  if ('malformed' in record)
    throw new NotImportable(`The header (line ${record.line}) is not CSV: ${record.malformed}.`);
  const names = record.fields.map((name) => name.trim());
  const known: readonly string[] = [...REQUIRED, ...OPTIONAL, ...EXPLAINING];
  const wrong = [
    ...REQUIRED.filter((name) => !names.includes(name)).map((name) => `it lacks ${name}`),
    ...names.filter((name) => !known.includes(name)).map((name) => `${quote(name)} is none of them`),
    ...names.filter((name, i) => names.indexOf(name) !== i).map((name) => `${quote(name)} is there twice`),
  ];
  if (wrong.length === 0) return names;
  throw new NotImportable(`The header must have phone, event, answer, and may have createdAt: ${wrong.join('; ')}.`);
}

function lineOf(record: CsvRecord, header: readonly string[]): Line {
  const { line } = record;
  if ('malformed' in record) return { line, fields: {}, malformed: record.malformed };
  const { length } = record.fields;
  const malformed = length === header.length ? null : `it has ${length} columns, the header has ${header.length}`;
  return { line, fields: Object.fromEntries(header.map((name, i) => [name, record.fields[i]])), malformed };
}

interface Candidate {
  readonly key: string;
  readonly row: OldParticipation;
  /** Does the file say when it was created? */
  readonly dated: boolean;
}

/** Brings a batch to its ends, in its order. The first line of a key is inserted; every other one is held against what stands then. */
async function settle(lines: readonly Line[], options: ImportOptions): Promise<readonly End[] | 'FENCED'> {
  const named = new Set(lines.flatMap(({ fields }) => fields.event ?? []));
  const events = await options.catalogue.getMany([...named]);
  const checked = lines.map((line) => ({ line, candidate: candidateOf(line, events, options) }));
  const firsts = new Map<string, Candidate>();
  for (const { candidate } of checked) {
    if (!('reason' in candidate) && !firsts.has(candidate.key)) firsts.set(candidate.key, candidate);
  }
  const inserted = await insert([...firsts.values()], options);
  if (inserted === 'FENCED') return 'FENCED';
  const present = new Map(inserted.present.map((stored) => [stored.key, stored]));
  const refused = new Map(inserted.refused.map(({ key, reason }) => [key, reason]));

  return checked.map(({ line, candidate }): End => {
    if ('reason' in candidate) return { ...line, end: 'rejected', reason: candidate.reason };
    const { key } = candidate;
    const refusal = refused.get(key);
    if (refusal !== undefined) return { ...line, end: 'rejected', reason: `the store refuses it: ${refusal}` };
    const first = firsts.get(key);
    if (first === candidate && !present.has(key)) return { end: 'imported' };
    const reason = contradiction(candidate, present.get(key) ?? { key, row: (first ?? candidate).row });
    return reason === null ? { end: 'present' } : { ...line, end: 'rejected', reason };
  });
}

async function insert(candidates: readonly Candidate[], options: ImportOptions): Promise<InsertResult | 'FENCED'> {
  if (candidates.length === 0) return { present: [], refused: [] };
  const rows = candidates.map(({ row }) => row);
  return options.writer.insertMissing(options.epoch, rows);
}

function candidateOf(
  { fields, malformed }: Line,
  events: ReadonlyMap<string, unknown>,
  { phones, dataset, now }: ImportOptions,
): Candidate | { readonly reason: string } {
  if (malformed !== null) return { reason: malformed };
  const { phone = '', event = '', answer = '', createdAt = '' } = fields;
  if ([phone, event, answer].some((text) => text.includes(REPLACEMENT))) {
    return { reason: 'it has bytes that are not UTF-8, or the character U+FFFD that stands for such' };
  }
  const parsed = phones(phone);
  if ('reason' in parsed) return { reason: `phone ${quote(phone)}: ${parsed.reason}` };
  if (!events.has(event)) return { reason: `event ${quote(event)} is not in the catalogue` };
  const length = lengthOf(answer);
  if (length < 1 || length > LONGEST_ANSWER) {
    return { reason: `the answer has ${length} characters; it must have 1 to ${LONGEST_ANSWER}` };
  }
  const created = createdAt === '' ? now : parseTimestamp(createdAt);
  if (created === null) {
    return { reason: `createdAt ${quote(createdAt)} is not an RFC 3339 date and time, like 2026-01-31T20:00:00Z` };
  }
  const row = { phone: parsed.number, event, answer, createdAt: created, updatedAt: created };
  return { key: dataset.keyOf(row), row, dated: createdAt !== '' };
}

/** What a line says that the row which stands does not; null: nothing. */
function contradiction({ row, dated }: Candidate, stands: Stored): string | null {
  if ('unreadable' in stands) return `it is there already, and cannot be read: ${stands.unreadable}`;
  if (stands.row['answer'] !== row.answer) return 'this phone takes part already, with another answer';
  if (dated && stands.row['createdAt'] !== row.createdAt)
    return 'this phone takes part already, with another createdAt';
  return null;
}

/** The file of rejected lines; made with the first of them. */
class RejectedLines {
  readonly #file: string;
  #handle: FileHandle | null = null;

  constructor(file: string) {
    this.#file = file;
  }

  async add(lines: readonly Rejected[]): Promise<void> {
    if (lines.length === 0) return;
    const columns = [...REQUIRED, ...OPTIONAL];
    if (!this.#handle) {
      this.#handle = await open(this.#file, 'w');
      await this.#handle.appendFile(csvLine([...EXPLAINING, ...columns]));
    }
    const rows = lines.map(({ line, reason, fields }) => [
      `${line}`,
      reason,
      ...columns.map((name) => fields[name] ?? ''),
    ]);
    await this.#handle.appendFile(rows.map(csvLine).join(''));
  }

  async close(): Promise<void> {
    await this.#handle?.close();
  }
}

function csvLine(fields: readonly string[]): string {
  const quoted = fields.map((field) => (/[",\r\n]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field));
  return `${quoted.join(',')}\r\n`;
}
