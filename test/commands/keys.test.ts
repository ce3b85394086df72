import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import t, { type Test } from 'tap'
import { openGrants } from '../../src/delegation/index.ts'
import type { Owner } from '../../src/gateway/names.ts'
import { msaScope } from '../../src/gateway/names.ts'
import { Secret } from '../../src/gateway/secret.ts'
import { openStore } from '../../src/store/store.ts'
import { silently } from '../store/samples.ts'
import { aDesk, type Desk } from './desk.ts'

const [one, two] = [randomBytes(32).toString('base64'), randomBytes(32).toString('hex')]
const settingOf = (...keys: (readonly [string, string])[]) => ({
  ALTGATE__SECRETS__SEALINGKEYS: JSON.stringify(keys.map(([id, key]) => ({ id, key }))),
})

/** A desk whose store has three sign-ins that the key `k1` seals. */
async function deskWithSignIns(t: Test) {
  const desk = aDesk(t, settingOf(['k1', one]))
  const store = await openStore({ url: new Secret(`sqlite:${join(desk.directory, 'altgate.db')}`) })
  const sealingKeys = [{ id: 'k1', key: new Secret(one) }]
  const registry = store.registry(silently)
  const grants = openGrants({ authorities: { directories: {} }, sealingKeys, grants: store.grants, registry })
  for (const owner of ['anna', 'boris', 'clara'])
    await grants.give('test', {
      scope: msaScope,
      owner: owner as Owner,
      issuer: 'https://login.example.com',
      clientId: 'altgate',
      refreshToken: new Secret(`canary of ${owner}`),
    })
  await store.close()
  return desk
}

async function sealingKeys(desk: Desk): Promise<unknown> {
  const all = (await desk.json(['keys', 'list'])) as readonly { readonly key: string }[]
  return all.filter(({ key }) => key === 'sealing')
}

t.test('the keys are listed with what they seal', async t => {
  const desk = await deskWithSignIns(t)
  t.match(await desk.must(['keys', 'list']), /^sealing +k1 +seals and opens +- +3 sign-ins$/m)
  t.strictSame(await sealingKeys(desk), [{ key: 'sealing', id: 'k1', use: 'seals', signIns: 3 }])
  Object.assign(desk.env, settingOf(['k2', two]))
  t.match(await sealingKeys(desk), [
    { id: 'k2', use: 'seals', signIns: 0 },
    { id: 'k1', use: 'missing', signIns: 3 },
  ])
  t.match(await desk.must(['keys', 'list']), /k1 +not in the settings +- +3 sign-ins: these users/)
})

t.test('rotate seals everything with the first key', async t => {
  const desk = await deskWithSignIns(t)
  Object.assign(desk.env, settingOf(['k2', two], ['k1', one]))
  t.equal(await desk.must(['keys', 'rotate']), '3 sign-ins were sealed with the key k2.\n')
  t.match(await sealingKeys(desk), [
    { id: 'k2', use: 'seals', signIns: 3 },
    { id: 'k1', use: 'opens', signIns: 0 },
  ])
  t.equal(await desk.must(['keys', 'rotate']), '0 sign-ins were sealed with the key k2.\n')
  const sealing = { key: 'sealing', id: 'k2', resealed: 0, lost: 0, left: 0 }
  t.strictSame(await desk.json(['keys', 'rotate']), sealing)
})

t.test('rotate fails if something stays sealed with a key that is missing', async t => {
  const desk = await deskWithSignIns(t)
  Object.assign(desk.env, settingOf(['k2', two]))
  const { code, stderr } = await desk.run(['keys', 'rotate'])
  t.equal(code, 1)
  t.match(stderr, '3 are sealed with keys that the settings do not have')
})

t.test('without a key no gateway starts that has to keep what sign-ins give: exit code 78', async t => {
  const desk = aDesk(t, {
    ALTGATE__UPSTREAMAUTH: '{ method: delegated }',
    ALTGATE__SIGNIN__ENTRA: '{ clientId: altgate, clientSecret: canary }',
  })
  const { code, stderr } = await desk.run(['serve'])
  t.equal(code, 78)
  t.match(stderr, 'secrets.sealingKeys: is missing')
  t.notMatch(stderr, 'canary')
})

t.test('without any key there is nothing to do', async t => {
  const desk = aDesk(t)
  t.match((await desk.run(['keys', 'list'])).stderr, 'no sealing key')
  t.match(await desk.run(['keys', 'rotate']), { code: 1, stderr: /secrets\.sealingKeys/ })
})

t.test('a key of the store is replaced, counted and retired, and what ends is said before', async t => {
  const desk = aDesk(t)
  const add = async (name: string) => {
    const words = ['credential', 'password', 'add', '--scope', 'msa', '--user', 'anna@example.com']
    await desk.must([...words, '--name', name])
  }
  const listed = async () =>
    ((await desk.json(['keys', 'list'])) as readonly Record<string, unknown>[])
      .filter(({ key }) => key === 'passwords')
      .map(({ id, use, passwords }) => [id, use, passwords])
  await add('laptop')
  await add('phone')
  t.strictSame(await listed(), [[1, 'current', 2]])
  t.match(
    await desk.must(['keys', 'rotate', 'passwords']),
    /^Key 2 of passwords is in use, in every running gateway/,
  )
  await add('build')
  t.strictSame(await listed(), [
    [1, 'former', 2],
    [2, 'current', 1],
  ])
  t.match(await desk.run(['keys', 'retire', 'passwords', '2', '--yes']), {
    code: 1,
    stderr: /is not a former one/,
  })
  t.match(await desk.run(['keys', 'retire', 'passwords', '7', '--yes']), {
    code: 1,
    stderr: /There is no key 7/,
  })
  t.match(await desk.run(['keys', 'retire', 'passwords', '1']), { code: 2, stderr: /add --yes/ })
  t.match(await desk.run(['keys', 'retire', 'passwords', '1', '--yes', '--json']), {
    code: 0,
    stdout: /"result": "retired",\s+"key": "passwords",\s+"id": 1\b/,
    stderr: /^2 generated passwords will be refused from then on/,
  })
  t.strictSame(await listed(), [[2, 'current', 1]])
  t.match(await desk.must(['history']), /keys-retired/)
})

t.test('a key that signs assertions is published first', async t => {
  const desk = aDesk(t)
  t.match(await desk.must(['keys', 'rotate', 'verdicts']), /Key 2 of verdicts is in use/)
  const answers = { key: 'answers', id: 1, use: 'current' }
  t.strictSame(await desk.json(['keys', 'rotate', 'answers']), answers)
  const store = await openStore({ url: new Secret(`sqlite:${join(desk.directory, 'altgate.db')}`) })
  await store.keyRing('assertions')
  await store.close()
  t.match(await desk.must(['keys', 'rotate', 'assertions']), /Key 2 of assertions is published/)
  t.match(await desk.must(['keys', 'rotate', 'assertions']), /Key 2 of assertions is published/, 'too early')
  const early = await desk.json(['keys', 'rotate', 'assertions'])
  t.match(early, { key: 'assertions', id: 2, use: 'waiting', usableFrom: /^20.*Z$/ })
  const database = new DatabaseSync(join(desk.directory, 'altgate.db'))
  database.exec("update keys set made_at = made_at - 3600001 where name = 'assertions'")
  database.close()
  t.match(await desk.must(['keys', 'rotate', 'assertions']), /Key 2 of assertions is in use/)
})
