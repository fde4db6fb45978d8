/** One interleaving that a scheduler found, by hand: an instance that hears late that a switch has flipped. */
import { afterEach, expect, test } from 'vitest';
import type { ControlRecord } from '../../src/migration/control/control.ts';
import { mutateTicket } from '../support/client.ts';
import { Deployment } from '../support/deployment.ts';
import { intercept, type Interceptor } from '../support/intercept.ts';
import { place, switchOnce, until } from '../support/operate.ts';
import { ticketDataset, type NewTicket, type OldTicket } from '../support/tickets.ts';
import { temporaryDirectory } from '../support/tmp.ts';

let deployment: Deployment<OldTicket, NewTicket>;
afterEach(() => deployment.close());

test('what is in the journal alone is not denied by an instance that still knows of the announce only', async () => {
  deployment = new Deployment(await temporaryDirectory(), ticketDataset());
  const deaf = Promise.withResolvers<void>();
  let answers = 0;
  let looks = 0;
  /** The announce is heard and answered; after that, nothing more. */
  const hardOfHearing: Interceptor = async (call, run) => {
    if (call === 'OLD.reader.load') looks++;
    if (call !== 'control.renew') return run();
    if (answers >= 2) await deaf.promise;
    const record = (await run()) as ControlRecord | null;
    if (record?.switching?.phase === 'ANNOUNCE') answers++;
    return record;
  };
  const slow = await deployment.instance({ leaseMs: 3000, wrap: (own) => intercept(own, hardOfHearing) });
  const quick = await deployment.instance({ leaseMs: 3000 });
  const key = { holder: 'h', show: 's' };

  const switched = switchOnce(quick.engine, place('MIGRATING'));
  await until('it flipped', async () => (await quick.engine.operator.status()).place.state === 'MIGRATING');
  expect(await mutateTicket(quick.engine, key, 'created', 'CREATE')).toMatchObject({ outcome: 'WRITTEN' });
  const changing = mutateTicket(slow.engine, key, 'changed', 'CHANGE');
  await until('it has looked at the old store', () => looks > 0);
  deaf.resolve();
  expect(await changing).toMatchObject({ outcome: 'WRITTEN', before: { old: { seat: 'created' } } });
  expect(await switched).toMatchObject({ outcome: 'SWITCHED' });
});
