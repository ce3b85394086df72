import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { startAltgate } from '../support/altgate.ts'
import { temporaryDirectory } from '../support/directory.ts'
import { startFakeAzureDevOps } from '../support/fake-azure-devops.ts'
import { gitLab } from '../support/git.ts'
import { until } from '../support/until.ts'

const directory = '5f0c2a9e-3b1d-4c66-9d0a-7a51c3e8f214'
const anna = 'anna@example.com'
const token = 'canary-personal-access-token'

t.test('an account is found, moves, its users are told, and their pushes arrive with our token', async t => {
  const azure = await startFakeAzureDevOps(t, { repositories: ['fabrikam'], tokens: [token] })
  azure.put('fabrikam', { connection: 'msa' })
  const credential = join(temporaryDirectory(t), 'token')
  writeFileSync(credential, `${token}\n`)
  const azureDevOps = {
    address: azure.template,
    upstream: azure.template,
    freshSeconds: 1,
    confirmAfterSeconds: 1,
  }
  const altgate = await startAltgate(t, {
    settings: {
      accounts: { source: 'azure-devops', azureDevOps },
      upstreamAuth: { method: 'swapped-credential', credential: { file: credential } },
    },
  })
  const lab = gitLab(t)
  const cwd = join(lab.directory, 'clone')
  const set = async (scope: string, password: string) => {
    await altgate.must(['credential', 'set', '--scope', scope, '--user', anna], { stdin: `${password}\n` })
    lab.setCredential(anna, password)
  }
  const push = async (subject: string) => {
    await lab.must(['commit', '--allow-empty', '-m', subject], { cwd })
    await lab.must(['push'], { cwd })
  }
  const arrived = () => lab.must(['log', '--format=%s'], { cwd: azure.repository('fabrikam') })

  await set('msa', 'canary-old')
  await lab.must(['clone', `${altgate.url}/fabrikam/welcome.git`, 'clone'])
  await push('before the move')
  t.match(await arrived(), /^before the move$/m)

  azure.put('fabrikam', { connection: directory })
  let told = ''
  await until(async () => {
    told = (await lab.git(['fetch'], { cwd })).stderr
    return told.includes('Reset needed')
  }, 250)
  t.match(told, `${altgate.url}/_altgate/?account=fabrikam`)

  await set(directory, 'canary-new')
  await push('after the reset')
  t.match(await arrived(), /^after the reset$/m)

  const seen = azure.requests.map(({ rawHeaders }) => rawHeaders.join('\n')).join('\n')
  t.match(seen, Buffer.from(`:${token}`).toString('base64'), 'the upstream sees our token')
  for (const password of ['canary-old', 'canary-new'])
    t.notMatch(seen, Buffer.from(`${anna}:${password}`).toString('base64'), 'and nobody’s password')
})
