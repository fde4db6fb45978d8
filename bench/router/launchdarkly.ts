/** LaunchDarkly's `createMigration` over the same calls: flags from its own test data, no network, no events. */
import {
  basicLogger,
  createMigration,
  init,
  integrations,
  LDConcurrentExecution,
  LDMigrationStage,
  LDMigrationSuccess,
} from '@launchdarkly/node-server-sdk';
import type { Way } from './crossfade.ts';

export interface Stage {
  readonly stage: LDMigrationStage;
  readonly way: Way;
  /** How many stores it calls. */
  readonly reads: 1 | 2;
  readonly writes: 1 | 2;
}

const FLAG = 'migration';
const TWO_READS: readonly LDMigrationStage[] = [LDMigrationStage.Shadow, LDMigrationStage.Live];
const ONE_WRITE: readonly LDMigrationStage[] = [LDMigrationStage.Off, LDMigrationStage.Complete];

/** One flag a stage. `call` is what each of its callbacks does. */
export async function openStages(call: Way): Promise<{ readonly stages: readonly Stage[]; close(): void }> {
  const data = new integrations.TestData();
  const stages = Object.values(LDMigrationStage);
  for (const stage of stages) await data.update(data.flag(`${FLAG}-${stage}`).valueForAll(stage));
  const client = init('sdk-key-of-nobody', {
    updateProcessor: data.getFactory(),
    sendEvents: false,
    diagnosticOptOut: true,
    logger: basicLogger({ level: 'none' }),
  });
  await client.waitForInitialization({ timeout: 10 });
  const context = { kind: 'user', key: 'o' };
  const migration = createMigration(client, {
    execution: new LDConcurrentExecution(),
    latencyTracking: false,
    errorTracking: false,
    readOld: async () => LDMigrationSuccess(await call.read()),
    readNew: async () => LDMigrationSuccess(await call.read()),
    writeOld: async () => LDMigrationSuccess(await call.write()),
    writeNew: async () => LDMigrationSuccess(await call.write()),
  });
  return {
    stages: stages.map((stage) => {
      const flag = `${FLAG}-${stage}`;
      // Were the flag not found, this would be what is measured.
      const other = stage === LDMigrationStage.Off ? LDMigrationStage.Complete : LDMigrationStage.Off;
      return {
        stage,
        way: {
          read: () => migration.read(flag, context, other),
          write: () => migration.write(flag, context, other),
        },
        reads: TWO_READS.includes(stage) ? 2 : 1,
        writes: ONE_WRITE.includes(stage) ? 1 : 2,
      };
    }),
    close: () => client.close(),
  };
}
