import t, { type Test } from 'tap'
import type { Username } from '../../src/gateway/names.ts'
import { startPostgres } from '../support/postgres.ts'
import { until } from '../support/until.ts'
import { aLab, anna, boris, type GatewayProcess, type Lab, scope } from './lab.ts'
import type { Answering } from './refresh-provider.ts'

const everySeconds = 600
const minute = 60_000

/** An answer of the token endpoint, as JSON. */
function refusing(error: string, description = ''): Answering {
  return response => {
    response.writeHead(400, { 'content-type': 'application/json' })
    response.end(JSON.stringify({ error, error_description: description }))
  }
}

async function isOn(gateway: GatewayProcess, owner: string): Promise<boolean | undefined> {
  const username = `${owner}@example.com` as Username
  return (await gateway.store.credentials.find(scope, undefined, username)).current?.enabled
}

async function aCheckedLab(t: Test): Promise<{ readonly lab: Lab; readonly gateway: GatewayProcess }> {
  const lab = await aLab(t, { everySeconds })
  const gateway = await lab.process()
  await lab.signIn(anna)
  await lab.signIn(boris)
  return { lab, gateway }
}

t.test('each user is checked when the time has come, and not before', async t => {
  const { lab, gateway } = await aCheckedLab(t)
  lab.clock.now += 7 * minute
  await gateway.liveness.look()
  t.equal(lab.provider.asked(), 0, 'the last check is younger')
  lab.clock.now += 3 * minute
  await gateway.liveness.look()
  t.equal(lab.provider.asked(), 2)
  await gateway.liveness.look()
  t.equal(lab.provider.asked(), 2, 'they were just checked')
  lab.clock.now += 10 * minute
  await gateway.liveness.look()
  t.equal(lab.provider.asked(), 4, 'with the refresh tokens that the checks gave: each is good for one use')
  t.strictSame([await isOn(gateway, anna), await isOn(gateway, boris)], [true, true])
})

t.test('users who signed in within one minute are not checked within one minute', async t => {
  const lab = await aLab(t, { everySeconds })
  const gateway = await lab.process()
  for (let at = 0; at < 40; at += 1) await lab.signIn(`user-${at}`)
  lab.clock.now += 7.5 * minute
  const perStep: number[] = []
  for (let step = 0; step < 11; step += 1) {
    const before = lab.provider.asked()
    await gateway.liveness.look()
    perStep.push(lab.provider.asked() - before)
    lab.clock.now += minute / 4
  }
  t.equal(lab.provider.asked(), 40, 'all within the interval')
  t.ok(Math.max(...perStep) < 14, perStep.join(' '))
  t.ok(lab.provider.atOnce() <= 4)
})

t.test('a user for whom requests renew is not asked about again', async t => {
  const { lab, gateway } = await aCheckedLab(t)
  lab.clock.now += 9 * minute
  await gateway.bearer(anna)
  t.equal(lab.provider.asked(), 1)
  lab.clock.now += minute
  await gateway.liveness.look()
  t.equal(lab.provider.asked(), 2, 'only the other one')
})

t.test('a user that the provider refuses is switched off, in one change, and others are not', async t => {
  const { lab, gateway } = await aCheckedLab(t)
  const before = await gateway.store.changes.revision()
  let first = true
  lab.provider.answering = (response, usual, request) => {
    if (!first) return usual()
    first = false
    return refusing('invalid_grant', 'AADSTS50057: The user account is disabled.')(response, usual, request)
  }
  lab.clock.now += 10 * minute
  await gateway.liveness.look()
  const states = [await isOn(gateway, anna), await isOn(gateway, boris)]
  t.not(states[0], states[1], 'one of them is off')
  const off = states[0] ? boris : anna
  const changes = await gateway.store.changes.since(before)
  t.match(changes, [
    {
      actor: 'liveness',
      action: 'credential-disabled-by-liveness',
      scope,
      usernames: [`${off}@example.com`],
    },
  ])
  t.equal(changes.length, 1)
  t.equal(await gateway.token(off), 'ended')
  t.match(gateway.warnings, [{ facts: { owner: off, why: 'invalid_grant AADSTS50057' } }])
  const asked = lab.provider.asked()
  lab.clock.now += 20 * minute
  await gateway.liveness.look()
  t.equal(lab.provider.asked(), asked + 1, 'only the other one is checked from now on')

  lab.provider.answering = undefined
  await lab.signIn(off)
  await gateway.registry.switchCredential('page:test', scope, `${off}@example.com` as Username, true)
  await gateway.liveness.look()
  t.equal(await isOn(gateway, off), true, 'after a new sign-in it can be switched on again')
})

t.test('an outage, or nonsense, switches nothing off, and the check is repeated', async t => {
  const { lab, gateway } = await aCheckedLab(t)
  const answers: readonly Answering[] = [
    response => void response.writeHead(503).end(),
    response => void response.writeHead(429, { 'retry-after': '1' }).end(),
    response => void response.writeHead(200, { 'content-type': 'application/json' }).end('{}'),
    response => void response.writeHead(400).end('<html>invalid_grant</html>'),
    response => void response.destroy(),
    refusing('invalid_client', 'AADSTS7000215: the secret is wrong'),
    refusing('server_error'),
    refusing('invalid_scope'),
  ]
  lab.clock.now += 10 * minute
  for (const answering of answers) {
    lab.provider.answering = answering
    const asked = lab.provider.asked()
    await gateway.liveness.look()
    t.ok(lab.provider.asked() > asked, 'it was asked')
    t.strictSame([await isOn(gateway, anna), await isOn(gateway, boris)], [true, true])
    t.strictSame(await gateway.store.grants.count(), { active: 2, ended: 0 })
    lab.clock.now += 11 * minute
  }
  lab.provider.answering = undefined
  await lab.provider.stop()
  const told = gateway.outages.length
  await gateway.liveness.look()
  t.equal(gateway.outages.length, told + 1, 'told once, not for each user')
  t.strictSame([await isOn(gateway, anna), await isOn(gateway, boris)], [true, true])
  await lab.provider.start()
  lab.clock.now += minute
  const asked = lab.provider.asked()
  await gateway.liveness.look()
  t.equal(lab.provider.asked(), asked + 2)
})

t.test(
  'a provider that wants to see the user, or a consent, ends the sign-in and switches nothing off',
  async t => {
    for (const [error, description] of [
      ['interaction_required', 'AADSTS50076'],
      ['login_required', ''],
      ['invalid_grant', 'AADSTS65001: no consent'],
    ] as const) {
      const { lab, gateway } = await aCheckedLab(t)
      lab.provider.answering = refusing(error, description)
      lab.clock.now += 10 * minute
      await gateway.liveness.look()
      t.strictSame([await isOn(gateway, anna), await isOn(gateway, boris)], [true, true], error)
      t.strictSame(await gateway.store.grants.count(), { active: 0, ended: 2 })
    }
  },
)

t.test("a request's renewal that is refused switches the credential off as well", async t => {
  const { lab, gateway } = await aCheckedLab(t)
  lab.provider.answering = refusing('invalid_grant')
  t.equal(await gateway.token(anna), 'ended')
  t.strictSame([await isOn(gateway, anna), await isOn(gateway, boris)], [false, true])
})

t.test('without liveness a refusal ends the sign-in alone', async t => {
  const lab = await aLab(t)
  const gateway = await lab.process()
  await lab.signIn(anna)
  lab.provider.answering = refusing('invalid_grant')
  t.equal(await gateway.token(anna), 'ended')
  t.equal(await isOn(gateway, anna), true)
  lab.clock.now += 1000 * minute
  await gateway.liveness.look()
  t.equal(lab.provider.asked(), 1, 'and no user is checked')
})

t.test('a sign-in that no key opens switches nothing off', async t => {
  const { lab, gateway } = await aCheckedLab(t)
  const { aKey } = await import('./lab.ts')
  await gateway.close()
  const other = await lab.process({ keys: [aKey('other')] })
  lab.clock.now += 10 * minute
  await other.liveness.look()
  t.equal(lab.provider.asked(), 0)
  t.strictSame([await isOn(other, anna), await isOn(other, boris)], [true, true])
})

t.test('of two gateways one checks, and the other takes over when it is gone', async t => {
  const lab = await aLab(t, { everySeconds })
  const gateways = [await lab.process(), await lab.process()]
  for (let at = 0; at < 10; at += 1) await lab.signIn(`user-${at}`)
  lab.clock.now += 10 * minute
  await Promise.all(gateways.map(({ liveness }) => liveness.look()))
  t.equal(lab.provider.asked(), 10, 'each user once')
  const counts = gateways.map(({ results }) => results.length)
  t.strictSame(
    [...counts].sort((one, other) => one - other),
    [0, 10],
    'by one of them',
  )
  const [gone, left] = counts[0] === 10 ? gateways : gateways.toReversed()
  await gone?.close()
  lab.clock.now += 10 * minute
  await left?.liveness.look()
  t.equal(lab.provider.asked(), 20)
})

t.test('on PostgreSQL, too', async t => {
  const { url } = await startPostgres(t)
  const lab = await aLab(t, { url, everySeconds: 1 })
  const gateways = [await lab.process(), await lab.process()]
  await lab.signIn(anna)
  await lab.signIn(boris)
  const look = () => Promise.all(gateways.map(({ liveness }) => liveness.look()))
  await until(async () => {
    await look()
    return lab.provider.asked() >= 4
  })
  lab.provider.answering = refusing('invalid_grant')
  await until(async () => {
    await look()
    const [gateway] = gateways
    return gateway !== undefined && !(await isOn(gateway, anna)) && !(await isOn(gateway, boris))
  })
  t.pass('both are switched off')
})
