import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { contosoDirectory, northwindDirectory } from '../../src/demo/people.ts'
import { foldUsername } from '../../src/gateway/names.ts'
import { credentialOAuth } from '../../src/self-service/pages/helpers.ts'
import { Browser } from '../self-service/browser.ts'
import { aLab, contoso, named } from '../self-service/lab.ts'
import { gitLab } from '../support/git.ts'
import type { Ran } from '../support/run.ts'
import { until } from '../support/until.ts'
import { startUpstream } from '../support/upstream.ts'
import { leadsTo, openSignedIn } from './helper.ts'

const username = foldUsername('anna@example.com')
const account = named('adventure')

/** git with the real git-credential-oauth, and the settings that the page prints. */
async function stage(t: Test) {
  const upstream = await startUpstream(t, [account])
  const lab = await aLab(t)
  const directoryId = contosoDirectory.id
  await lab.services.registry.addAccount('test', { name: account, upstream: upstream.url, directoryId })
  const git = gitLab(t)
  const home = join(git.directory, '.home')
  const opened = join(home, 'opened')
  // Which of them it calls has changed over time.
  for (const name of ['open', 'xdg-open'])
    writeFileSync(join(home, name), `#!/bin/sh\necho "$1" > '${opened}'\n`, { mode: 0o755 })
  const helpers = `[credential]\n\thelper = store --file '${home}/store'\n\thelper = oauth\n`
  const printed = credentialOAuth({ site: lab.url, account, username, deviceCodes: true })
  writeFileSync(join(home, 'config'), `${helpers}${printed}\n`)
  const env = { PATH: `${home}:${process.env['PATH']}` }
  const clone = join(git.directory, 'welcome')

  /** Runs git; a user at the browser allows what the helper asks. */
  async function allowed(...args: readonly string[]): Promise<Ran & { readonly page: string }> {
    rmSync(opened, { force: true })
    const running = git.git(args, { env, ...(existsSync(clone) && { cwd: clone }) })
    await until(() => existsSync(opened) && readFileSync(opened, 'utf8').endsWith('\n'))
    const user = new Browser()
    const page = await openSignedIn(user, readFileSync(opened, 'utf8').trim())
    const done = await user.send(page, '/oauth/consent', { answer: 'yes', name: 'laptop' })
    await (await fetch(leadsTo(done))).text()
    return { ...(await running), page: page.text }
  }

  return {
    lab,
    allowed,
    fetch: () => git.git(['fetch'], { env, cwd: clone }),
    stored: () => readFileSync(join(home, 'store'), 'utf8'),
    wasOpened: () => existsSync(opened),
    forget: () => rmSync(opened, { force: true }),
  }
}

t.test('git-credential-oauth opens the browser, and git goes on', async t => {
  const { lab, allowed, fetch, stored, wasOpened, forget } = await stage(t)

  await t.test('for the first clone, and not again', async t => {
    const { code, stderr, page } = await allowed('clone', `${lab.url}/adventure/welcome.git`)
    t.equal(code, 0, stderr)
    t.match(page, /Allow git-credential-oauth to use git as you/)
    t.notMatch(stderr, /agp_/, 'no password is ever seen')
    t.match(stored(), /anna%40example\.com:agp_/)
    forget()
    t.equal((await fetch()).code, 0)
    t.notOk(wasOpened())
  })

  await t.test('after the password was revoked on the page', async t => {
    await lab.services.registry.revokePasswords('test', contoso, username, 'all')
    const told = await fetch()
    t.equal(told.code, 128)
    const said = told.stderr.replaceAll(/\nremote: /g, ' ').replaceAll(/\s+/g, ' ')
    t.match(said, 'Your password "laptop" was revoked')
    t.match(said, 'Run the command again: git-credential-oauth renews it, or asks you to sign in.')
    t.notMatch(stored(), /agp_/, 'git has forgotten it')
    t.equal((await allowed('fetch')).code, 0)
  })

  await t.test('after the account has moved', async t => {
    await lab.services.registry.connect('test', account, northwindDirectory.id)
    const told = await fetch()
    const said = told.stderr.replaceAll(/\nremote: /g, ' ').replaceAll(/\s+/g, ' ')
    t.match(said, 'Reset needed: the account "adventure" has moved.')
    t.match(said, 'Run the command again: git-credential-oauth asks you to sign in.')
    const { code, stderr, page } = await allowed('fetch')
    t.equal(code, 0, stderr)
    t.match(page, /Northwind/)
  })
})
