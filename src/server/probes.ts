/** `/healthz`: the process is alive. `/readyz`: it can serve what the state of the migration needs, and is not on its way out. */
import type { FastifyInstance, FastifyReply } from 'fastify';
import { CrossfadeError, ERRORS } from '../migration/errors.ts';
import type { Logger } from '../migration/log.ts';

/** `/readyz` answers within this time, milliseconds: who asks it has short deadlines. */
const READY_MS = 2000;

export interface Probed {
  /** Throws the code of what does not answer. */
  ready(): Promise<void>;
  draining(): boolean;
  readonly log: Logger;
}

export function serveProbes(http: FastifyInstance, { ready, draining, log }: Probed): void {
  http.get('/healthz', async () => ({ status: 'ok' }));
  http.get('/readyz', async (_, reply) => {
    if (draining()) return unready(reply, 'DRAINING', 'The process is shutting down.');
    try {
      await within(READY_MS, ready());
      return { status: 'ok' };
    } catch (error) {
      const code = error instanceof CrossfadeError ? error.code : 'INTERNAL';
      if (code === 'INTERNAL') log.error({ err: error }, 'the readiness check failed');
      return unready(reply, code, ERRORS[code].message);
    }
  });
}

async function unready(reply: FastifyReply, code: string, message: string): Promise<FastifyReply> {
  return reply.code(503).send({ status: 'unavailable', code, message });
}

async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new CrossfadeError('DEADLINE_EXCEEDED')), ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
