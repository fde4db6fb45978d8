/** A verification that is waited for. */
import { setTimeout as delay } from 'node:timers/promises';
import type { VerificationStatus } from '../../migration/api.ts';
import type { Context, Result } from './command.ts';
import { describeVerification } from './describe.ts';
import { CommandFailure } from './exit.ts';
import { readStatus } from './status.ts';

const LOOK_MS = 300;

export async function untilVerified(context: Context): Promise<Result> {
  for (let told = ''; ; await delay(LOOK_MS, undefined, { signal: context.signal })) {
    const { verification, unanswered } = await readStatus(context);
    const fault = unanswered.find(({ part }) => part === 'verification');
    if (fault) throw new CommandFailure('FAILED', fault.message, { code: fault.code });
    if (!verification) throw new CommandFailure('FAILED', 'There is no verification.');
    const now = describeVerification(verification);
    if (!verification.running) return verdict(verification, now);
    if (now !== told) context.say(now, { verification });
    told = now;
  }
}

function verdict(verification: VerificationStatus, line: string): Result {
  return { json: { verification }, lines: [line], exit: verification.clean ? 'OK' : 'UNHEALTHY' };
}
