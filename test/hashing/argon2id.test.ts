import t from 'tap'
import { Outage } from '../../src/gateway/outage.ts'
import type { PasswordHash } from '../../src/gateway/ports.ts'
import { Secret } from '../../src/gateway/secret.ts'
import { createArgon2id, makeHash } from '../../src/hashing/argon2id.ts'
import { attempt } from './vectors.ts'
import { cheap, hashOf, keepsTheContract } from './contract.ts'

t.test('hashing in this process', async t => {
  await keepsTheContract(t, await createArgon2id({ cost: cheap, onFlaw: () => {} }))
})

t.test('a hash is written as the reference implementation writes it', async t => {
  const hasher = await createArgon2id({ cost: cheap, onFlaw: () => {} })
  t.match(
    await hashOf(hasher, 'x'),
    /^\$argon2id\$v=19\$m=1024,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/,
  )
})

t.test('an operator is told of each stored hash that cannot be read, and of no other', async t => {
  const flaws: string[] = []
  const hasher = await createArgon2id({ cost: cheap, onFlaw: flaw => flaws.push(flaw) })
  const good = await hashOf(hasher, 'x')
  for (const hash of [good, '', `${good.slice(0, -1)}!`, good.replace('v=19', 'v=20')])
    await hasher.compare(attempt('x'), hash as PasswordHash)
  await hasher.compare(attempt('x'), 'decoy')
  t.strictSame(flaws, ['algorithm', 'malformed', 'malformed'])
})

t.test('when the cost is raised, hashes of before still open and are outdated', async t => {
  const before = await createArgon2id({ cost: cheap, onFlaw: () => {} })
  const now = await createArgon2id({ cost: { ...cheap, passes: 3 }, onFlaw: () => {} })
  const hash = await hashOf(before, 'x')
  t.equal(await now.compare(attempt('x'), hash), 'match')
  t.ok(now.outdated(hash))
  t.notOk(before.outdated(await hashOf(now, 'x')))
})

t.test('what argon2 cannot compute is an outage, not a wrong password', async t => {
  const impossible = { ...cheap, memoryKiB: 1 }
  await t.rejects(createArgon2id({ cost: impossible, onFlaw: () => {} }), Outage)
  await t.rejects(makeHash(new Secret('x'), impossible), Outage)
})
