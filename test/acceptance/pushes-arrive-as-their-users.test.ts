import { join } from 'node:path'
import type { Page } from 'playwright-core'
import t from 'tap'
import { fillIn, save, textOf } from '../browser/people.ts'
import { ask } from '../support/ask.ts'
import { startBrowser } from '../support/browser.ts'
import { oidAtNorthwind, startDelegatedWorld } from '../support/delegated-world.ts'
import { gitLab } from '../support/git.ts'
import { until } from '../support/until.ts'

const anna = 'anna@example.com'
const chosen = 'brave-otter-under-the-bridge'

/** Milliseconds between two looks whether a token has been renewed, or refused. */
const pause = 100

t.test('Basic in the tool, the user’s own identity at Azure DevOps', async t => {
  const world = await startDelegatedWorld(t)
  const { altgate, azure, identity } = world
  identity.conditions.accessTokenSeconds = 4
  const page = await (await startBrowser(t)).page()
  const lab = gitLab(t)
  const clone = join(lab.directory, 'northwind')
  await lab.must(['init', clone])
  await lab.must(['remote', 'add', 'origin', `${world.url}/northwind/welcome.git`], { cwd: clone })
  const git = async (...args: readonly string[]) => {
    lab.forget()
    const { code, stderr } = await lab.git(args, { cwd: clone })
    return { code, stderr, told: unwrapped(stderr), asked: lab.helperActions() }
  }
  const push = async (subject: string) => {
    await lab.must(['commit', '--allow-empty', '-m', subject], { cwd: clone })
    return await git('push', 'origin', 'HEAD:main')
  }
  const arrived = () => lab.must(['log', '--format=%s', 'main'], { cwd: azure.repository('northwind') })
  /** What the first request of a fetch is answered. To look again and again: git takes a tenth of a second of a processor for it. */
  const outcome = async () => {
    const url = `${world.url}/northwind/welcome.git/info/refs?service=git-upload-pack`
    return (await ask(url, { as: [anna, chosen] })).outcome
  }
  /** Waits until a fetch is refused at its first request, whose answer git shows. */
  const toldToSignIn = async () => {
    await until(async () => (await outcome()) === 'sign-in-needed', pause)
    return await git('fetch')
  }

  await t.test('the account moves to Entra, and git says so', async t => {
    await altgate.must(['credential', 'set', '--scope', 'msa', '--user', anna], { stdin: 'canary-old\n' })
    lab.setCredential(anna, 'canary-old')
    await world.move()
    const { code, stderr, asked } = await git('fetch')
    t.equal(code, 128)
    t.match(stderr, 'Reset needed: the account "northwind" has moved.')
    t.equal(asked, 'get erase')
    await page.goto(/^remote: .*?(http\S+)$/m.exec(stderr)?.[1] ?? '')
  })

  await t.test('the page says what the sign-in asks for, and why, before the provider does', async t => {
    const text = await textOf(page)
    t.match(text, 'What you allow by signing in')
    t.match(text, 'Access Azure DevOps as you.')
    t.match(text, 'Keep this access while you are away.')
  })

  await t.test('sign in, consent, set the password', async t => {
    await page.getByRole('link', { name: 'Sign in', exact: true }).click()
    await fillIn(page)
    t.match(await textOf(page), 'Permissions requested')
    await page.getByRole('button', { name: 'Accept' }).click()
    await page.waitForURL(world.page('northwind'))
    t.match(await textOf(page), /Acts as anna@example\.com on Azure DevOps since .+, renewed .+\./)
    await save(page, chosen)
    t.match(await textOf(page), /^Saved/)
  })

  await t.test('a push arrives at Azure DevOps as that user', async t => {
    lab.setCredential(anna, chosen)
    await lab.must(['fetch'], { cwd: clone })
    await lab.must(['checkout', 'main'], { cwd: clone })
    t.match(await push('after the move'), { code: 0, asked: 'get store' })
    t.match(await arrived(), /^after the move$/m)
    t.match(azure.pushes, [
      { oid: oidAtNorthwind(anna), upn: anna, path: '/northwind/welcome.git/git-receive-pack' },
    ])
  })

  await t.test('the token is renewed without the user', async t => {
    await until(async () => {
      t.equal(await outcome(), 'allow')
      return identity.renewals(anna) > 1
    }, pause)
    t.match(await git('fetch'), { code: 0 })
    await page.goto(world.page('northwind'))
    t.match(await textOf(page), 'Connected')
  })

  await t.test(
    'the grant is revoked: within one life of a token git says so, and keeps the password',
    async t => {
      identity.revoke(anna)
      const { code, stderr, told, asked } = await toldToSignIn()
      t.equal(code, 128)
      t.match(told, 'Sign-in needed: your sign-in to Microsoft Entra ID, directory "Northwind" has ended.')
      t.match(told, 'Your password is right and stays the same.')
      t.match(told, world.page('northwind'))
      t.match(stderr, '403')
      t.equal(asked, 'get', 'nothing is erased')
      await page.reload()
      t.match(await textOf(page), 'The sign-in service ended it')
    },
  )

  await t.test('after one more sign-in the same password works', async t => {
    await signInAgain(page)
    t.match(await textOf(page), 'Acts as anna@example.com on Azure DevOps')
    t.match(await push('after the second sign-in'), { code: 0, asked: 'get store' })
    t.equal(azure.pushes.at(-1)?.oid, oidAtNorthwind(anna))
  })

  await t.test('what Azure DevOps demands of a token is met without the user, if a renewal can', async t => {
    identity.conditions.accessTokenSeconds = 600
    await until(async () => {
      t.equal(await outcome(), 'allow')
      return lifeOf(azure.requests.flatMap(({ rawHeaders }) => tokensIn(rawHeaders)).at(-1)) === 600
    }, pause)
    azure.demandNewTokens()
    const before = identity.renewals(anna)
    t.match(await git('fetch'), { code: 0, asked: 'get store' })
    t.equal(identity.renewals(anna), before + 1)
    t.match(await git('fetch'), { code: 0 })
    t.equal(identity.renewals(anna), before + 1)
  })

  await t.test('so it is when Azure DevOps demands a new sign-in', async t => {
    azure.demandSignIns()
    const { told, asked } = await toldToSignIn()
    t.match(told, 'asks you to sign in to Microsoft Entra ID, directory "Northwind" again')
    t.equal(asked, 'get')
    await page.reload()
    t.match(await textOf(page), 'The service asked for a new sign-in')
    await signInAgain(page)
    t.match(await git('fetch'), { code: 0, asked: 'get store' })
  })

  await t.test('and when the user disconnects, at once', async t => {
    await page.goto(world.page('northwind'))
    await page.getByRole('button', { name: 'Disconnect' }).click()
    t.match(await textOf(page), 'Disconnected everywhere.')
    const { stderr, asked } = await git('fetch')
    t.match(stderr, 'Sign-in needed')
    t.equal(asked, 'get')
  })

  t.equal(await altgate.stop(), 0)
  const everything = altgate.logs() + world.stored()
  t.match(everything, 'SQLite format 3', 'the store is among it')
  t.notMatch(everything, /canary-old|brave-otter/, 'no password is logged or stored')
  const tokens = new Set(azure.requests.flatMap(({ rawHeaders }) => tokensIn(rawHeaders)))
  t.ok(tokens.size > 2, `${tokens.size} access tokens were used`)
  for (const token of tokens) t.notOk(everything.includes(token), 'no token is logged or stored in clear')
})

/** What git shows of the gateway's answer, on one line. */
function unwrapped(stderr: string): string {
  return stderr
    .split('\n')
    .flatMap(line => (line.startsWith('remote: ') ? [line.slice('remote: '.length).trim()] : []))
    .join(' ')
}

/** Signs in from the profile; consent was given before. */
async function signInAgain(page: Page): Promise<void> {
  await page.getByRole('link', { name: 'Sign in to Azure DevOps' }).click()
  await fillIn(page)
  await page.waitForURL(/_altgate\/\?account=northwind$/)
}

/** Seconds. */
function lifeOf(token: string | undefined): number {
  const body = Buffer.from(token?.split('.')[1] ?? '', 'base64url').toString()
  const { exp, iat } = JSON.parse(body) as { readonly exp: number; readonly iat: number } // of the test's own provider
  return exp - iat
}

function tokensIn(rawHeaders: readonly string[]): readonly string[] {
  return rawHeaders.filter(text => text.startsWith('Bearer ')).map(text => text.slice('Bearer '.length))
}
