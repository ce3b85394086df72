import { readFileSync, writeFileSync } from 'node:fs'
import t, { type Test } from 'tap'
import { parse, stringify } from 'yaml'
import { cheapHashing, startAltgate, type Altgate } from '../support/altgate.ts'
import { summary } from '../support/ask.ts'
import { toEachWorker } from '../support/each-worker.ts'
import { startPostgres } from '../support/postgres.ts'
import { recordingUpstream } from '../support/recording-upstream.ts'
import { startRedis } from '../support/redis.ts'
import { until } from '../support/until.ts'

const anna = ['anna@example.com', 'the password of anna'] as const
const ben = ['ben@example.com', 'the password of ben'] as const

/** What every worker answers. */
type Everywhere = (account: string, as?: readonly [string, string]) => Promise<string>

async function askEverywhere(t: Test, altgate: Altgate): Promise<Everywhere> {
  const askEach = await toEachWorker(t, altgate)
  return async (account, as = anna) => summary(await askEach(`/${account}/x`, { as }))
}

const settings = {
  workers: 2,
  hashing: cheapHashing,
  upstreamAuthByName: {
    tfs: { method: 'swapped-credential', scheme: 'bearer', credential: 'canary-of-tfs' },
  },
}

/** While Redis comes and goes, processes may answer for a moment that something is unavailable; they allow nothing. */
async function isOffEverywhere(t: Test, everywhere: Everywhere): Promise<void> {
  await until(async () => {
    const seen = await everywhere('tailspin', ben)
    t.notMatch(seen, '200')
    return seen === '403 disabled'
  })
}

async function changesHold(t: Test, altgate: Altgate): Promise<Everywhere> {
  const everywhere = await askEverywhere(t, altgate)
  const [first, second] = [await recordingUpstream(t), await recordingUpstream(t)]
  const passwords = Object.fromEntries([anna, ben])
  await altgate.arrange({ accounts: { fabrikam: first.url }, passwords })
  t.equal(await everywhere('fabrikam'), '200 allow')
  t.equal(await everywhere('fabrikam', ben), '200 allow')
  t.equal(await everywhere('contoso'), '404 no-account', 'remembered by every worker')

  const unasked = await altgate.cli(['account', 'set', 'fabrikam', '--upstream', second.url])
  t.match(unasked, { code: 2, stderr: 'there is no terminal to ask for confirmation' })
  t.equal(first.requests.length, 4)

  const set = await altgate.cli(['account', 'set', 'fabrikam', '--upstream', second.url, '--yes'])
  t.equal(set.code, 0, set.stderr)
  t.match(set.stderr, 'Affected: no list of members, users who have used it: ')
  t.equal(await everywhere('fabrikam'), '200 allow')
  t.equal(second.requests.length, 2, 'all of them at the new upstream')

  const unknown = await altgate.cli(['account', 'set', 'fabrikam', '--upstream-auth', 'gone', '--yes'])
  t.match(unknown, { code: 1, stderr: /no upstreamAuthByName\.gone\. They have: tfs\. Nothing was changed/ })
  const named = await altgate.cli(['account', 'set', 'fabrikam', '--upstream-auth', 'tfs', '--yes'])
  t.equal(named.code, 0, named.stderr)
  t.match(named.stderr, /by swapped-credential \(upstreamAuthByName\.tfs\) instead of identity-headers \(/)
  t.equal(await everywhere('fabrikam'), '200 allow')
  const presented = second.requests
    .slice(-2)
    .map(({ rawHeaders }) => rawHeaders.find(each => each.startsWith('Bearer ')))
  t.strictSame(new Set(presented), new Set(['Bearer canary-of-tfs']), 'in every worker at once')
  t.match(await altgate.must(['account', 'show', 'fabrikam']), /upstream auth +swapped-credential \(/)

  const renamed = await altgate.must(['account', 'set', 'fabrikam', '--rename', 'contoso', '--yes'])
  t.match(renamed, 'It is called contoso now; fabrikam is no account any more.')
  t.equal(await everywhere('fabrikam'), '404 no-account')
  t.equal(await everywhere('contoso'), '200 allow')

  await altgate.must(['account', 'members', 'contoso', '--add', anna[0], ben[0]])
  const removed = await altgate.cli(['credential', 'remove', '--scope', 'msa', '--user', anna[0], '--yes'])
  t.equal(removed.code, 0, removed.stderr)
  t.match(removed.stderr, /This will be removed:\n {2}user +anna@example\.com\n/)
  t.match(removed.stderr, /account +contoso/)
  t.equal(await everywhere('contoso'), '401 refused')
  const again = await altgate.must(['credential', 'set', '--scope', 'msa', '--user', anna[0]], {
    stdin: `${anna[1]}\n`,
  })
  t.match(again, 'The credential of anna@example.com in scope msa was added')
  t.equal(await everywhere('contoso'), '403 not-allowed', 'membership is not inherited')

  t.equal(await everywhere('contoso', ben), '200 allow')
  const blocked = await altgate.must(['person', 'block', '--user', ben[0], '--yes'])
  t.match(blocked, 'ben@example.com is blocked in all scopes')
  t.equal(await everywhere('contoso', ben), '403 disabled')
  await altgate.must(['person', 'unblock', '--user', ben[0], '--yes'])
  t.equal(await everywhere('contoso', ben), '200 allow')

  const gone = await altgate.must(['account', 'remove', 'contoso', '--yes'])
  t.equal(gone, 'contoso was removed, in every running gateway. Requests for it get 404.\n')
  t.equal(await everywhere('contoso', ben), '404 no-account')

  // Audit lines of changes follow the store's log, a moment after the commands.
  for (const action of ['account-changed', 'account-renamed', 'credential-removed', 'person-blocked'])
    await until(() => new RegExp(`"audit":"change".*?"action":"${action}"`).test(altgate.logs()))
  return everywhere
}

t.test('what operators change holds everywhere when the command returns, on SQLite', async t => {
  const altgate = await startAltgate(t, { settings })
  const everywhere = await changesHold(t, altgate)

  const upstream = await recordingUpstream(t)
  await altgate.arrange({ accounts: { fabrikam: upstream.url } })
  await altgate.must(['account', 'set', 'fabrikam', '--upstream-auth', 'tfs', '--yes'])
  t.equal(await everywhere('fabrikam', ben), '200 allow')
  const { upstreamAuthByName, ...rest } = parse(readFileSync(altgate.config, 'utf8')) as object & {
    upstreamAuthByName: unknown
  }
  writeFileSync(altgate.config, stringify(rest))
  t.match(await altgate.must(['reload']), /upstreamAuthByName/)
  t.equal(await everywhere('fabrikam', ben), '503 unavailable', 'by no other method')
  t.equal(upstream.requests.length, 2)
  // The reference that its client was shown leads to it.
  await until(async () => (await altgate.must(['recent', '--outcome', 'unavailable'])).includes('upstream'))
  writeFileSync(altgate.config, stringify({ ...rest, upstreamAuthByName }))
  await altgate.must(['reload'])
  t.equal(await everywhere('fabrikam', ben), '200 allow')
})

t.test('and on PostgreSQL with Redis; in an emergency also while Redis is down', async t => {
  const [postgres, redis] = [await startPostgres(t), await startRedis(t)]
  const leaseMs = 1000
  const altgate = await startAltgate(t, {
    settings: { ...settings, store: { url: postgres.url }, redis: { url: redis.url, leaseMs } },
  })
  const everywhere = await changesHold(t, altgate)

  const upstream = await recordingUpstream(t)
  await altgate.arrange({ accounts: { tailspin: upstream.url } })
  const emergency = ['credential', 'disable', '--scope', 'msa', '--user', ben[0]]
  const enable = ['credential', 'enable', '--scope', 'msa', '--user', ben[0]]

  await t.test('Redis serves the gateways, but not the operator', async t => {
    t.equal(await everywhere('tailspin', ben), '200 allow')
    const { code, stdout, stderr } = await altgate.cli([...emergency, '--now'])
    t.match({ code, stdout }, { code: 0, stdout: /is off, in every running gateway\.\n$/ })
    t.match(stderr, 'is off in the store. It is certain in every running gateway in 3 seconds.')
    t.equal(await everywhere('tailspin', ben), '403 disabled')
    await altgate.must(enable)
    t.equal(await everywhere('tailspin', ben), '200 allow')
  })

  await t.test('Redis is down', async t => {
    t.equal(await everywhere('tailspin', ben), '200 allow')
    await redis.stop()
    const refused = await altgate.cli(emergency)
    t.match(refused, { code: 1, stderr: /Redis is unavailable.*Nothing was changed\./ })
    t.equal(await everywhere('tailspin', ben), '200 allow')
    await altgate.must([...emergency, '--now'])
    await isOffEverywhere(t, everywhere)
    await redis.start()
    await isOffEverywhere(t, everywhere)
  })
})
