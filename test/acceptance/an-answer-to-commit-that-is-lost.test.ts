import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { people } from '../../src/demo/identity-pages.ts'
import { demoClient, startIdentityProvider } from '../../src/demo/identity-provider.ts'
import { Browser, headingOf, type Seen } from '../self-service/browser.ts'
import { cheapHashing, startAltgate, type Altgate } from '../support/altgate.ts'
import { ask } from '../support/ask.ts'
import { startInjectingRelay } from '../support/injecting-relay.ts'
import { freePort } from '../support/ports.ts'
import { startPostgres } from '../support/postgres.ts'
import { altgate as run } from '../support/program.ts'
import { recordingUpstream } from '../support/recording-upstream.ts'
import { smallDisk } from '../support/small-disk.ts'
import { until } from '../support/until.ts'

const anna = 'anna@example.com'
const ben = 'ben@example.com'
const path = '/contoso/welcome.git/info/refs'
const set = ['credential', 'set', '--scope', 'msa', '--user', anna]

/** A gateway with this store, an account, and a place where Anna can sign in to its page. */
async function gatewayWithPage(t: Test, store: string): Promise<Altgate> {
  const upstream = await recordingUpstream(t)
  const port = await freePort()
  const client = { clientId: demoClient.id, clientSecret: demoClient.secret }
  const altgate = await startAltgate(t, {
    settings: {
      hashing: cheapHashing,
      store: { url: store },
      signIn: { msa: { issuer: `http://127.0.0.1:${port}/msa/v2.0`, ...client } },
    },
  })
  const provider = await startIdentityProvider({ port, redirectUri: `${altgate.url}/_altgate/callback` })
  t.teardown(() => provider.close())
  await altgate.arrange({ accounts: { contoso: upstream.url } })
  return altgate
}

/** Anna's page, signed in for, from which forms can be sent. */
async function annasPage({ url }: Altgate): Promise<{ browser: Browser; page: Seen }> {
  const browser = new Browser()
  const form = await browser.go(`${url}/_altgate/sign-in?account=contoso`)
  const password = people.find(({ email }) => email === anna)?.password ?? ''
  return { browser, page: await browser.send(form, '/interaction/', { login: anna, password }) }
}

const chosen = (password: string) => ({ how: 'choose', secondary: '', password, again: password })
const statusAt = async ({ url }: Altgate, password: string) =>
  (await ask(url + path, { as: [anna, password] })).status

t.test('the answer to COMMIT is lost, and what was said is true', async t => {
  const database = await startPostgres(t)
  const [relay, relayOfCommands] = [
    await startInjectingRelay(t, database.url),
    await startInjectingRelay(t, database.url),
  ]
  const altgate = await gatewayWithPage(t, relay.url)
  const statusOf = async (user: string, password: string) =>
    (await ask(altgate.url + path, { as: [user, password] })).status

  await t.test('when an operator sets a password by a command', async t => {
    const config = `${altgate.directory}/behind-a-relay.yaml`
    writeFileSync(config, JSON.stringify({ hashing: cheapHashing, store: { url: relayOfCommands.url } }))
    const command = (password: string) =>
      run(['credential', 'set', '--scope', 'msa', '--user', ben, '--config', config], process.env, {
        stdin: `${password}\n`,
      })
    t.equal((await command('the first password')).code, 0)

    relayOfCommands.cutAfter('into "changes"', 'commit')
    const seen = await command('the second password')
    t.match(
      seen.stdout,
      /was (?:added|reset), in every running gateway/,
      'it looked again, and saw that it is made',
    )
    t.equal(seen.code, 0, seen.stderr)
    t.equal(await statusOf(ben, 'the second password'), 200)
    t.equal(await statusOf(ben, 'the first password'), 401)

    relayOfCommands.cutAfter('into "changes"', 'commit', { forGood: true })
    const unseen = await command('the third password')
    t.equal(unseen.code, 3, unseen.stderr)
    t.equal(unseen.stdout, '')
    t.match(unseen.stderr, /(?:^|\n)altgate: [^\n]*may or may not be in force\. Check with altgate [^\n]*\n$/)
    t.notMatch(unseen.stderr, 'Nothing was changed')
    t.equal(await statusOf(ben, 'the third password'), 200, 'here it is')
  })

  await t.test('when a user sets a password on the page', async t => {
    const { browser, page } = await annasPage(altgate)

    relay.cutAfter('into "changes"', 'commit')
    const seen = await browser.send(page, '/credential', chosen('tangerine otter 71'))
    t.equal(seen.status, 200, 'it looked again, and saw that it is made')
    t.equal(await statusOf(anna, 'tangerine otter 71'), 200)

    const again = await browser.go(`${altgate.url}/_altgate/?account=contoso`)
    relay.cutAfter('into "changes"', 'commit', { forGood: true })
    const unseen = await browser.send(again, '/credential', chosen('cobalt heron 82'))
    t.equal(unseen.status, 503)
    t.equal(headingOf(unseen.text), 'Your change may have been saved')
    t.match(unseen.text, 'may or may not have been saved')
    t.notMatch(unseen.text, 'Nothing was changed')
    relay.join()
    await until(async () => (await statusOf(anna, 'cobalt heron 82')) !== 503)
    t.equal(await statusOf(anna, 'cobalt heron 82'), 200, 'here it is')
    t.equal(await statusOf(anna, 'tangerine otter 71'), 401)
  })
})

t.test('the disk is full at COMMIT: nothing was changed, and that is said', async t => {
  const disk = smallDisk(t, 8192)
  const altgate = await gatewayWithPage(t, `sqlite:${join(disk.directory, 'altgate.db')}`)
  const by = async (password: string) => altgate.cli(set, { stdin: `${password}\n` })
  const { browser, page } = await annasPage(altgate)
  t.equal((await browser.send(page, '/credential', chosen('tangerine otter 71'))).status, 200)
  t.equal(await statusAt(altgate, 'tangerine otter 71'), 200)
  const form = await browser.go(`${altgate.url}/_altgate/?account=contoso`)

  disk.fill()
  const command = await by('cobalt heron 82')
  t.equal(command.code, 1, command.stderr)
  t.match(command.stderr, 'Nothing was changed')
  t.equal(command.stdout, '')
  const onPage = await browser.send(form, '/credential', chosen('scarlet newt 93'))
  t.equal(onPage.status, 503)
  t.match(onPage.text, 'Nothing was changed')
  for (const refused of ['cobalt heron 82', 'scarlet newt 93']) t.equal(await statusAt(altgate, refused), 401)
  t.equal(await statusAt(altgate, 'tangerine otter 71'), 200, 'what was before goes on')

  disk.empty()
  const later = await browser.send(
    await browser.go(`${altgate.url}/_altgate/?account=contoso`),
    '/credential',
    chosen('scarlet newt 93'),
  )
  t.equal(later.status, 200, 'with room again it can be changed')
  t.equal(await statusAt(altgate, 'scarlet newt 93'), 200)
  t.equal(await statusAt(altgate, 'tangerine otter 71'), 401)
})
