import t, { type Test } from 'tap'
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

async function setCredential(altgate: Altgate, scope: string, password: string): Promise<void> {
  await altgate.must(['credential', 'set', '--scope', scope, '--user', anna], { stdin: `${password}\n` })
}

async function aWorld(t: Test) {
  const upstream = await startUpstream(t, ['fabrikam'])
  const azure = await startFakeAzureDevOps(t)
  azure.put('fabrikam', { connection: 'msa' })
  const altgate = await startAltgate(t, { settings: asking(azure, upstream.url) })
  await setCredential(altgate, 'msa', 'canary-old')
  const lab = gitLab(t)
  lab.setCredential(anna, 'canary-old')
  return { azure, altgate, lab, address: `${altgate.url}/fabrikam/welcome.git` }
}

t.test('an account that was never added is found, moves, and its users are told', async t => {
  const { azure, altgate, lab, address } = await aWorld(t)

  await t.test('the page finds it before any credential is presented', async t => {
    const page = await (await fetch(`${altgate.url}/_altgate/?account=fabrikam`)).text()
    t.notMatch(page, 'There is no account')
    t.match(await altgate.must(['account', 'list']), /fabrikam +Microsoft accounts/)
  })

  await t.test('git clones from it', async t => {
    await lab.must(['clone', address, 'clone'])
    t.equal(lab.helperActions(), 'get store')
  })

  await t.test('an unknown name is 404, and git keeps the password', async t => {
    lab.forget()
    const { stderr } = await lab.git(['ls-remote', `${altgate.url}/nobody/welcome.git`])
    t.match(stderr, /not found/)
    t.equal(lab.helperActions(), 'get')
    t.notMatch(await altgate.must(['account', 'list']), 'nobody')
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
    const { stdout } = await altgate.cli(['explain', '--account', 'fabrikam', '--user', anna], {
      stdin: 'canary-wrong\n',
    })
    t.match(stdout, 'a part is down: accounts')
  })

  await t.test('a move is told as soon as it has been said twice', async t => {
    azure.put('fabrikam', { connection: directory })
    const unavailable = () => altgate.logs().split('"outcome":"unavailable"').length
    const before = unavailable()
    let printed = ''
    await until(async () => {
      printed += (await lab.git(['fetch'], { cwd: `${lab.directory}/clone` })).stderr
      return printed.includes('Reset needed')
    })
    t.equal(unavailable(), before, 'right passwords work until then')
    t.match(printed, 'Reset needed: the account "fabrikam" has moved.')
    t.match(printed, directory, 'the directory by its id: it has no name here')
    const shown = await altgate.must(['account', 'show', 'fabrikam', '--json'])
    t.match(JSON.parse(shown), {
      history: [
        { connection: { kind: 'msa' } },
        { connection: { directoryId: directory }, actor: 'azure-devops' },
      ],
    })
    await until(() => /"audit":.*"azure-devops".*account-connected/.test(altgate.logs()))
  })

  await t.test('with the credential set there everything works again', async t => {
    await setCredential(altgate, directory, 'canary-new')
    lab.setCredential(anna, 'canary-new')
    await lab.must(['fetch'], { cwd: `${lab.directory}/clone` })
    lab.setCredential(anna, 'canary-wrong')
    lab.forget()
    await lab.git(['ls-remote', address])
    t.equal(lab.helperActions(), 'get erase', 'and a wrong password is wrong again')
    t.match(await altgate.tell('/metrics'), /altgate_account_questions_total\{result="directory"\} [1-9]/)
  })

  t.notMatch(
    JSON.stringify(azure.requests),
    /authorization|canary/i,
    'Azure DevOps has never seen a password',
  )
})

t.test('a move that one gateway has noticed holds in all of them', async t => {
  const [upstream, azure] = [await startUpstream(t, ['fabrikam']), await startFakeAzureDevOps(t)]
  const [database, redis] = [await startPostgres(t), await startRedis(t)]
  azure.put('fabrikam', { connection: 'msa' })
  const shared = { store: { url: database.url }, redis: { url: redis.url } }
  const settings = { ...asking(azure, upstream.url), ...shared }
  const [one, other] = [await startAltgate(t, { settings }), await startAltgate(t, { settings })]
  await setCredential(one, 'msa', 'canary-old')
  const address = 'fabrikam/welcome.git/info/refs?service=git-upload-pack'
  const outcomeAt = async (altgate: Altgate) =>
    (await ask(`${altgate.url}/${address}`, { as: [anna, 'canary-old'] })).outcome
  t.strictSame([await outcomeAt(one), await outcomeAt(other)], ['allow', 'allow'])

  azure.put('fabrikam', { connection: directory })
  await until(async () => (await outcomeAt(one)) === 'reset-needed')
  t.equal(await outcomeAt(other), 'reset-needed')
  const shown = JSON.parse(await one.must(['account', 'show', 'fabrikam', '--json'])) as {
    history: unknown[]
  }
  t.equal(shown.history.length, 2, 'and it has been written down once')
})
