/**
 * The audit trail of operators' commands: who, what, why, and what it was about before and after.
 *
 * A command is written down before it is done, and what became of it after; both go into the control store and into the log. What cannot
 * be written down is not done. A command that has no end in the trail was cut off by the end of its process: look at the state.
 */
import { randomUUID } from 'node:crypto';
import { CrossfadeError } from './migration/errors.ts';
import type { Clock } from './migration/clock.ts';
import type { AuditEntry, ControlStore } from './migration/control/control.ts';
import type { Logger } from './migration/log.ts';

export interface AuditedCommand extends Pick<
  AuditEntry,
  'actor' | 'command' | 'dataset' | 'input' | 'reason' | 'requestId'
> {
  /** Looks at what the command is about. */
  look(): Promise<unknown>;
}

export interface AuditTrail {
  /**
   * Does what `effect` does; throws what it throws, and CONTROL_UNAVAILABLE with nothing done when the trail cannot be written.
   * `outcome` says what became of it where it returns: DONE, or why it was not done.
   */
  record<T>(command: AuditedCommand, effect: () => Promise<T>, outcome?: (result: T) => string): Promise<T>;
}

export interface AuditOptions {
  readonly control: Pick<ControlStore, 'appendAudit'>;
  readonly clock: Clock;
  readonly log: Logger;
}

export function createAuditTrail({ control, clock, log }: AuditOptions): AuditTrail {
  const write = async (entry: AuditEntry): Promise<void> => {
    await control.appendAudit(entry);
    log.info({ audit: entry }, entry.phase === 'BEGUN' ? 'an admin operation begins' : 'an admin operation has ended');
  };

  return {
    record: async ({ look, ...command }, effect, outcome = () => 'DONE') => {
      const entry = async (phase: AuditEntry['phase'], became: string | null): Promise<AuditEntry> => ({
        id,
        phase,
        at: new Date(clock.wall()).toISOString(),
        ...command,
        outcome: became,
        state: await seen(look),
      });
      const end = async (became: string): Promise<void> => {
        try {
          await write(await entry('ENDED', became));
        } catch (error) {
          // It is done, and whoever asked for it has to hear so.
          const facts = { requestId: command.requestId, command: command.command, outcome: became, err: error };
          log.error(facts, 'the end of an admin operation could not be written down');
        }
      };

      const id = randomUUID();
      await write(await entry('BEGUN', null));
      try {
        const result = await effect();
        await end(outcome(result));
        return result;
      } catch (error) {
        await end(error instanceof CrossfadeError ? error.code : 'INTERNAL');
        throw error;
      }
    },
  };
}

/** A part that does not answer keeps nobody from a command that may well be about that. */
async function seen(look: () => Promise<unknown>): Promise<unknown> {
  try {
    return await look();
  } catch (error) {
    return { unknown: error instanceof CrossfadeError ? error.code : 'INTERNAL' };
  }
}
