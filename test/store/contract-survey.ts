import type { Test } from 'tap'
import { foldUsername, type Scope, type Username } from '../../src/gateway/names.ts'
import type { Store } from '../../src/store/store.ts'
import { type MakeDatabase, openFresh } from './contract.ts'
import { actor, hashOf, inNorth, manyCredentials, msa, north, silently } from './samples.ts'

/** All that the survey of a scope gives, look by look. */
async function survey({ hashSurvey }: Store, scope: Scope, unlessIn?: Scope) {
  const all: (readonly [Username, string])[] = []
  for (let looks = 0; looks < 20; looks++) {
    const found = await hashSurvey(scope, unlessIn, all.at(-1)?.[0] ?? ('' as Username))
    if (found.length === 0) return new Map(all)
    all.push(...found.map(({ username, hash }) => [username, hash] as const))
  }
  throw new Error('the survey has no end')
}

export async function surveyContract(t: Test, make: MakeDatabase): Promise<void> {
  await t.test('a survey gives every name of a scope once, with the hash that it leads to', async t => {
    const store = await openFresh(t, make)
    const registry = store.registry(silently)
    await registry.addDirectory(actor, north)
    t.equal((await survey(store, msa)).size, 0)
    await registry.importCredentials(actor, msa, manyCredentials(600), () => {})
    for (const name of ['user1@example.com', 'user2', '\u00fcser@example.com'])
      await registry.setCredential(actor, inNorth, { username: foldUsername(name), hash: hashOf('north') })
    const all = await survey(store, msa)
    t.equal(all.size, 1200)
    t.equal(all.get(foldUsername('user599')), hashOf('imported599'))
    t.equal(all.get(foldUsername('user599@example.com')), hashOf('imported599'))
    t.equal((await survey(store, inNorth)).size, 3)

    const rest = await survey(store, msa, inNorth)
    t.equal(rest.size, 1198)
    t.equal(rest.has(foldUsername('user1@example.com')), false)
    t.equal(rest.has(foldUsername('user1')), true)
    t.equal(rest.has(foldUsername('user2')), false)
  })
}
