/**
 * What every store keeps to, whatever the engine. An engine plugs in with a harness; its own peculiarities (broken rows, plans,
 * files that are missing) have tests of their own.
 */
import { afterAll, afterEach, beforeAll, describe } from 'vitest';
import { applyContract } from './store/apply.ts';
import { copyContract } from './store/copy.ts';
import { directContract } from './store/direct.ts';
import { fenceContract } from './store/fence.ts';
import { quarantineContract } from './store/quarantine.ts';
import { readingContract } from './store/reading.ts';
import { streamingContract } from './store/streaming.ts';
import { Setting, type StoreHarness } from './store/setting.ts';

export type { StoreHarness } from './store/setting.ts';

/** `makeHarness` is called once, before the first test; each test works on tables of its own. */
export function storeContract(name: string, makeHarness: () => Promise<StoreHarness>): void {
  describe(`store: ${name}`, () => {
    const setting = new Setting();
    beforeAll(async () => setting.begin(await makeHarness()));
    afterEach(() => setting.closeStores());
    afterAll(() => setting.end());
    readingContract(setting);
    directContract(setting);
    applyContract(setting);
    copyContract(setting);
    streamingContract(setting);
    quarantineContract(setting);
    fenceContract(setting);
  });
}
