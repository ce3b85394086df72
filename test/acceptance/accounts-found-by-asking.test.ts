import t from 'tap'
import { startAltgate, type Altgate } from '../support/altgate.ts'
import { ask } from '../support/ask.ts'
import { startFakeAzureDevOps, type FakeAzureDevOps } from '../support/fake-azure-devops.ts'
import { gitLab } from '../support/git.ts'
import { startPostgres } from '../support/postgres.ts'
import { startRedis } from '../support/redis.ts'
import { until } from '../support/until.ts'
import { startUpstream } from '../support/upstream.ts'

const directory = '5f0c2a9e-3b1d-4c66-9d0a-7a51c3e8f214'
const anna = 'anna@example.com'
const ben = 'ben@example.com'

/** Settings of a gateway that asks this Azure DevOps, and is quick about moves. */
function asking(azure: FakeAzureDevOps, upstream: string) {
  const azureDevOps = {
    address: azure.template,
    upstream: `${upstream}/{account}/`,
    freshSeconds: 1,
    confirmAfterSeconds: 1,
  }
  return { accounts: { source: 'azure-devops', azureDevOps } }
}

async function setCredential(altgate: Altgate, scope: string, user: string, password: string): Promise<void> {
  await altgate.must(['credential', 'set', '--scope', scope, '--user', user], { stdin: `${password}\n` })
}

const [upstream, azure] = [await startUpstream(t, ['fabrikam', 'tailspin']), await startFakeAzureDevOps(t)]
const [database, redis] = [await startPostgres(t), await startRedis(t)]
const settings = {
  ...asking(azure, upstream.url),
  store: { url: database.url },
  redis: { url: redis.url },
}
const [one, other] = [await startAltgate(t, { settings }), await startAltgate(t, { settings })]

t.test('an account that was never added is found, moves, and its users are told', async t => {
  azure.put('fabrikam', { connection: 'msa' })
  await setCredential(one, 'msa', anna, 'canary-old')
  const lab = gitLab(t)
  lab.setCredential(anna, 'canary-old')
  const address = `${one.url}/fabrikam/welcome.git`

  await t.test('the page finds it before any credential is presented', async t => {
    const page = await (await fetch(`${one.url}/_altgate/?account=fabrikam`)).text()
    t.notMatch(page, 'There is no account')
    t.match(await one.must(['account', 'list']), /fabrikam +Microsoft accounts/)
  })

  await t.test('git clones from it', async t => {
    await lab.must(['clone', address, 'clone'])
    t.equal(lab.helperActions(), 'get store')
  })

  await t.test('an unknown name is 404, and git keeps the password', async t => {
    lab.forget()
    const { stderr } = await lab.git(['ls-remote', `${one.url}/nobody/welcome.git`])
    t.match(stderr, /not found/)
    t.equal(lab.helperActions(), 'get')
    t.notMatch(await one.must(['account', 'list']), 'nobody')
  })

  await t.test('while Azure DevOps cannot tell, a wrong password is 503, and git keeps it', async t => {
    azure.put('fabrikam', { connection: 'msa', mood: 'out-of-order' })
    lab.setCredential(anna, 'canary-wrong')
    lab.forget()
    const { code, stderr } = await lab.git(['ls-remote', address])
    t.equal(code, 128)
    t.match(stderr, 'The requested URL returned error: 503')
    t.equal(lab.helperActions(), 'get')
    lab.setCredential(anna, 'canary-old')
    await lab.must(['ls-remote', address])
    t.pass('a right password still works')
    const { stdout } = await one.cli(['explain', '--account', 'fabrikam', '--user', anna], {
      stdin: 'canary-wrong\n',
    })
    t.match(stdout, 'a part is down: accounts')
  })

  await t.test('a move is told as soon as it has been said twice', async t => {
    azure.put('fabrikam', { connection: directory })
    const unavailable = () => one.logs().split('"outcome":"unavailable"').length
    const before = unavailable()
    // By requests like those of git, which takes a tenth of a second of a processor for each look.
    const asGit = `${address}/info/refs?service=git-upload-pack`
    const outcome = async () => (await ask(asGit, { as: [anna, 'canary-old'] })).outcome
    await until(async () => (await outcome()) !== 'allow', 50)
    const printed = (await lab.git(['fetch'], { cwd: `${lab.directory}/clone` })).stderr
    t.equal(unavailable(), before, 'right passwords work until then')
    t.match(printed, 'Reset needed: the account "fabrikam" has moved.')
    t.match(printed, directory, 'the directory by its id: it has no name here')
    const shown = await one.must(['account', 'show', 'fabrikam', '--json'])
    t.match(JSON.parse(shown), {
      history: [
        { connection: { kind: 'msa' } },
        { connection: { directoryId: directory }, actor: 'azure-devops' },
      ],
    })
    // By whichever of them sees the change first.
    const audited = /"audit":.*"azure-devops".*account-connected/
    await until(() => [one, other].some(({ logs }) => audited.test(logs())))
  })

  await t.test('with the credential set there everything works again', async t => {
    await setCredential(one, directory, anna, 'canary-new')
    lab.setCredential(anna, 'canary-new')
    await lab.must(['fetch'], { cwd: `${lab.directory}/clone` })
    lab.setCredential(anna, 'canary-wrong')
    lab.forget()
    await lab.git(['ls-remote', address])
    t.equal(lab.helperActions(), 'get erase', 'and a wrong password is wrong again')
    t.match(await one.tell('/metrics'), /altgate_account_questions_total\{result="directory"\} [1-9]/)
  })

  t.notMatch(
    JSON.stringify(azure.requests),
    /authorization|canary/i,
    'Azure DevOps has never seen a password',
  )
})

t.test('a move that one gateway has noticed holds in all of them', async t => {
  azure.put('tailspin', { connection: 'msa' })
  await setCredential(one, 'msa', ben, 'canary-old')
  const address = 'tailspin/welcome.git/info/refs?service=git-upload-pack'
  const outcomeAt = async (altgate: Altgate) =>
    (await ask(`${altgate.url}/${address}`, { as: [ben, 'canary-old'] })).outcome
  t.strictSame([await outcomeAt(one), await outcomeAt(other)], ['allow', 'allow'])

  azure.put('tailspin', { connection: directory })
  await until(async () => (await outcomeAt(one)) === 'reset-needed', 50)
  t.equal(await outcomeAt(other), 'reset-needed')
  const shown = JSON.parse(await one.must(['account', 'show', 'tailspin', '--json'])) as {
    history: unknown[]
  }
  t.equal(shown.history.length, 2, 'and it has been written down once')
})
