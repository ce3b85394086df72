// Users of whom no provider says whether they are active: their credentials end some days after the last sign-in.
import t, { type Test } from 'tap'
import { usableBy } from '../../src/delegation/index.ts'
import { createSealing } from '../../src/delegation/sealing.ts'
import { watchOf } from '../../src/delegation/watch.ts'
import type { Owner, Username } from '../../src/gateway/names.ts'
import type { PasswordHash } from '../../src/gateway/ports.ts'
import { Secret } from '../../src/gateway/secret.ts'
import { startPostgres } from '../support/postgres.ts'
import { aKey, aLab, anna, boris, firstKey, type GatewayProcess, type Lab, scope } from './lab.ts'
import { client } from './refresh-provider.ts'

const day = 86_400_000
const everySeconds = 600

interface Scene {
  readonly lab: Lab
  readonly gateway: GatewayProcess
  /** Lets days pass and looks once. */
  readonly after: (days: number) => Promise<void>
}

async function aScene(t: Test, options: Parameters<typeof aLab>[1] = { unwatchedDays: 30 }): Promise<Scene> {
  const lab = await aLab(t, { everySeconds, ...options })
  const gateway = await lab.process()
  return {
    lab,
    gateway,
    async after(days) {
      lab.clock.now += days * day
      await gateway.liveness.look()
    },
  }
}

async function isOn({ gateway }: Scene, owner: string): Promise<boolean | undefined> {
  const username = `${owner}@example.com` as Username
  return (await gateway.store.credentials.find(scope, undefined, username)).current?.enabled
}

/** A credential that a command set. */
async function commandSets({ gateway }: Scene, name: string): Promise<void> {
  const credential = { username: `${name}@example.com` as Username, hash: 'no hash' as PasswordHash }
  await gateway.registry.setCredential('cli:root', scope, credential)
}

t.test('a user who never connected is switched off after so many days, in one change', async t => {
  const scene = await aScene(t)
  const { lab, gateway, after } = scene
  await lab.request(anna) // sets the credential
  const before = await gateway.store.changes.revision()
  await after(29.9)
  t.equal(await isOn(scene, anna), true)
  await after(0.2)
  t.equal(await isOn(scene, anna), false)
  t.match(await gateway.store.changes.since(before), [
    {
      actor: 'liveness',
      action: 'credential-disabled-by-liveness',
      scope,
      usernames: [`${anna}@example.com`],
    },
  ])
  t.match(gateway.warnings, [{ facts: { user: `${anna}@example.com` } }])
  t.equal(lab.provider.asked(), 0)
  await after(30)
  t.equal(gateway.warnings.length, 1, 'once')
})

t.test('a user who disconnects before leaving does not keep a working credential', async t => {
  const scene = await aScene(t)
  const { lab, gateway, after } = scene
  await lab.signIn(anna)
  for (let days = 0; days < 60; days += 15) await after(15)
  t.equal(await isOn(scene, anna), true, 'as long as the provider confirms the user')
  await gateway.grants.end(`page:${anna}`, { scope, owner: anna as Owner }, 'disconnected')
  await after(29)
  t.equal(await isOn(scene, anna), true)
  await after(1.1)
  t.equal(await isOn(scene, anna), false)
})

t.test('days count from the last sign-in on the page, and from switching on', async t => {
  const scene = await aScene(t)
  const { lab, gateway, after } = scene
  await lab.request(anna)
  await after(20)
  await gateway.store.confirmations.signedIn(scope, anna as Owner)
  await after(20)
  t.equal(await isOn(scene, anna), true)
  await after(11)
  t.equal(await isOn(scene, anna), false)
  await gateway.registry.switchCredential('cli:root', scope, `${anna}@example.com` as Username, true)
  await after(29)
  t.equal(await isOn(scene, anna), true, 'an operator has confirmed it')
  await after(2)
  t.equal(await isOn(scene, anna), false)
})

t.test('a credential that a command set ends, unless it is spared or claimed', async t => {
  const scene = await aScene(t, { unwatchedDays: 30, unwatchedUsers: ['build@example.com'] })
  const { gateway, after } = scene
  for (const name of ['build', 'temp', 'claimed']) await commandSets(scene, name)
  await after(20)
  const username = 'claimed@example.com' as Username
  await gateway.registry.claimCredential('page:x', scope, username, 'an-owner' as Owner)
  await after(11)
  t.strictSame(await Promise.all(['build', 'temp', 'claimed'].map(name => isOn(scene, name))), [
    true,
    false,
    true,
  ])
  await after(20)
  t.equal(await isOn(scene, 'claimed'), false, 'claimed, but not connected')
  await commandSets(scene, 'temp')
  t.equal(await isOn(scene, 'temp'), false, 'a new password switches nothing on')
})

t.test('without the setting nothing ends', async t => {
  for (const options of [{}, { everySeconds: 600 }]) {
    const scene = await aScene(t, options)
    await scene.lab.request(anna)
    await scene.after(1000)
    t.equal(await isOn(scene, anna), true)
  }
})

t.test('an outage of the provider switches nothing off, however long it is', async t => {
  const scene = await aScene(t)
  const { lab, after } = scene
  await lab.signIn(anna)
  await lab.signIn(boris)
  await lab.provider.stop()
  for (let days = 0; days < 90; days += 10) await after(10)
  t.strictSame([await isOn(scene, anna), await isOn(scene, boris)], [true, true])
})

t.test('a sign-in that the gateway cannot use does not keep a credential on', async t => {
  const scene = await aScene(t)
  const { lab, gateway } = scene
  await lab.signIn(anna)
  await gateway.close()
  const other = await lab.process({ keys: [aKey('other')] })
  lab.clock.now += 29 * day
  await other.liveness.look()
  t.equal(
    (await other.store.credentials.find(scope, undefined, `${anna}@example.com` as Username)).current
      ?.enabled,
    true,
  )
  lab.clock.now += 2 * day
  await other.liveness.look()
  t.equal(
    (await other.store.credentials.find(scope, undefined, `${anna}@example.com` as Username)).current
      ?.enabled,
    false,
  )
})

t.test('a sign-in at that moment is not overtaken', async t => {
  const { lab, gateway } = await aScene(t)
  await lab.request(anna)
  lab.clock.now += 31 * day
  const [found] = await gateway.store.confirmations.unconfirmed({ scope }, 30 * day, undefined)
  if (found === undefined) return t.fail('nothing was found')
  await gateway.store.confirmations.signedIn(scope, anna as Owner)
  t.equal(await gateway.registry.disableUnconfirmed('liveness', found, 30 * day), false)
  lab.clock.now += 31 * day
  t.equal(await gateway.registry.disableUnconfirmed('liveness', found, 30 * day), true)
  t.equal(await gateway.registry.disableUnconfirmed('liveness', found, 30 * day), false, 'it is off')
})

t.test('scopes are kept apart, and many are found in batches', async t => {
  const { url } = await startPostgres(t)
  for (const address of [undefined, url]) {
    const { lab, gateway } = await aScene(t, address === undefined ? {} : { url: address })
    const hash = 'no hash' as PasswordHash
    const credentials = Array.from({ length: 1201 }, (_, at) => ({
      username: `u${at}@example.com` as Username,
      hash,
    }))
    await gateway.registry.importCredentials('test', scope, credentials, () => {})
    lab.clock.now += day
    const { confirmations } = gateway.store
    const all = new Set<string>()
    let last: Awaited<ReturnType<typeof confirmations.unconfirmed>>[number] | undefined
    do {
      // By its own clock, PostgreSQL saw them set a moment ago.
      const batch = await confirmations.unconfirmed({ scope }, address === undefined ? day / 2 : -day, last)
      for (const each of batch) all.add(each.username)
      last = batch.at(-1)
    } while (last !== undefined)
    t.equal(all.size, 1201)
    t.strictSame(await confirmations.unconfirmed({ except: [scope] }, -day, undefined), [])
    if (address === undefined)
      t.strictSame(await confirmations.unconfirmed({ scope }, 2 * day, undefined), [])
  }
})

t.test('what is told of a credential is what happens to it', async t => {
  const scene = await aScene(t, { unwatchedDays: 30, unwatchedUsers: ['build@example.com'] })
  const { lab, gateway } = scene
  const start = lab.clock.now
  const its = {
    clientId: client.id,
    clientSecret: new Secret(client.secret),
    liveness: { everySeconds, unwatchedDays: 30, unwatchedUsers: ['build@example.com'] },
  }
  const authorities = { directories: { [scope as string]: its } }
  const isUsable = usableBy(createSealing([firstKey]), authorities)
  const told = async (
    name: string,
    owner?: string,
    settings: Parameters<typeof watchOf>[2]['authorities'] = authorities,
  ) => {
    const record = (await gateway.registry.credentials(scope)).find(
      ({ username }) => username === `${name}@example.com`,
    )
    if (record === undefined) throw new Error(`${name} has no credential`)
    const grant =
      owner === undefined ? undefined : (await gateway.store.grants.of(scope, owner as Owner)).grant
    return watchOf(record, grant, { authorities: settings, isUsable })
  }
  for (const name of ['build', 'temp']) await commandSets(scene, name)
  await lab.signIn(anna)
  await lab.request(boris)
  t.strictSame(await told(anna, anna), { watched: true, everySeconds })
  t.strictSame(await told(boris, boris), { watched: false, because: 'no-sign-in', until: start + 30 * day })
  t.strictSame(await told('temp'), { watched: false, because: 'no-owner', until: start + 30 * day })
  t.strictSame(await told('build'), { watched: false, because: 'no-owner' })
  t.strictSame(await told(anna, anna, { directories: {} }), { watched: false, because: 'not-set' })
  const { liveness: _liveness, ...unchecked } = its
  t.strictSame(await told(anna, anna, { directories: { [scope as string]: unchecked } }), {
    watched: false,
    because: 'not-set',
  })
  t.match(
    await told(anna, anna, { directories: {}, entra: its }),
    { watched: true },
    'the rule of all other directories',
  )
  lab.clock.now += 10 * day
  await gateway.grants.end('page:x', { scope, owner: anna as Owner }, 'disconnected', { revoke: false })
  t.strictSame(await told(anna, anna), { watched: false, because: 'ended', until: start + 40 * day })
})
