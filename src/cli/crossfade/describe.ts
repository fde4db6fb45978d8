/** A status in words. */
import type { Blocker, CopyProgress, MoveOption, VerificationStatus } from '../../migration/api.ts';
import { counted, grouped, seconds } from './numbers.ts';
import { placeName, type Status } from './status.ts';
import { wayBack } from './way-back.ts';

export function describeStatus(status: Status): readonly string[] {
  const { copy, journal, verification, instances } = status;
  return [
    headline(status),
    ...(copy ? [row('copy', describeCopy(copy))] : []),
    ...(journal ? [row('journal', describeJournal(journal))] : []),
    ...(verification ? [row('verified', describeVerification(verification))] : []),
    ...(status.differences ? [row('differ', describeDifferences(status.differences))] : []),
    row('logic', `${status.businessLogic}${status.businessLogicPinned ? ', pinned' : ''}`),
    ...instances.map(({ label, epoch, leaseExpiresAt }) =>
      row('instance', `${label}, at epoch ${epoch}, lease until ${leaseExpiresAt}`),
    ),
    ...status.moves.flatMap(describeMove),
    row('way back', describeWayBack(status)),
    ...status.unanswered.map(({ part, message, code }) => row(part ?? 'server', `${message} (${code})`)),
  ];
}

export function headline({ dataset, state, readNewPercent, epoch, switching }: Status): string {
  const now = `${dataset} is in ${placeName(state, readNewPercent)}, epoch ${epoch}`;
  if (!switching) return `${now}.`;
  return `${now}; a switch to ${placeName(switching.to, switching.readNewPercent)} is in ${switching.phase} and waits for ${switching.waitingFor}.`;
}

export function describeCopy({ total, copied, quarantined, complete, paused, ...copy }: CopyProgress): string {
  const doing = complete ? 'complete' : paused ? 'paused' : `${counted(copy.rowsPerSecond, 'row')} a second`;
  const left = complete || copy.etaSeconds === null ? '' : `, ${seconds(copy.etaSeconds)} to go`;
  const limit = copy.rateLimit === null ? '' : `, limited to ${grouped(copy.rateLimit)} a second`;
  return `${grouped(copied)} of ${counted(total, 'row')}, ${grouped(quarantined)} in quarantine, ${doing}${left}${limit}`;
}

export function describeVerification(verification: VerificationStatus): string {
  const { checked, total, differing, repaired, running, clean } = verification;
  const verdict = running ? 'under way' : clean ? 'clean' : 'not clean';
  return `${grouped(checked)} of ${counted(total, 'row')}, ${grouped(differing)} ${differing === 1 ? 'differs' : 'differ'}, ${grouped(repaired)} repaired, ${verdict}`;
}

function describeDifferences(known: number): string {
  return `${counted(known, 'difference is', 'differences are')} known; crossfade differences shows what`;
}

export function describeBlockers(blockers: readonly Blocker[]): readonly string[] {
  return blockers.map(({ code, message }) => `  ${code}: ${message}`);
}

function describeJournal({
  entries,
  oldestAgeSeconds,
  pendingOld,
  pendingNew,
}: NonNullable<Status['journal']>): string {
  const age = oldestAgeSeconds === null ? '' : `, the oldest ${seconds(oldestAgeSeconds)} old`;
  return `${counted(entries, 'entry', 'entries')}${age}; the old store lacks ${grouped(pendingOld)}, the new one ${grouped(pendingNew)}`;
}

function describeMove({ to, readNewPercent, allowed, blockers }: MoveOption): readonly string[] {
  const name = to === 'DUAL' && readNewPercent === null ? 'DUAL at any percentage' : placeName(to, readNewPercent);
  return [
    row(allowed ? 'possible' : 'blocked', name),
    ...(allowed ? [] : describeBlockers(blockers).map((line) => `${' '.repeat(10)}${line}`)),
  ];
}

function describeWayBack(status: Status): string {
  const back = wayBack(status);
  if ('to' in back) return `crossfade back, to ${placeName(back.to, back.readNewPercent)}`;
  return back.none;
}

function row(name: string, value: string): string {
  return `  ${name.padEnd(10)}${value}`;
}
