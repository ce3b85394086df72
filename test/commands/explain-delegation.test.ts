import t, { type Test } from 'tap'
import { createSealing } from '../../src/delegation/sealing.ts'
import { foldUsername, msaScope, type AccountName, type Owner } from '../../src/gateway/names.ts'
import { Secret } from '../../src/gateway/secret.ts'
import { createArgon2id } from '../../src/hashing/argon2id.ts'
import { openStore } from '../../src/store/store.ts'
import { aDesk } from './desk.ts'

const sealingKey = { id: 'one', key: '5e'.repeat(32) }
const scope = '499b84ac-1321-427f-aa17-267ca6975798/.default'
const whose = {
  scope: msaScope,
  owner: 'anna-msa' as Owner,
  issuer: 'https://login.example',
  clientId: 'altgate',
}

/** An account whose requests act as their users, and Anna, who may have signed in. */
async function acting(t: Test, keys = [sealingKey]) {
  const desk = aDesk(t, {
    ALTGATE__UPSTREAMAUTH: `{ method: delegated, fallback: { users: [robot@example.com], upstreamAuth: { method: strip } } }`,
    ALTGATE__SIGNIN__MSA: '{ clientId: altgate, clientSecret: canary-client }',
    ALTGATE__SECRETS__SEALINGKEYS: JSON.stringify(keys),
  })
  const store = await openStore({ url: new Secret(`${desk.env['ALTGATE__STORE__URL']}`) })
  t.teardown(() => store.close())
  const registry = store.registry(async () => {})
  await registry.addAccount('cli:root', { name: 'fabrikam' as AccountName, upstream: 'https://tfs.example' })
  const hasher = await createArgon2id({
    cost: { memoryKiB: 1024, passes: 2, parallelism: 1 },
    onFlaw: () => {},
  })
  const hash = await hasher.hash(new Secret('canary-pw'))
  const { owner } = whose
  await registry.setCredential('cli:root', msaScope, {
    username: foldUsername('anna@example.com'),
    hash,
    owner,
  })
  await registry.setCredential('cli:root', msaScope, { username: foldUsername('robot@example.com'), hash })
  const sealing = createSealing([{ ...sealingKey, key: new Secret(sealingKey.key) }])
  const token = sealing.seal(new Secret('canary-access'), { accessOf: whose, of: scope })
  const signIn = (lifeMs: number) =>
    registry.giveGrant('page:anna', {
      ...whose,
      username: foldUsername('anna@contoso.com'),
      refreshToken: sealing.seal(new Secret('canary-refresh'), { refreshOf: whose }),
      access: { token, of: scope, lifeMs },
    })
  const explain = async (user = 'anna@example.com') => {
    const told = await desk.must(['explain', '--account', 'fabrikam', '--user', user], 'canary-pw')
    t.notMatch(told, 'canary')
    return told
  }
  const set = async (user: string, ...more: string[]) => {
    const command = ['credential', 'set', '--scope', 'msa', '--user', user, '--generate', ...more]
    return (await desk.run(command)).stderr
  }
  return { registry, signIn, explain, set }
}

t.test('a password that is set for a connected user comes with a warning', async t => {
  const { signIn, registry, set } = await acting(t)
  const warning =
    'Note: requests with this password reach upstreams as anna@contoso.com, who signed in on the page. If the user name has passed to another person, do not give the password to that person, but switch the credential of anna@example.com in scope msa off.'
  t.notMatch(await set('anna@example.com', '--same-person'), 'Note:')
  await signIn(3_600_000)
  t.match(await set('anna@example.com', '--same-person'), warning)
  t.match(
    await set('anna@example.com'),
    'Note: requests with the former password reached upstreams as anna@contoso.com, who signed in on the page. With this one they do so after that user has signed in there and entered it once',
  )
  t.notMatch(await set('anna@example.com'), 'Note:', 'nothing acts as the user any more')
  t.notMatch(await set('robot@example.com'), 'Note:')
  await registry.endGrant('page:anna', whose, 'disconnected')
  t.notMatch(await set('anna@example.com'), 'Note:')
})

const date = String.raw`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC`
const line = (found: string) => new RegExp(`^delegation {2}${found}$`, 'm')

t.test('explain shows as whom a request acts, and changes nothing', async t => {
  const { signIn, explain } = await acting(t)
  await signIn(3_600_000)
  const told = await explain()
  t.match(told, line(`acts as anna@contoso\\.com since ${date}, renewed ${date}; access token until ${date}`))
  t.match(told, /^allow: forwarded to https:\/\/tfs\.example/m)
  await signIn(0)
  t.match(await explain(), line(`acts as .*; the next request renews the access token`))
})

t.test('explain says that the user never signed in, or that the sign-in has ended, and why', async t => {
  const { registry, signIn, explain } = await acting(t)
  const never = await explain()
  t.match(never, line('no sign-in on the page for scope msa'))
  t.match(never, /^sign-in-needed: the client gets 403$/m)
  t.match(never, /^ {2}Sign-in needed: you have not signed in with your Microsoft account/m)
  for (const [cause, found, ending] of [
    ['refused', 'the identity provider refused to renew it', 'your sign-in with your Microsoft account has'],
    ['signed-out', 'an operator signed the user out', 'your sign-in with your Microsoft account has'],
    ['claims', 'the upstream demanded a new sign-in', 'the service behind this gateway asks you to sign in'],
  ] as const) {
    await signIn(3_600_000)
    await registry.endGrant('cli:root', whose, cause)
    const told = await explain()
    t.match(told, line(`the sign-in ended ${date}: ${found}`))
    t.match(told, `Sign-in needed: ${ending}`)
  }
})

t.test('explain says that no key opens a sign-in', async t => {
  const { signIn, explain } = await acting(t, [{ id: 'two', key: 'a1'.repeat(32) }])
  await signIn(3_600_000)
  const told = await explain()
  t.match(told, line(`acts as .*, but no key in secrets\\.sealingKeys opens it`))
  t.match(told, /^decide {6}the password is right, but none of secrets\.sealingKeys opens/m)
})

t.test('explain has no such station for a user of the fallback', async t => {
  const { explain } = await acting(t)
  const told = await explain('robot@example.com')
  t.notMatch(told, /^delegation/m)
  t.match(told, /^allow: /m)
})
