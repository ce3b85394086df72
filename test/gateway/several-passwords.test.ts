import { randomBytes } from 'node:crypto'
import t, { type Test } from 'tap'
import { RequestHeaders } from '../../src/gateway/ask.ts'
import type { Account } from '../../src/gateway/account.ts'
import { createAttemptKeys } from '../../src/gateway/attempt.ts'
import { createGateway } from '../../src/gateway/gateway.ts'
import { createGeneratedPasswords } from '../../src/gateway/generated-password.ts'
import { type AccountName, foldUsername, msaScope, type Scope } from '../../src/gateway/names.ts'
import { noPassword, type PasswordHash } from '../../src/gateway/ports.ts'
import type { NewPassword } from '../../src/gateway/registry.ts'
import { Secret } from '../../src/gateway/secret.ts'
import { createVerifier } from '../../src/gateway/verifier.ts'
import { writes } from '../../src/requests/writes.ts'
import { openStore } from '../../src/store/store.ts'
import { createThrottle } from '../../src/throttling/throttle.ts'
import { createLocalVerdicts } from '../../src/verdicts/local.ts'
import { createVerdictCache } from '../../src/verdicts/shared.ts'
import { north } from '../store/samples.ts'
import { oldPassword } from '../support/old-passwords.ts'
import { until } from '../support/until.ts'
import { usualThrottle } from '../support/world.ts'

const anna = foldUsername('anna@example.com')
const boris = foldUsername('boris@example.com')
const inNorth = north.id as string as Scope
const hour = 60 * 60 * 1000
const start = Date.UTC(2027, 0, 1)

/** A gateway over a real store and verdict cache. The hash of a password is the password, and each comparison is noted. */
async function aGateway(t: Test) {
  const clock = { now: start }
  const now = () => clock.now
  const url = new Secret(`sqlite:${t.testdir({})}/altgate.db`)
  const store = await openStore({ url, clock: now })
  t.teardown(() => store.close())
  const registry = store.registry(async () => {})
  const key = randomBytes(32)
  const generated = createGeneratedPasswords(key)
  const compared: string[] = []
  const local = createLocalVerdicts({
    matchTtlSeconds: 7200,
    otherTtlSeconds: 30,
    goodEntries: 100,
    otherEntries: 100,
    now,
  })
  const verdicts = createVerdictCache({ local })
  const keys = createAttemptKeys(key)
  const account = (name: string, rest: Partial<Account> = {}): Account => ({
    name: name as AccountName,
    connection: { kind: 'msa' },
    upstream: 'http://127.0.0.1:1',
    ...rest,
  })
  const toNorth = { kind: 'entra', directoryId: north.id, directoryName: north.name } as const
  const accounts = [
    account('fabrikam'),
    account('moved', { connection: toNorth, former: { connection: { kind: 'msa' }, leftAt: start } }),
    account('bridged', {
      connection: toNorth,
      former: { connection: { kind: 'msa' }, leftAt: start, bridgedUntil: start + 48 * hour },
    }),
  ]
  const find = (name: AccountName) => accounts.find(each => each.name === name)
  const gateway = createGateway({
    naming: { by: 'path' },
    httpsOnly: false,
    news: { catchUp: () => undefined },
    accounts: { find, confirm: find },
    keys,
    writes,
    verifier: createVerifier({
      credentials: store.credentials,
      verdicts,
      hasher: {
        hash: async password => `hash ${password.reveal()}` as PasswordHash,
        async compare({ password }, against) {
          compared.push(against)
          return against === `hash ${password.reveal()}` ? 'match' : 'mismatch'
        },
        outdated: () => false,
        provesWhole: () => true,
      },
      decoys: { like: async () => 'decoy' },
      generated,
      throttle: createThrottle(usualThrottle, { key, now }),
      upgradeFailed: error => t.error(error),
      provedInPart: () => {},
      now,
    }),
    outage: error => t.error(error),
    now,
  })
  const decide = (
    password: string,
    { account: name = 'fabrikam', user = anna as string, method = 'GET' } = {},
  ) => {
    compared.length = 0
    return gateway.decide({
      id: 'x',
      method,
      target: `/${name}/x`,
      headers: new RequestHeaders([]),
      host: 'localhost',
      authorization: [new Secret(`Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`)],
      from: '192.0.2.1',
      secure: false,
      lane: 'production',
    })
  }
  /** Adds a password, and forgets what was remembered of its name, as a change does. */
  const add = async (name: string, rest: Partial<NewPassword> = {}, user = anna) => {
    const { password, id, mac } = generated.make()
    t.equal(
      await registry.addPassword(
        'cli:root',
        msaScope,
        { username: user },
        { id, mac, name, readOnly: false, ...rest },
      ),
      undefined,
    )
    await forget()
    return { id, text: password.reveal() }
  }
  const forget = async () => {
    const revision = await store.changes.revision()
    local.forget(
      [anna, boris].flatMap(name => [msaScope, inNorth].map(scope => keys.slot(scope, name))),
      revision,
    )
  }
  const choose = (text: string, user = anna, scope = msaScope) =>
    registry.setCredential('cli:root', scope, { username: user, hash: `hash ${text}` as PasswordHash })
  await registry.addDirectory('cli:root', north)
  return { decide, add, choose, forget, compared, clock, key, registry, store, generated }
}

t.test('each password of a set opens the door; the generated ones without a hash', async t => {
  const { decide, add, choose, compared } = await aGateway(t)
  await choose('chosen')
  const build = await add('build')
  t.match(await decide(build.text), {
    outcome: 'allow',
    via: 'store',
    password: { id: build.id, name: 'build' },
  })
  t.same(compared, [])
  t.match(await decide(build.text), { outcome: 'allow', via: 'l1', password: { name: 'build' } })
  t.match(await decide('chosen'), { outcome: 'allow', via: 'store', password: undefined })
  t.same(compared, ['hash chosen'])
})

t.test('only the form of what is presented decides whether it costs a hash', async t => {
  const { decide, add, choose, compared, generated } = await aGateway(t)
  await choose('chosen')
  await add('build')
  await add('alone', {}, boris)
  const stray = generated.make().password.reveal()
  for (const user of [anna, boris, 'nobody@example.com']) {
    t.match(await decide(stray, { user }), { outcome: 'refused' }, user)
    t.same(compared, [], `${user}: a generated one costs none`)
    t.match(await decide('a guess', { user }), { outcome: 'refused' }, user)
    t.equal(compared.length, 1, `${user}: any other costs one`)
  }
  t.same(compared, ['decoy'])
})

t.test(
  'a generated password needs no protection from guesses, and a wrong one counts as a guess',
  async t => {
    const { decide, add, choose, generated } = await aGateway(t)
    await choose('chosen')
    const build = await add('build')
    const { guesses } = usualThrottle.credential
    for (let times = 0; times < guesses; times += 1)
      t.match(await decide(generated.make().password.reveal()), { outcome: 'refused' })
    t.match(await decide(generated.make().password.reveal()), { outcome: 'throttled' })
    t.match(await decide('chosen'), { outcome: 'throttled' })
    t.match(await decide(build.text), { outcome: 'allow', via: 'store' })
    await add('another')
    t.match(await decide(build.text), { outcome: 'allow', via: 'store' }, 'remembered or not')
  },
)

t.test('a password is worth nothing under another name', async t => {
  const { decide, add } = await aGateway(t)
  const build = await add('build')
  await add('build', {}, boris)
  t.match(await decide(build.text, { user: boris }), { outcome: 'refused', cause: 'mismatch' })
  t.match(await decide(build.text, { user: 'nobody@example.com' }), { outcome: 'refused', cause: 'absent' })
})

t.test('the holder of a password that ended, was replaced or was revoked is told so', async t => {
  const { decide, add, forget, clock, registry } = await aGateway(t)
  const short = await add('short', { endsAt: start + hour })
  const old = await add('build', { endsAt: start + 9 * hour })
  const mirror = await add('mirror')
  t.match(await decide(short.text), { outcome: 'allow' })
  clock.now += hour
  t.match(await decide(short.text), {
    outcome: 'expired',
    cause: 'past-its-end',
    at: start + hour,
    via: 'l1',
  })
  await forget()
  t.match(await decide(short.text), { outcome: 'expired', cause: 'past-its-end', password: 'short' })

  await add('build', { replacing: { graceMs: 2 * hour } })
  t.match(await decide(old.text), {
    outcome: 'allow',
    password: { replacedAt: start + hour, endsAt: start + 3 * hour },
  })
  clock.now += 2 * hour
  t.match(await decide(old.text), {
    outcome: 'expired',
    cause: 'replaced',
    at: start + hour,
    password: 'build',
  })

  t.match(await decide(mirror.text), { outcome: 'allow' })
  await registry.revokePasswords('cli:root', msaScope, anna, { name: 'mirror' })
  await forget()
  t.match(await decide(mirror.text), { outcome: 'expired', cause: 'revoked', at: clock.now })
  t.match(await decide(mirror.text, { user: boris }), { outcome: 'refused' }, 'but nobody else')
})

t.test('what is replaced or revoked at once is over, also where the clock is behind', async t => {
  const { decide, add, forget, clock, registry, generated } = await aGateway(t)
  const reset = async () => {
    const { password, id, mac } = generated.make()
    const set = { username: anna, hash: noPassword, generated: { id, mac } }
    t.equal(await registry.setCredential('cli:root', msaScope, set), undefined)
    return password.reveal()
  }
  const main = await reset()
  const first = await add('build')
  clock.now += hour
  const second = await add('build', { replacing: { graceMs: 2 * hour } })
  const third = await add('build', { replacing: { graceMs: hour } })
  await add('build', { replacing: { graceMs: 0 } })
  const mirror = await add('mirror')
  await registry.revokePasswords('cli:root', msaScope, anna, { name: 'mirror' })
  await reset()
  await forget()
  clock.now -= hour
  for (const text of [main, first.text, second.text, third.text])
    t.match(await decide(text), { outcome: 'expired', cause: 'replaced', at: start + hour })
  t.match(await decide(mirror.text), { outcome: 'expired', cause: 'revoked' })
})

t.test('a read-only password reads, and does not write', async t => {
  const { decide, add } = await aGateway(t)
  const mirror = await add('mirror', { readOnly: true })
  t.match(await decide(mirror.text), { outcome: 'allow', password: { readOnly: true } })
  t.match(await decide(mirror.text, { method: 'PUT' }), {
    outcome: 'read-only',
    password: 'mirror',
    username: anna,
  })
  t.match(await decide((await add('build')).text, { method: 'PUT' }), { outcome: 'allow' })
})

t.test('a credential that is switched off says so, whatever its passwords', async t => {
  const { decide, add, forget, registry } = await aGateway(t)
  const build = await add('build')
  await registry.switchCredential('cli:root', msaScope, anna, false)
  await forget()
  t.match(await decide(build.text), { outcome: 'disabled' })
})

t.test(
  'a generated password of the scope that the account has left leads to a reset, also beside a new set',
  async t => {
    const { decide, add, choose, clock, registry, forget } = await aGateway(t)
    const build = await add('build', { endsAt: start + hour })
    t.match(await decide(build.text, { account: 'moved' }), { outcome: 'reset-needed' })
    await registry.link(
      'cli:root',
      { scope: msaScope, owner: 'a' as never },
      { scope: inNorth, owner: 'b' as never },
    )
    await registry.claimCredential('cli:root', msaScope, anna, 'a' as never)
    await forget()
    t.match(await decide(build.text, { account: 'bridged' }), {
      outcome: 'allow',
      bridgedUntil: start + 48 * hour,
      password: { id: build.id, name: 'build', endsAt: start + hour },
    })
    const mirror = await add('mirror', { readOnly: true })
    t.match(await decide(mirror.text, { account: 'bridged' }), { outcome: 'allow' })
    t.match(
      await decide(mirror.text, { account: 'bridged', method: 'PUT' }),
      { outcome: 'read-only', password: 'mirror', via: 'l1' },
      'a bridge does not let it write',
    )
    clock.now += hour - 1
    t.match(await decide(build.text, { account: 'bridged' }), { outcome: 'allow' })
    clock.now += 1
    t.match(
      await decide(build.text, { account: 'bridged' }),
      { outcome: 'reset-needed', via: 'l1' },
      'a bridge does not prolong it, nor does what is remembered',
    )
    clock.now += hour
    t.match(await decide(build.text, { account: 'bridged' }), { outcome: 'reset-needed', via: 'store' })
    await choose('new', anna, inNorth)
    await forget()
    t.match(await decide(build.text, { account: 'moved' }), { outcome: 'reset-needed' })
    t.match(await decide('new', { account: 'moved' }), { outcome: 'allow' })
  },
)

t.test(
  'a generated password from before that is a hash opens once more by its hash, and then proves itself',
  async t => {
    const { decide, choose, compared, clock, key, store } = await aGateway(t)
    const hasNone = async () =>
      (await store.credentials.find(msaScope, undefined, anna)).current?.hash === noPassword
    const old = oldPassword(key)
    await choose(old)
    t.match(await decide(oldPassword(key)), { outcome: 'refused' })
    t.same(compared, [`hash ${old}`], 'one of that form may be a hash, so it costs one')
    t.match(await decide(old), { outcome: 'allow' })
    t.same(compared, [`hash ${old}`])
    await until(hasNone)
    clock.now += 3 * hour // what was remembered has expired
    t.match(await decide(old), { outcome: 'allow', password: { id: /./ } })
    t.same(compared, [])

    await choose('another')
    clock.now += 3 * hour
    t.match(await decide(old), { outcome: 'expired', cause: 'replaced' })
    t.same(compared, ['hash another'], 'it may have come back')
    await choose(old) // an older file is imported
    clock.now += 3 * hour
    t.match(await decide(old), { outcome: 'allow' })
    await until(hasNone)
    clock.now += 3 * hour
    t.match(await decide(old), { outcome: 'allow', password: { id: /./ } })
    t.same(compared, [])
  },
)
