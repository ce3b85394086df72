// The page says what it means that the gateway cannot notice when a user leaves.
import { randomBytes } from 'node:crypto'
import t, { type Test } from 'tap'
import { Browser, headingOf, type Seen } from './browser.ts'
import { aLab, choose, contoso, fillIn, generate, type Lab, toTheForm } from './lab.ts'

const secrets = { sealingKeys: [{ id: 'first', key: randomBytes(32).toString('base64') }] }

async function aCheckedLab(t: Test, unwatchedDays: number | undefined): Promise<Lab> {
  return await aLab(t, {
    settings: { secrets },
    change: ({ signIn }) => {
      const { [contoso]: its, ...others } = signIn.directories
      if (its === undefined) throw new Error('the lab has no Contoso')
      const liveness = { everySeconds: 600, ...(unwatchedDays !== undefined && { unwatchedDays }) }
      return { signIn: { ...signIn, directories: { ...others, [contoso]: { ...its, liveness } } } }
    },
  })
}

async function signIn(lab: Lab, browser: Browser, more = ''): Promise<Seen> {
  const form = await toTheForm(lab, browser, 'contoso', more)
  const seen = headingOf(form.text).startsWith('Sign in to') ? await fillIn(browser, form) : form
  if (headingOf(seen.text) !== 'Permissions requested') return seen
  return await browser.send(seen, '/interaction/', { accept: 'yes' })
}

for (const [days, connected, ended] of [
  [
    undefined,
    'If you disconnect, this gateway cannot notice when Contoso closes your account, and your alternate credentials keep working.',
    'Until you sign in, this gateway cannot notice when Contoso closes your account.',
  ],
  [
    30,
    'If you disconnect, your alternate credentials are switched off 30 days after your last sign-in here.',
    'Your alternate credentials are switched off 30 days after your last sign-in here.',
  ],
  [
    1,
    'are switched off one day after your last sign-in here.',
    'Your alternate credentials are switched off one day after your last sign-in here.',
  ],
] as const)
  t.test(`what a user is told before and after disconnecting (${days ?? 'no end'})`, async t => {
    const lab = await aCheckedLab(t, days)
    const browser = new Browser()
    const page = await signIn(lab, browser)
    t.match(page.text, connected)
    t.notMatch(page.text, 'your tools are told')
    const after = await browser.send(page, '/disconnect')
    t.match(after.text, ended)
    t.match(after.text, 'You disconnected it')
    t.notMatch(after.text, 'your tools are told', 'the tools go on')
  })

t.test('a user who says only who they are is told as well, and counts as signed in', async t => {
  const lab = await aCheckedLab(t, 30)
  const browser = new Browser()
  const page = await signIn(lab, browser, '&grant=no')
  t.match(page.text, 'Until you sign in, this gateway cannot notice')
  await browser.send(page, '/credential', { ...generate, ...choose('brave-otter-under-the-bridge') })
  const confirmedAt = async () => (await lab.services.registry.credentials(contoso))[0]?.confirmedAt ?? 0
  const before = await confirmedAt()
  await signIn(lab, browser, '&grant=no')
  t.ok((await confirmedAt()) > before)
})

t.test('a sign-in that gives nothing says so in these words', async t => {
  const lab = await aCheckedLab(t, undefined)
  lab.identity.conditions.refreshTokens = false
  const seen = await signIn(lab, new Browser())
  t.match(seen.text, 'Until it does, the gateway cannot notice when Contoso closes your account.')
})
