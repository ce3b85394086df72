import { randomBytes } from 'node:crypto'
import t from 'tap'
import { countByKey, rotate } from '../../src/delegation/rotation.ts'
import { createSealing } from '../../src/delegation/sealing.ts'
import type { Owner, Scope } from '../../src/gateway/names.ts'
import { Secret } from '../../src/gateway/secret.ts'
import { until } from '../support/until.ts'
import { aKey, aLab, anna, boris, firstKey, scope } from './lab.ts'

const minute = 60_000

const grant = {
  scope,
  owner: anna as Owner,
  issuer: 'https://login.example.com/north',
  clientId: 'altgate',
}

t.test('a sealed token opens with its key, and only as what it is', async t => {
  const token = new Secret('canary-token')
  const sealing = createSealing([firstKey])
  const sealed = sealing.seal(token, { refreshOf: grant })
  t.match(sealed, /^first\.[\w-]+$/)
  t.notMatch(sealed, 'canary')
  t.not(sealed, sealing.seal(token, { refreshOf: grant }), 'never the same twice')
  const open = (changes: object) => sealing.open(sealed, { refreshOf: { ...grant, ...changes } })
  t.equal(open({})?.reveal(), 'canary-token')
  for (const change of [
    { scope: 'msa' as Scope },
    { owner: boris as Owner },
    { issuer: 'https://evil.example.com' },
    { clientId: 'another' },
  ])
    t.equal(open(change), undefined, JSON.stringify(change))
  t.equal(sealing.open(sealed, { accessOf: grant, of: 'x' }), undefined, 'it is no access token')
  const access = sealing.seal(token, { accessOf: grant, of: 'x' })
  t.equal(sealing.open(access, { accessOf: grant, of: 'x' })?.reveal(), 'canary-token')
  t.equal(sealing.open(access, { accessOf: grant, of: 'y' }), undefined)
})

t.test('what is damaged, or sealed with another key, does not open', async t => {
  const sealing = createSealing([firstKey])
  const sealed = sealing.seal(new Secret('token'), { refreshOf: grant })
  for (let at = 0; at < sealed.length; at += 7) {
    const other = sealed[at] === 'A' ? 'B' : 'A'
    t.equal(sealing.open(sealed.slice(0, at) + other + sealed.slice(at + 1), { refreshOf: grant }), undefined)
  }
  for (const nonsense of ['', '.', 'first', 'first.', '.x', 'first.x', sealed.slice(0, -1), sealed.slice(6)])
    t.equal(sealing.open(nonsense, { refreshOf: grant }), undefined, nonsense)
  const sameName = createSealing([aKey('first')])
  t.equal(sameName.open(sealed, { refreshOf: grant }), undefined)
  t.equal(createSealing([aKey('next')]).open(sealed, { refreshOf: grant }), undefined)
  t.throws(() => createSealing([]), /no sealing key/)
})

t.test('the first key seals, every key opens, in hexadecimal as in base64', async t => {
  const bytes = randomBytes(32)
  const spellings = ['hex', 'base64', 'base64url'] as const
  const [hex, base64, base64url] = spellings.map(
    spelling => [{ id: 'k', key: new Secret(bytes.toString(spelling)) }] as const,
  )
  const sealed = createSealing(hex ?? []).seal(new Secret('token'), { refreshOf: grant })
  for (const keys of [base64, base64url])
    t.equal(
      createSealing(keys ?? [])
        .open(sealed, { refreshOf: grant })
        ?.reveal(),
      'token',
    )
  const next = createSealing([aKey('next'), ...(hex ?? [])])
  t.equal(next.open(sealed, { refreshOf: grant })?.reveal(), 'token')
  t.match(next.seal(new Secret('token'), { refreshOf: grant }), /^next\./)
})

t.test(
  'without its key a sign-in is kept, the operator is told once, and putting the key back is enough',
  async t => {
    const lab = await aLab(t)
    await lab.signIn()
    await lab.signIn(boris)
    const wrong = await lab.process({ keys: [aKey('other')] })
    const before = await wrong.grants.of(scope, anna as Owner)
    for (const user of [anna, boris, anna]) t.equal(await wrong.token(user), 'sealed-otherwise')
    t.strictSame(
      wrong.warnings.map(({ facts }) => facts),
      [{ key: 'first' }],
    )
    t.strictSame(await wrong.grants.of(scope, anna as Owner), before, 'nothing was overwritten')
    t.equal(lab.provider.asked(), 0)
    const sameName = await lab.process({ keys: [aKey('first')] })
    t.equal(await sameName.token(), 'sealed-otherwise')
    const right = await lab.process({ keys: [aKey('other'), firstKey] })
    t.type(await right.token(), 'object')
  },
)

t.test('keys are replaced in the middle of traffic, and no user notices', async t => {
  const lab = await aLab(t)
  const users = Array.from({ length: 30 }, (_, at) => `user-${at}`)
  for (const user of users) await lab.signIn(user)
  const next = aKey('next')
  const gateways = [
    await lab.process({ keys: [next, firstKey] }),
    await lab.process({ keys: [next, firstKey] }),
  ]
  const [{ store }] = gateways as [(typeof gateways)[0]]
  const sealing = createSealing([next, firstKey])
  t.strictSame([...(await countByKey(store.grants))], [['first', 30]])

  const traffic = async () => {
    for (const user of users) for (const gateway of gateways) await gateway.bearer(user)
  }
  const seen: number[] = []
  const [rotated] = await Promise.all([
    rotate(store.grants, sealing, done => void seen.push(done)),
    traffic(),
  ])
  t.match(rotated, { lost: 0, left: 0 })
  t.equal(seen[29], 30)
  t.strictSame([...(await countByKey(store.grants))], [['next', 30]])
  lab.clock.now += 61 * minute
  const later = await lab.process({ keys: [next] })
  for (const user of users) t.type(await later.token(user), 'object')
  t.equal(gateways.flatMap(({ outages }) => outages).length, 0)
  t.match(
    await rotate(store.grants, sealing, () => {}),
    { resealed: 0, lost: 0, left: 0 },
    'nothing is left to do',
  )
})

t.test('a rotation leaves alone what none of the keys opens', async t => {
  const lab = await aLab(t)
  await lab.signIn()
  const gateway = await lab.process({ keys: [aKey('other')] })
  const before = await gateway.grants.of(scope, anna as Owner)
  t.match(await rotate(gateway.store.grants, createSealing([aKey('other')]), () => {}), {
    resealed: 0,
    lost: 1,
  })
  t.strictSame(await gateway.grants.of(scope, anna as Owner), before)
})

t.test('a renewal and a rotation at the same moment lose nothing', async t => {
  const lab = await aLab(t)
  await lab.signIn()
  const next = aKey('next')
  const gateway = await lab.process({ keys: [next, firstKey] })
  const holding = Promise.withResolvers<void>()
  lab.provider.hold = holding.promise
  const waiting = gateway.bearer()
  await until(() => lab.provider.asked() > 0)
  await rotate(gateway.store.grants, createSealing([next, firstKey]), () => {})
  holding.resolve()
  const bearer = await waiting
  const later = await lab.process({ keys: [next] })
  t.equal(await later.bearer(), bearer)
  lab.clock.now += 61 * minute
  t.type(await later.token(), 'object')
})
