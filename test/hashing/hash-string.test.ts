import t from 'tap'
import type { PasswordHash } from '../../src/gateway/ports.ts'
import { type HashCost, isOutdated } from '../../src/hashing/hash-string.ts'

/** An argon2 string with its parameters given. */
function phc(parameters: string, algorithm = 'argon2id') {
  const rest = 'c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4'
  return `$${algorithm}$v=19$${parameters}$${rest}` as PasswordHash
}

t.test('a hash is outdated if it cost less in any respect, or was not made by argon2id 1.3', async t => {
  const cost: HashCost = { memoryKiB: 64, passes: 3, parallelism: 2 }
  const current = ['m=64,t=3,p=2', 'm=128,t=3,p=2', 'm=64,t=4,p=2', 'm=64,t=3,p=3', 'm=64,p=2,t=3']
  for (const parameters of current) t.notOk(isOutdated(phc(parameters), cost), parameters)
  const outdated = ['m=63,t=3,p=2', 'm=1024,t=2,p=2', 'm=1024,t=9,p=1']
  for (const parameters of outdated) t.ok(isOutdated(phc(parameters), cost), parameters)
  t.ok(isOutdated(phc('m=64,t=3,p=2', 'argon2i'), cost))
  t.ok(isOutdated(phc('m=64,t=3,p=2').replace('v=19', 'v=16') as PasswordHash, cost))
  t.ok(isOutdated('damaged' as PasswordHash, cost))
})
