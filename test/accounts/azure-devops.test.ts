import { readFileSync } from 'node:fs'
import t, { type Test } from 'tap'
import { createAzureDevOps, type AzureDevOpsOptions } from '../../src/accounts/azure-devops.ts'
import type { AccountName } from '../../src/gateway/names.ts'
import { makeCertificate } from '../support/certificate.ts'
import { temporaryDirectory } from '../support/directory.ts'
import { startFakeAzureDevOps, type FakeAzureDevOps } from '../support/fake-azure-devops.ts'
import { freePort } from '../support/ports.ts'
import { recordingUpstream } from '../support/recording-upstream.ts'

const fabrikam = 'fabrikam' as AccountName
const contoso = 'contoso' as AccountName
const directory = '11111111-1111-4111-8111-111111111111'

/** The source on a fake Azure DevOps, with a clock set by hand. */
function asker(
  t: Test,
  { template }: Pick<FakeAzureDevOps, 'template'>,
  more: Partial<AzureDevOpsOptions> = {},
) {
  let now = 0
  const source = createAzureDevOps({
    address: template,
    authorities: ['login.microsoftonline.com', 'login.windows.net'],
    timeoutSeconds: 5,
    now: () => now,
    ...more,
  })
  t.teardown(() => source.close())
  return { ask: source.ask, advance: (seconds: number) => (now += seconds * 1000) }
}

t.test('directories, Microsoft accounts and unused names are distinguished', async t => {
  const azure = await startFakeAzureDevOps(t)
  azure.put('fabrikam', { connection: directory })
  azure.put('contoso', { connection: 'msa' })
  const { ask } = asker(t, azure)
  t.strictSame(await ask(fabrikam), { found: 'directory', id: directory })
  t.strictSame(await ask(contoso), { found: 'msa' })
  t.strictSame(await ask('nobody' as AccountName), { found: 'none' })
})

t.test('the question is anonymous, and asks for no redirect to a sign-in page', async t => {
  const azure = await startFakeAzureDevOps(t)
  azure.put('fabrikam', { connection: directory })
  await asker(t, azure).ask(fabrikam)
  const [question] = azure.requests
  t.match(question, { method: 'HEAD', path: '/fabrikam/' })
  const names = question?.rawHeaders.filter((_, at) => at % 2 === 0).map(name => name.toLowerCase())
  t.strictSame(names?.toSorted(), ['accept', 'connection', 'host', 'user-agent', 'x-tfs-fedauthredirect'])
  t.match(question?.rawHeaders.join(' '), 'application/json')
})

t.test('where HEAD is not served GET is, and its page is thrown away', async t => {
  const azure = await startFakeAzureDevOps(t)
  azure.put('fabrikam', { connection: directory, mood: 'only-get' })
  t.strictSame(await asker(t, azure).ask(fabrikam), { found: 'directory', id: directory })
  t.strictSame(
    azure.requests.map(({ method }) => method),
    ['HEAD', 'GET'],
  )
})

t.test('a silent, broken, contradicting or unreachable Azure DevOps is unknown, never a guess', async t => {
  const azure = await startFakeAzureDevOps(t)
  const [patient, impatient] = [asker(t, azure), asker(t, azure, { timeoutSeconds: 0.2 })]
  for (const [mood, because] of [
    ['silent', 'timeout'],
    ['out-of-order', 'status'],
    ['contradicting', 'conflict'],
  ] as const) {
    azure.put('fabrikam', { connection: 'msa', mood })
    const { ask } = mood === 'silent' ? impatient : patient // an answer may take its time on a busy machine
    t.strictSame(await ask(fabrikam), { found: 'unknown', because })
  }
  const nowhere = asker(t, { template: `http://127.0.0.1:${await freePort()}/{account}/` })
  t.strictSame(await nowhere.ask(fabrikam), { found: 'unknown', because: 'unreachable' })
})

t.test('told to come later, it asks nothing until then', async t => {
  const azure = await startFakeAzureDevOps(t)
  azure.put('fabrikam', { connection: directory, mood: 'throttled' })
  azure.put('contoso', { connection: 'msa' })
  const { ask, advance } = asker(t, azure)
  t.strictSame(await ask(fabrikam), { found: 'unknown', because: 'throttled' })
  advance(6)
  t.strictSame(await ask(contoso), { found: 'unknown', because: 'throttled' })
  t.equal(azure.questions(), 1)
  advance(1)
  t.strictSame(await ask(contoso), { found: 'msa' })
})

t.test('an untrusted certificate is refused, unless the settings name it', async t => {
  const tls = await makeCertificate(temporaryDirectory(t))
  const azure = await startFakeAzureDevOps(t, { tls })
  azure.put('fabrikam', { connection: directory })
  t.strictSame(await asker(t, azure).ask(fabrikam), { found: 'unknown', because: 'unreachable' })
  const ca = readFileSync(tls.certFile, 'utf8')
  t.strictSame(await asker(t, azure, { ca }).ask(fabrikam), { found: 'directory', id: directory })
})

t.test('a redirect is not followed', async t => {
  const azure = await startFakeAzureDevOps(t)
  azure.put('contoso', { connection: directory })
  const elsewhere = await recordingUpstream(t, (request, response) => {
    request.resume()
    response.writeHead(302, { location: `${azure.url}/contoso/` }).end()
  })
  const { ask } = asker(t, { template: `${elsewhere.url}/{account}/` })
  t.strictSame(await ask(fabrikam), { found: 'unknown', because: 'no-signal' })
  t.equal(azure.requests.length, 0)
})
