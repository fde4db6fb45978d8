/**
 * All background work of one dataset in this process: a loop for each job. Each step asks the control record whether its
 * state wants it, so that nothing has to be started and stopped when the state changes, and a switch elsewhere is followed by itself.
 */
import type { CopyProgress, VerificationStatus } from '../api.ts';
import type { JobContext } from './context.ts';
import { copyProgress, copyState } from './copy.ts';
import { Loop } from './loop.ts';
import { Meter } from './meter.ts';
import { prepareState, prepareStep, type PrepareOptions } from './prepare.ts';
import type { JobQueue, Work } from './queue.ts';
import { retryState, retryStep, type RetryState } from './quarantine.ts';
import { repairState, repairStep, type RepairState } from './repair.ts';
import { sharedReplay, sharedVerify, workOn, type Step } from './sharing.ts';
import { SharedCopy } from './shared-copy.ts';
import { IDLE } from './steps.ts';
import { sweepState, sweepStep } from './sweep.ts';
import { startVerification, verificationStatus } from './verification.ts';
import { verifyState, type VerifyOptions } from './verify.ts';

export interface WorkersOptions {
  readonly prepare?: Partial<PrepareOptions>;
  readonly verify?: Partial<VerifyOptions>;
  /** How often an idle loop looks whether there is something to do, milliseconds. */
  readonly pollMs?: number;
  /** What is shared with other processes goes through here; absent: this process does it alone. */
  readonly queue?: JobQueue;
}

/** Within this time, milliseconds, `wakeSoon` wakes. */
const SOON_MS = 250;

export class Workers {
  readonly #ctx: JobContext;
  readonly #meter: Meter;
  readonly #loops: ReadonlyMap<string, Loop>;
  readonly #release: () => Promise<void>;
  readonly #queue: JobQueue | null;
  readonly #work: Work;
  readonly #stopping = new AbortController();
  #soon: Promise<void> | null = null;
  #repair: RepairState | null = null;
  #retry: RetryState | null = null;

  constructor(ctx: JobContext, options: WorkersOptions = {}) {
    this.#ctx = ctx;
    this.#meter = new Meter(ctx.clock);
    const prepare = prepareState(options.prepare);
    const copy = copyState(ctx, this.#meter);
    const verify = verifyState(ctx, options.verify);
    const sweep = sweepState();
    this.#queue = options.queue ?? null;
    const copying = new SharedCopy(ctx, this.#queue, copy);
    this.#work = workOn(ctx, copying, verifyState(ctx, options.verify));
    const jobs: readonly (readonly [string, Step])[] = [
      ['prepare', () => prepareStep(ctx, prepare)],
      ['copy', (signal) => copying.step(signal)],
      ...sharedReplay(ctx, this.#queue),
      ['verify', sharedVerify(ctx, this.#queue, verify)],
      ['sweep', (signal) => sweepStep(ctx, sweep, signal)],
      ['repair', (signal) => (this.#repair ? repairStep(ctx, this.#repair, signal) : Promise.resolve(IDLE))],
      ['retry', () => (this.#retry ? retryStep(ctx, this.#retry) : Promise.resolve(IDLE))],
    ];
    const { clock, log } = ctx;
    const poll = options.pollMs === undefined ? {} : { pollMs: options.pollMs };
    this.#loops = new Map(jobs.map(([name, step]) => [name, new Loop({ name, step, clock, log, ...poll })]));
    this.#release = async () => {
      await Promise.all([copy.claim.release(), verify.claim.release(), this.#repair?.claim.release()]);
    };
  }

  start(): void {
    for (const loop of this.#loops.values()) loop.start();
    this.#queue?.start(this.#work);
  }

  /** The control record changed: there may be something to do now. */
  wake(): void {
    for (const loop of this.#loops.values()) loop.wake();
  }

  /**
   * As `wake`, where others were woken too: of a hundred processes that would bring the same small backlog one is enough, and those that
   * look a moment later find it gone.
   */
  wakeSoon(): void {
    this.#soon ??= this.#ctx.clock.delay(Math.random() * SOON_MS, this.#stopping.signal).then(() => {
      this.#soon = null;
      this.wake();
    });
  }

  /** Returns when no step runs any more; gives claims back, so that another instance goes on at once. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#soon;
    await Promise.all([...[...this.#loops.values()].map((loop) => loop.stop()), this.#queue?.stop()]);
    await this.#release().catch((error: unknown) => {
      // They run out by themselves.
      this.#ctx.log.warn({ err: error, dataset: this.#ctx.dataset.name }, 'claims could not be given back');
    });
  }

  /** Starts a verification unless one runs. */
  async startVerification(): Promise<void> {
    await startVerification(this.#ctx);
    this.#loops.get('verify')?.wake();
  }

  /** Starts a pass over the differences unless one runs here. */
  startRepair(): void {
    if (!this.repairing) this.#repair = repairState(this.#ctx);
    this.#loops.get('repair')?.wake();
  }

  /** Starts a pass over quarantine unless one runs here. */
  startRetry(): void {
    if (!this.retrying) this.#retry = retryState();
    this.#loops.get('retry')?.wake();
  }

  get repairing(): boolean {
    return this.#repair !== null && !this.#repair.done;
  }

  get retrying(): boolean {
    return this.#retry !== null && !this.#retry.done;
  }

  copyProgress(): Promise<CopyProgress | null> {
    return copyProgress(this.#ctx, this.#meter);
  }

  verification(): Promise<VerificationStatus | null> {
    return verificationStatus(this.#ctx);
  }
}
