import { join } from 'node:path'
import t, { type Test } from 'tap'
import { foldUsername, msaScope, type Revision, type Scope, type Username } from '../../src/gateway/names.ts'
import type { Decoy, Decoys, HashSurvey, PasswordHash } from '../../src/gateway/ports.ts'
import { Secret } from '../../src/gateway/secret.ts'
import { createArgon2id } from '../../src/hashing/argon2id.ts'
import { createDecoys } from '../../src/hashing/decoys.ts'
import { type HashCost, hashLike, kindOf, readHash } from '../../src/hashing/hash-string.ts'
import { openStore } from '../../src/store/store.ts'
import { temporaryDirectory } from '../support/directory.ts'
import { until } from '../support/until.ts'
import { attempt, hashed } from './vectors.ts'

const cost: HashCost = { memoryKiB: 1024, passes: 2, parallelism: 1 }
const directoryId = '11111111-1111-4111-8111-111111111111'
const contoso = directoryId as string as Scope

/** Hashes of unknown passwords: only their kinds count here. */
const hashes = {
  bcrypt10: '$2b$10$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e',
  bcrypt12: '$2y$12$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e',
  argon2i: '$argon2i$v=19$m=256,t=2,p=1$c29tZXNhbHQ$iekCn0Y3spW+sCcFanM2xBT63UP2sghkUoHLIUpWRS8',
  ours: '$argon2id$v=19$m=1024,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4',
} as const
const kinds: Readonly<Record<keyof typeof hashes, Decoy>> = {
  bcrypt10: 'decoy$2b$10',
  bcrypt12: 'decoy$2b$12',
  argon2i: 'decoy$argon2i$v=19$m=256,t=2,p=1',
  ours: 'decoy',
}

/** A store with a way to fill it, and decoys on it; `clock` is theirs. */
async function aStore(t: Test) {
  const url = new Secret(`sqlite:${join(temporaryDirectory(t), 'store.db')}`)
  const store = await openStore({ url })
  t.teardown(() => store.close())
  const registry = store.registry(async () => {})
  await registry.addDirectory('test', { id: directoryId as never, name: 'Contoso' })
  const clock = { now: 1_000_000, looks: 0 }
  const survey: HashSurvey = (...asked) => {
    clock.looks += 1
    return store.hashSurvey(...asked)
  }
  const decoys = (key = Buffer.alloc(32, 1)) => createDecoys({ survey, key, cost, now: () => clock.now })
  let people = 0
  async function fill(
    scope: Scope,
    kind: keyof typeof hashes,
    many: number,
    prefix = 'known',
    secondary = false,
  ) {
    const hash = hashes[kind] as string as PasswordHash
    const credentials = Array.from({ length: many }, () => {
      people += 1
      const username = foldUsername(`${prefix}${people}@example.com`)
      return { username, hash, ...(secondary && { secondary: foldUsername(`${prefix}${people}`) }) }
    })
    await registry.importCredentials('test', scope, credentials, () => {})
    return credentials.map(({ username }) => username)
  }
  const revision = () => store.changes.revision()
  return { store, registry, fill, decoys, clock, revision }
}

/** The shares, in percent, of the decoys of 4,000 unknown names. */
async function drawn(
  decoys: Decoys,
  asOf: Revision,
  { scope = msaScope, former = undefined as Scope | undefined, at = '@example.com' } = {},
) {
  const counts = new Map<Decoy, number>()
  for (let n = 0; n < 4000; n++) {
    const decoy = await decoys.like({ scope, former, username: foldUsername(`nobody${n}${at}`) }, asOf)
    counts.set(decoy, (counts.get(decoy) ?? 0) + 1)
  }
  return (kind: keyof typeof hashes) => (counts.get(kinds[kind]) ?? 0) / 40
}

/** More than five standard deviations of 4,000 draws. */
function near(t: Test, found: number, expected: number, what: string) {
  t.ok(Math.abs(found - expected) < 4, `${what}: ${found} %, expected ${expected} %`)
}

t.test('unknown names get decoys of the same kinds as known ones, in the same shares', async t => {
  const { fill, decoys, revision } = await aStore(t)
  await fill(msaScope, 'bcrypt10', 300)
  await fill(msaScope, 'bcrypt12', 60)
  await fill(msaScope, 'argon2i', 6)
  await fill(msaScope, 'ours', 234)
  const share = await drawn(decoys(), await revision())
  near(t, share('bcrypt10'), 50, 'bcrypt 10')
  near(t, share('bcrypt12'), 10, 'bcrypt 12')
  near(t, share('ours'), 39, 'ours')
  t.ok(share('argon2i') > 0.1 && share('argon2i') < 3, 'nor is a rare kind missing')
})

t.test('a name keeps its decoy, in every process, and another key deals anew', async t => {
  const { fill, decoys, revision } = await aStore(t)
  await fill(msaScope, 'bcrypt10', 50)
  await fill(msaScope, 'ours', 50)
  const asOf = await revision()
  const [one, two, other] = [decoys(), decoys(), decoys(Buffer.alloc(32, 2))]
  let differ = 0
  for (let n = 0; n < 200; n++) {
    const name = { scope: msaScope, former: undefined, username: foldUsername(`n${n}@example.com`) }
    const decoy = await one.like(name, asOf)
    t.equal(await one.like(name, asOf), decoy)
    t.equal(await two.like(name, asOf), decoy)
    if ((await other.like(name, asOf)) !== decoy) differ += 1
  }
  t.ok(differ > 50 && differ < 150, String(differ))
})

t.test('secondary names draw from those that have one', async t => {
  const { fill, decoys, revision } = await aStore(t)
  await fill(msaScope, 'bcrypt10', 100)
  await fill(msaScope, 'ours', 100, 'with', true)
  const [asOf, all] = [await revision(), decoys()]
  near(t, (await drawn(all, asOf))('bcrypt10'), 50, 'with @')
  near(t, (await drawn(all, asOf, { at: '' }))('ours'), 100, 'without @')
})

t.test(
  'on an account that has moved, names draw from today’s scope and from those who are only in the former',
  async t => {
    const { registry, fill, decoys, revision } = await aStore(t)
    const before = await fill(msaScope, 'bcrypt12', 200)
    for (const username of before.slice(0, 150))
      await registry.setCredential('test', contoso, { username, hash: hashes.ours as string as PasswordHash })
    const [asOf, all] = [await revision(), decoys()]
    const moved = await drawn(all, asOf, { scope: contoso, former: msaScope })
    near(t, moved('ours'), 75, 'ours')
    near(t, moved('bcrypt12'), 25, 'of the former scope')
    near(t, (await drawn(all, asOf))('bcrypt12'), 100, 'on an account that has not moved')
  },
)

t.test('an empty scope has decoys of our own', async t => {
  const { decoys, revision } = await aStore(t)
  near(t, (await drawn(decoys(), await revision(), { scope: contoso }))('ours'), 100, 'ours')
})

t.test('the shares follow the store, and reading them is bounded', async t => {
  const { fill, decoys, clock, revision, store } = await aStore(t)
  await fill(msaScope, 'ours', 10)
  const all = decoys()
  const name = { scope: msaScope, former: undefined, username: 'n@example.com' as Username }
  const first = await revision()
  t.strictSame(await Promise.all([1, 2, 3].map(() => all.like(name, first))), ['decoy', 'decoy', 'decoy'])
  t.equal(clock.looks, 2, 'once for all who ask at once: one look for the names, one for the end')

  await fill(msaScope, 'bcrypt10', 1000)
  const second = await revision()
  await all.like(name, second)
  t.equal(clock.looks, 2, 'not at once')
  clock.now += 1000
  await all.like(name, second)
  await until(async () => (await drawn(all, second))('bcrypt10') > 90)
  const { looks } = clock
  clock.now += 299_000
  await all.like(name, second)
  t.equal(clock.looks, looks, 'nothing has changed')

  for (const username of (await store.hashSurvey(msaScope, undefined, '' as Username)).map(
    each => each.username,
  ))
    await store.credentials.upgrade(
      msaScope,
      username,
      hashes.bcrypt10 as string as PasswordHash,
      hashes.ours as string as PasswordHash,
    )
  clock.now += 1000
  await all.like(name, second)
  await until(async () => (await drawn(all, second))('ours') > 45)
})

t.test('a decoy takes what a hash of its kind takes, and nothing matches it', async t => {
  for (const { hash, by } of hashed) {
    const kind = kindOf(hash, cost)
    t.notMatch(kind, hash.slice(-20), 'nothing of the hash itself')
    const like = readHash(hashLike(kind))
    t.same(like, readHash(hash), by)
    t.equal(kindOf(hashLike(kind), cost), kind)
  }
  t.equal(kindOf('damaged' as PasswordHash, cost), 'decoy')
  const hasher = await createArgon2id({ cost, onFlaw: flaw => t.fail(flaw) })
  for (const decoy of [...Object.values(kinds), ...new Set(hashed.map(({ hash }) => kindOf(hash, cost)))])
    for (const password of ['', 'x', decoy])
      t.equal(await hasher.compare(attempt(password), decoy), 'mismatch')
})
