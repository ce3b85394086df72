import t, { type Test } from 'tap'
import { startFakeAzureDevOps, type FakeAzureDevOps } from '../support/fake-azure-devops.ts'
import { freePort } from '../support/ports.ts'
import { aDesk, fabrikamId, type Desk } from './desk.ts'

const anna = 'anna@example.com'

/** A desk whose accounts are found by asking this Azure DevOps. */
async function anAskingDesk(t: Test, { template }: FakeAzureDevOps): Promise<Desk> {
  const [port, operationsPort] = [await freePort(), await freePort()]
  return aDesk(t, {
    ALTGATE__LISTEN__PORT: `${port}`,
    ALTGATE__OPERATIONS__PORT: `${operationsPort}`,
    ALTGATE__ACCOUNTS__SOURCE: 'azure-devops',
    ALTGATE__ACCOUNTS__AZUREDEVOPS__ADDRESS: template,
    ALTGATE__ACCOUNTS__AZUREDEVOPS__UPSTREAM: template,
  })
}

const explain = ['explain', '--account', 'fabrikam', '--user', anna]

t.test('explain asks about an account that was never added, and stores nothing', async t => {
  const azure = await startFakeAzureDevOps(t)
  azure.put('fabrikam', { connection: fabrikamId })
  const desk = await anAskingDesk(t, azure)
  const told = await desk.must(explain, 'canary-wrong')
  t.match(told, `connection  signs in with Microsoft Entra ID, directory "${fabrikamId}"`)
  t.match(told, 'checked again before the refusal: signs in with')
  t.match(told, 'refused: the client gets 401')
  t.match(await desk.json(['account', 'list']), [])
  t.match(await desk.json(['directory', 'list']), [])
})

t.test('explain says when Azure DevOps says something else than is kept', async t => {
  const azure = await startFakeAzureDevOps(t)
  azure.put('fabrikam', { connection: fabrikamId })
  const desk = await anAskingDesk(t, azure)
  await desk.must(['account', 'add', 'fabrikam', '--upstream', azure.url])
  const { code, stdout, stderr } = await desk.run(explain, 'canary-wrong')
  t.equal(code, 1)
  t.match(stdout, 'unavailable: the client gets 503')
  t.match(stderr, 'What the account signs in with could not be determined: Azure DevOps reports a change')
})

t.test('an account is shown with what Azure DevOps says of it now', async t => {
  const azure = await startFakeAzureDevOps(t)
  azure.put('fabrikam', { connection: fabrikamId })
  const desk = await anAskingDesk(t, azure)
  await desk.must(['account', 'add', 'fabrikam', '--upstream', azure.url])
  const shown = await desk.must(['account', 'show', 'fabrikam'])
  t.match(shown, /signs in with +Microsoft accounts/)
  t.match(shown, new RegExp(`asked just now +directory ${fabrikamId}`))
})

t.test('check asks, and says what is wrong with the source', async t => {
  const azure = await startFakeAzureDevOps(t)
  const desk = await anAskingDesk(t, azure)
  t.match(
    await desk.must(['check']),
    /^ok +source +http:\S+ answers with 404$/m,
    'nothing is known to ask about',
  )

  azure.put('fabrikam', { connection: fabrikamId })
  await desk.must(['account', 'add', 'fabrikam', '--upstream', azure.url])
  t.match(
    await desk.must(['check']),
    new RegExp(`^ok +source +http:\\S+ says of fabrikam: directory ${fabrikamId}$`, 'm'),
  )

  azure.put('fabrikam', { connection: fabrikamId, mood: 'contradicting' })
  const { code, stdout } = await desk.run(['check'])
  t.equal(code, 1)
  t.match(stdout, /^FAILED +source +http:\S+: cannot tell: its headers contradict each other$/m)
})
