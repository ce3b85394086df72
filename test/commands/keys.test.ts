import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { openGrants } from '../../src/delegation/index.ts'
import type { Owner } from '../../src/gateway/names.ts'
import { msaScope } from '../../src/gateway/names.ts'
import { Secret } from '../../src/gateway/secret.ts'
import { openStore } from '../../src/store/store.ts'
import { silently } from '../store/samples.ts'
import { aDesk } from './desk.ts'

const [one, two] = [randomBytes(32).toString('base64'), randomBytes(32).toString('hex')]
const settingOf = (...keys: (readonly [string, string])[]) => ({
  ALTGATE__SECRETS__SEALINGKEYS: JSON.stringify(keys.map(([id, key]) => ({ id, key }))),
})

/** A desk whose store has three sign-ins that the key `k1` seals. */
async function deskWithSignIns(t: Test) {
  const desk = aDesk(t, settingOf(['k1', one]))
  await desk.ready()
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

t.test('the keys are listed with what they seal', async t => {
  const desk = await deskWithSignIns(t)
  t.match(await desk.must(['keys', 'list']), /^k1 +3 sign-ins {2}seals and opens$/m)
  t.strictSame(await desk.json(['keys', 'list']), [{ id: 'k1', use: 'seals', signIns: 3 }])
  Object.assign(desk.env, settingOf(['k2', two]))
  t.strictSame(await desk.json(['keys', 'list']), [
    { id: 'k2', use: 'seals', signIns: 0 },
    { id: 'k1', use: 'missing', signIns: 3 },
  ])
  t.match(await desk.must(['keys', 'list']), /k1 +3 sign-ins {2}not in the settings/)
})

t.test('rotate seals everything with the first key', async t => {
  const desk = await deskWithSignIns(t)
  Object.assign(desk.env, settingOf(['k2', two], ['k1', one]))
  t.equal(await desk.must(['keys', 'rotate']), '3 sign-ins were sealed with the key k2.\n')
  t.strictSame(await desk.json(['keys', 'list']), [
    { id: 'k2', use: 'seals', signIns: 3 },
    { id: 'k1', use: 'opens', signIns: 0 },
  ])
  t.equal(await desk.must(['keys', 'rotate']), '0 sign-ins were sealed with the key k2.\n')
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
  t.match(await desk.must(['keys', 'list']), 'no sealing key')
  t.match(await desk.run(['keys', 'rotate']), { code: 1, stderr: /secrets\.sealingKeys/ })
})
