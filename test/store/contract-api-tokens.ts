import type { Test } from 'tap'
import { createGeneratedPasswords } from '../../src/gateway/generated-password.ts'
import type { Revision } from '../../src/gateway/names.ts'
import { type MakeDatabase, open } from './contract.ts'

/** Tokens of the API, in every kind of store. */
export async function apiTokensContract(t: Test, make: MakeDatabase): Promise<void> {
  await t.test('a token is found by every process, until it is revoked', async t => {
    const database = await make(t)
    const clock = () => 1000
    const [store, other] = [await open(t, database, clock), await open(t, database, clock)]
    const { id, mac } = createGeneratedPasswords(await store.key('api-tokens'), 'aga_').make()
    const registry = store.registry(async () => {})
    const token = { name: 'robot', scope: 'write', id, mac } as const
    t.equal(await registry.addToken('cli:root', { ...token, endsAt: 9000 }), undefined)
    const kept = { name: 'robot', scope: 'write', addedAt: 1000, actor: 'cli:root', endsAt: 9000 }
    t.strictSame(await other.apiTokens.find(id), { ...kept, id, mac })
    t.strictSame(await other.apiTokens.list(), [kept], 'a list proves nothing')
    t.strictSame(await registry.addToken('cli:root', { ...token, id: 'another' as never }), {
      problem: 'token-name-taken',
      name: 'robot',
    })
    await store.apiTokens.used(id, 2000)
    t.match(await other.apiTokens.list(), [{ lastUsedAt: 2000 }])
    t.equal(await registry.revokeToken('cli:root', 'robot'), undefined)
    t.equal(await other.apiTokens.find(id), undefined)
    t.strictSame(await registry.revokeToken('cli:root', 'robot'), { problem: 'no-such-token', name: 'robot' })
    t.match(await store.changes.since(0 as Revision), [
      { action: 'token-added', actor: 'cli:root', usernames: ['robot'] },
      { action: 'token-revoked', usernames: ['robot'] },
    ])
  })
}
