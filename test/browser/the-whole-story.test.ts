import { join } from 'node:path'
import type { Page } from 'playwright-core'
import t from 'tap'
import { passwords } from '../../src/demo/people.ts'
import { startBrowser } from '../support/browser.ts'
import { gitLab, type GitLab } from '../support/git.ts'
import { run } from '../support/run.ts'
import { clipboard } from './in-page.ts'
import { fillIn, save, textOf } from './people.ts'
import { startStage } from './stage.ts'

const anna = 'anna@example.com'
const chosen = 'brave-otter-under-the-bridge'

t.test('from what git says to the next fetch that works, in a browser', async t => {
  const stage = await startStage(t)
  const browser = await startBrowser(t)
  const lab = gitLab(t)
  const clone = join(lab.directory, 'northwind')
  await lab.must(['init', clone])
  await lab.must(['remote', 'add', 'origin', `${stage.url}/northwind/welcome.git`], { cwd: clone })
  const fetchAs = async (password: string, username = anna) => {
    lab.setCredential(username, password)
    lab.forget()
    const { code, stderr } = await lab.git(['fetch'], { cwd: clone })
    return { code, stderr, asked: lab.helperActions() }
  }
  const page = await browser.page()
  let made = ''

  await t.test('git names the page, and the link opens it', async t => {
    const { code, stderr, asked } = await fetchAs(passwords.msa)
    t.equal(code, 128)
    t.match(stderr, /^remote: Reset needed: the account "northwind" has moved\./m)
    t.equal(asked, 'get erase', 'git forgets the password that opens nothing any more')
    const link = /^remote: .*?(http\S+)$/m.exec(stderr)?.[1] ?? ''
    await page.goto(link)
    t.equal(await heading(page), 'Alternate credentials for northwind')
    t.notMatch(await textOf(page), 'Northwind', 'the directory is told to users who have signed in')
  })

  await t.test('after the sign-in at the directory a chosen password is saved', async t => {
    await page.getByRole('link', { name: 'Sign in', exact: true }).click()
    t.equal(new URL(page.url()).origin, stage.provider)
    await fillIn(page)
    t.equal(page.url(), stage.page('northwind'))
    await save(page, chosen)
    t.equal(await heading(page), 'Saved')
    t.notMatch(await page.content(), chosen, 'a typed password is never shown')
  })

  await t.test('the next fetch works, and the old password does not', async t => {
    t.match(await fetchAs(chosen), { code: 0, asked: 'get store' })
    t.match(await fetchAs(passwords.msa), { code: 128, asked: 'get erase' })
    t.match(await fetchAs(chosen), { code: 0 })
  })

  await t.test('a password that the page makes is copied, and ends the chosen one', async t => {
    await page.getByRole('link', { name: 'Back to your credentials' }).click()
    await page.getByLabel('Secondary user name').fill('anna')
    await save(page)
    await page.getByRole('button', { name: 'Copy the password' }).click()
    await page.getByRole('status').getByText('Copied').waitFor({ state: 'attached' })
    made = await clipboard(page)
    t.match(made, /^agp_[0-9A-Za-z]{38}$/)
    t.match(await fetchAs(made), { code: 0, asked: 'get store' })
    t.match(await fetchAs(made, 'anna'), { code: 0, asked: 'get store' })
    t.match(await fetchAs(chosen), { code: 128, asked: 'get erase', stderr: /Authentication failed/ })
  })

  await t.test('the commands of the page do what they say', async t => {
    await t.test('for a credential helper', async t => {
      const settings = { ...keepingHelper(lab), GIT_TERMINAL_PROMPT: '0' }
      t.equal((await paste(lab, clone, settings, 'git fetch')).code, 128, 'nothing is known yet')
      await paste(lab, clone, settings, await command(page, 'git credential approve'))
      t.match(await paste(lab, clone, settings, await command(page, 'git fetch')), { code: 0, stderr: '' })
    })
    await t.test('for a clone', async t => {
      const line = (await command(page, 'git clone')).replace('REPOSITORY', 'welcome')
      t.match(await paste(lab, lab.directory, keepingHelper(lab), line), { code: 0 })
    })
    t.equal(
      await command(page, 'tf '),
      `tf workspaces -collection:${stage.url}/northwind/ -login:anna,${made}`,
      'tf, which runs on Windows alone, gets address, name and password',
    )
  })

  await t.test('switched off it opens nothing, switched on it does again', async t => {
    await page.getByRole('link', { name: 'Back to your credentials' }).click()
    t.notMatch(await page.content(), made, 'the password is shown once')
    await page.getByRole('button', { name: 'Switch off' }).click()
    t.match(await fetchAs(made), { code: 128, stderr: /403/, asked: 'get' })
    await page.getByRole('button', { name: 'Switch on' }).click()
    t.match(await fetchAs(made), { code: 0 })
  })

  t.equal(await stage.altgate.stop(), 0)
  for (const password of [chosen, made]) t.notMatch(stage.altgate.logs(), password)
})

async function heading(page: Page): Promise<string> {
  return await page.getByRole('heading', { level: 1 }).innerText()
}

/** What the copy button beside a command copies. */
async function command(page: Page, beginning: string): Promise<string> {
  const block = page.locator('.command', {
    has: page.locator('pre', { hasText: new RegExp(`^${beginning}`) }),
  })
  await block.getByRole('button', { name: /^Copy / }).click()
  await block.getByText('Copied').waitFor()
  return await clipboard(page)
}

/** Git's own helper that keeps passwords in a file, in the place of the laboratory's. */
function keepingHelper({ directory }: GitLab) {
  const helper = `store --file=${join(directory, '.home', 'kept')}`
  return {
    GIT_CONFIG_COUNT: '2',
    GIT_CONFIG_KEY_0: 'credential.helper',
    GIT_CONFIG_VALUE_0: '',
    GIT_CONFIG_KEY_1: 'credential.helper',
    GIT_CONFIG_VALUE_1: helper,
  }
}

/** Pastes something into a shell. */
function paste(lab: GitLab, cwd: string, env: Readonly<Record<string, string>>, text: string) {
  return run('sh', ['-ec', text], { cwd, env: { ...lab.env, ...env } })
}
