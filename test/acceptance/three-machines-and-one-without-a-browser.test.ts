import { join } from 'node:path'
import t, { type Test } from 'tap'
import { demoClient, startIdentityProvider } from '../../src/demo/identity-provider.ts'
import { contosoDirectory } from '../../src/demo/people.ts'
import { helperLab, type HelperLab } from '../helper/lab.ts'
import { openSignedIn } from '../oauth/helper.ts'
import { Browser } from '../self-service/browser.ts'
import { startAltgate } from '../support/altgate.ts'
import { gitLab } from '../support/git.ts'
import { freePort } from '../support/ports.ts'
import { altgate as command } from '../support/program.ts'
import { succeeded } from '../support/run.ts'
import { settableClock } from '../support/settable-clock.ts'
import { until } from '../support/until.ts'
import { startUpstream } from '../support/upstream.ts'

const anna = 'anna@example.com'
const scope = contosoDirectory.id as string
const hour = 3600
const day = 24 * hour

/** A gateway with sign-ins, in front of a real repository, by a clock that can be set. */
async function aWorld(t: Test) {
  const port = await freePort()
  const url = `http://localhost:${port}`
  const identity = await startIdentityProvider({ port: 0, redirectUri: `${url}/_altgate/callback` })
  t.teardown(identity.close)
  const { id: clientId, secret: clientSecret } = demoClient
  const authority = { issuer: identity.issuers.get('contoso'), clientId, clientSecret }
  const upstream = await startUpstream(t, ['contoso'])
  const settable = settableClock(t)
  let isRight = true
  const clock = {
    within: settable.within,
    set(offset: string) {
      isRight = offset === '+0'
      settable.set(offset)
    },
  }
  const altgate = await startAltgate(t, {
    within: clock.within,
    settings: {
      publicUrl: url,
      listen: { host: '127.0.0.1', port },
      signIn: { directories: { [scope]: authority } },
    },
  })
  await altgate.must(['directory', 'add', scope, '--name', contosoDirectory.name])
  await altgate.must(['account', 'add', 'contoso', '--upstream', upstream.url, '--directory', scope])

  /** Runs a command about the passwords of anna, at the time of the gateway: in this process, as long as that is right. */
  const passwords = async (verb: string, ...rest: readonly string[]) => {
    const words = ['credential', 'password', verb, '--scope', scope, '--user', anna, ...rest]
    if (isRight) return await altgate.must(words)
    const ran = await command([...words, '--config', altgate.config], process.env, {}, clock.within)
    return succeeded(words.join(' '), ran)
  }
  /** A machine whose git has a password in its store, and a clone. */
  const machine = async (password: string) => {
    const lab = gitLab(t)
    lab.setCredential(anna, password)
    const clone = join(lab.directory, 'clone')
    await lab.must(['clone', `${url}/contoso/welcome.git`, clone])
    const git = async (...words: readonly string[]) => {
      lab.forget()
      const { code, stderr } = await lab.git(words, { cwd: clone })
      return { code, told: remoteText(stderr), asked: lab.helperActions() }
    }
    await lab.must(['commit', '--allow-empty', '-m', 'mine'], { cwd: clone })
    return { git, now: (password: string) => lab.setCredential(anna, password) }
  }
  return { url, clock, passwords, machine, page: `${url}/_altgate/?account=contoso` }
}

/** What git shows of an answer, without the ends of its lines. */
function remoteText(stderr: string): string {
  return [...stderr.matchAll(/^remote: (.*)$/gm)].map(([, line]) => line).join(' ')
}

/** The environment in which programs see a clock. */
function seeing(within: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(
    within.slice(1).map(word => [word.slice(0, word.indexOf('=')), word.slice(word.indexOf('=') + 1)]),
  )
}

/** Signs a machine in by its code, as its user does on another device. */
async function signIn(lab: HelperLab, commandLine: string): Promise<string> {
  const terminal = lab.onTerminal(commandLine)
  await until(() => terminal.seen().includes('Waiting for at most'), 50)
  const uri = /^ {4}(http\S+)$/m.exec(terminal.seen())?.[1] ?? ''
  const code = /^ {4}([A-Z]{4}-[A-Z]{4})$/m.exec(terminal.seen())?.[1] ?? ''
  const browser = new Browser()
  const shown = await openSignedIn(browser, `${uri}?user_code=${code}`)
  const done = await browser.send(shown, '/_altgate/device', { answer: 'yes', name: 'builder' })
  if (done.status !== 200) throw new Error(done.text)
  const exit = await terminal.exit()
  if (exit !== 0) throw new Error(terminal.seen())
  return terminal.seen()
}

t.test('three machines have a password each, and one without a browser has our helper', async t => {
  const { url, clock, passwords, machine, page } = await aWorld(t)
  const builder = await helperLab(t, url)
  const fetch = () =>
    builder.git(['-C', 'clone', 'fetch'], { env: { ...builder.env, ...seeing(clock.within) } })

  await t.test('the builder clones: a code, entered on another device', async t => {
    const seen = await signIn(builder, `git clone ${url}/contoso/welcome.git clone`)
    t.match(seen, `Sign in for contoso at ${url}. On any device, open`)
    t.match(seen, `Signed in as ${anna}.`)
    t.match(await passwords('list'), /^builder, by altgate-git-credential +works +read, write /m)
    t.match(await fetch(), { code: 0, stderr: '' })
  })

  const first = (await passwords('add', '--name', 'laptop')).trim()
  const laptop = await machine(first)
  const inThirtyDays = new Date(Date.now() + 30 * day * 1000).toISOString().slice(0, 10)
  const farm = await machine((await passwords('add', '--name', 'farm', '--expires', inThirtyDays)).trim())
  const mirror = await machine((await passwords('add', '--name', 'mirror', '--read-only')).trim())

  await t.test('the mirror may fetch; a push is refused with the reason, and its password stays', async t => {
    t.match(await mirror.git('fetch'), { code: 0, asked: 'get store' })
    const { code, told, asked } = await mirror.git('push', 'origin', 'HEAD:mirrored')
    t.not(code, 0)
    t.match(told, 'Your password "mirror" is read-only, and this request may change something.')
    t.match(told, page)
    t.notMatch(asked, 'erase')
    t.match(await mirror.git('fetch'), { code: 0 })
  })

  await t.test('the laptop’s is replaced: the old one works two hours more, and then says so', async t => {
    const second = (await passwords('add', '--name', 'laptop', '--valid-old', '2')).trim()
    t.match(await laptop.git('fetch'), { code: 0 })
    clock.set(`+${2 * hour + 60}`)
    await until(async () => (await laptop.git('fetch')).code !== 0, 200)
    const { told, asked } = await laptop.git('fetch')
    t.match(
      told,
      /^Your password "laptop" was replaced on \d{4}-\d\d-\d\d and no longer works\. Use the new one/,
    )
    t.equal(asked, 'get erase')
    laptop.now(second)
    t.match(await laptop.git('push', 'origin', 'HEAD:laptop'), { code: 0 })
    for (const other of [farm, mirror]) t.match(await other.git('fetch'), { code: 0 }, 'the others go on')
  })

  await t.test('the farm’s ends: it is told the day and the page', async t => {
    clock.set(`+${32 * day}`)
    await until(async () => (await farm.git('fetch')).code !== 0, 200)
    const { told, asked } = await farm.git('fetch')
    t.match(told, /^Your password "farm" ended on \d{4}-\d\d-\d\d and no longer works\. Make a new one/)
    t.match(told, page)
    t.equal(asked, 'get erase')
  })

  await t.test('the builder renews before the end, after it, and needs no user', async t => {
    t.match(await fetch(), { code: 0 })
    const before = builder.stored()
    clock.set(`+${80 * day}`)
    t.match(await fetch(), { code: 0, stderr: '' })
    t.not(builder.stored(), before)
    // Ninety days after that one was made, and thirty more.
    clock.set(`+${200 * day}`)
    t.match(await fetch(), { code: 0, stderr: '' })
    t.match(await passwords('list'), /^builder, by altgate-git-credential +works +read, write /m)
  })

  await t.test('a revoked builder is told so, and what to do', async t => {
    await passwords('revoke', '--name', 'builder')
    const refused = await fetch()
    t.equal(refused.code, 128)
    t.match(remoteText(refused.stderr), /^Your password "builder" was revoked on .* Run the command again/)
    const again = await fetch()
    t.equal(again.code, 128)
    t.match(again.stderr, 'and there is no terminal to show a code on.')
    const way = /^ {2}(\/.*sign-in http.*)$/m.exec(again.stderr)?.[1] ?? ''
    clock.set('+0')
    t.match(await signIn(builder, way), `Signed in as ${anna}.`)
    t.match(await fetch(), { code: 0, stderr: '' })
  })
})
