/** Which instance does which job: a claim that expires, so that the job of an instance that died is taken over. */
import type { ControlStore } from '../control.ts';
import type { Access } from './access.ts';

export function claims(access: Access): Pick<ControlStore, 'claim' | 'unclaim'> {
  return {
    async claim(dataset, job, owner, ttlMs) {
      const expires = access.time(ttlMs);
      const result = await access.write((tx) =>
        tx
          .insertInto('crossfade_claim')
          .values({ dataset, job, owner, expires_at: expires })
          .onConflict((conflict) =>
            conflict
              .columns(['dataset', 'job'])
              .doUpdateSet({ owner, expires_at: expires })
              .where((eb) =>
                eb.or([eb('crossfade_claim.owner', '=', owner), eb('crossfade_claim.expires_at', '<=', access.time())]),
              ),
          )
          .executeTakeFirst(),
      );
      return result.numInsertedOrUpdatedRows === 1n;
    },

    async unclaim(dataset, job, owner) {
      await access.write((tx) =>
        tx
          .deleteFrom('crossfade_claim')
          .where('dataset', '=', dataset)
          .where('job', '=', job)
          .where('owner', '=', owner)
          .execute(),
      );
    },
  };
}
