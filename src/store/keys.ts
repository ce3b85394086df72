import { randomBytes } from 'node:crypto'
import type { Database } from './database.ts'

/** The keys that processes share by sharing the store. */
export type KeyName = 'verdicts' | 'passwords' | 'assertions' | 'answers' | 'lfs-actions' | 'sign-ins'

/** 32 random bytes, made by whoever asks first, the same for everybody ever after. Throws `Outage`. */
export async function sharedKey({ writing }: Database, name: KeyName): Promise<Uint8Array> {
  const fresh = randomBytes(32).toString('base64')
  const { bytes } = await writing.transaction().execute(async transaction => {
    await transaction
      .insertInto('keys')
      .values({ name, bytes: fresh })
      .onConflict(conflict => conflict.doNothing())
      .execute()
    return await transaction
      .selectFrom('keys')
      .select('bytes')
      .where('name', '=', name)
      .executeTakeFirstOrThrow()
  })
  return Buffer.from(bytes, 'base64')
}
