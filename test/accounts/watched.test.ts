import t from 'tap'
import type { AccountName, DirectoryId } from '../../src/gateway/names.ts'
import { startFakeAzureDevOps } from '../support/fake-azure-devops.ts'
import { until } from '../support/until.ts'
import { a, aGateway, b, fabrikam, storeFile } from './gateway.ts'

t.test('an account that was never added is found, and kept with its directory', async t => {
  const azure = await startFakeAzureDevOps(t)
  azure.put('fabrikam', { connection: a })
  const { found, registry } = await aGateway(t, azure)
  t.equal(await found(), a)
  const record = await registry.account(fabrikam)
  t.match(record, { upstream: `${azure.url}/fabrikam/`, history: [{ actor: 'azure-devops' }] })
  t.match(await registry.directories(), [{ id: a, name: a }], 'its name is not known')
})

t.test('a directory that an operator has named keeps its name', async t => {
  const azure = await startFakeAzureDevOps(t)
  azure.put('fabrikam', { connection: a })
  const { find, registry } = await aGateway(t, azure)
  await registry.addDirectory('test', { id: a as DirectoryId, name: 'Contoso' })
  t.match(await find(fabrikam), { connection: { directoryName: 'Contoso' } })
})

t.test('a thousand clients at once cost one question, and none until its time is over', async t => {
  const azure = await startFakeAzureDevOps(t)
  azure.put('fabrikam', { connection: 'msa' })
  const { found, advance } = await aGateway(t, azure)
  const all = await Promise.all(Array.from({ length: 1000 }, () => found()))
  t.strictSame(new Set(all), new Set(['msa']))
  t.equal(azure.questions(), 1)
  advance(299)
  await found()
  t.equal(azure.questions(), 1)
  advance(1)
  await Promise.all(Array.from({ length: 1000 }, () => found()))
  await until(() => azure.questions() === 2)
  await found()
  t.equal(azure.questions(), 2)
})

t.test('an answer that has grown old serves while the new one is fetched', async t => {
  const azure = await startFakeAzureDevOps(t)
  azure.put('fabrikam', { connection: a })
  const { find, found, advance, told } = await aGateway(t, azure)
  await found()
  advance(301)
  const release = azure.hold()
  t.match(await find(fabrikam), { name: 'fabrikam' })
  await until(() => azure.questions() === 2)
  t.equal(told.length, 1, 'the new answer is not there yet')
  release()
  await until(() => told.length === 2)
})

t.test(
  'while Azure DevOps cannot tell, an account stays open for an hour and refuses no request',
  async t => {
    const azure = await startFakeAzureDevOps(t)
    azure.put('fabrikam', { connection: a })
    const { found, confirmed, advance } = await aGateway(t, azure)
    await found()
    azure.put('fabrikam', { connection: a, mood: 'out-of-order' })
    t.equal(await confirmed(), 'accounts')
    advance(3899)
    t.equal(await found(), a)
    t.equal(await confirmed(), 'accounts')
    advance(1)
    t.equal(await found(), 'accounts', 'what is that old opens nothing any more')
    azure.put('fabrikam', { connection: a })
    advance(5)
    t.equal(await found(), a)
  },
)

t.test('a source that cannot tell is not asked again at once, even if requests wait for it', async t => {
  const azure = await startFakeAzureDevOps(t)
  azure.put('fabrikam', { connection: a })
  const { found, confirmed, advance, told } = await aGateway(t, azure)
  await found()
  azure.put('fabrikam', { connection: a, mood: 'contradicting' })
  for (let time = 1; time <= 20; time += 1) t.equal(await confirmed(), 'accounts')
  t.strictSame(told, ['directory', 'conflict'])
  advance(5)
  t.equal(await confirmed(), 'accounts')
  t.equal(told.length, 3)
})

t.test('before a refusal it is asked anew, and many refusals at once share the answer', async t => {
  const azure = await startFakeAzureDevOps(t)
  azure.put('fabrikam', { connection: a })
  const { found, confirmed } = await aGateway(t, azure)
  await found()
  t.equal(await confirmed(), a)
  t.equal(azure.questions(), 2)
  const all = await Promise.all(Array.from({ length: 1000 }, () => confirmed()))
  t.strictSame(new Set(all), new Set([a]))
  t.equal(azure.questions(), 4, 'one was under way when the others came, and one is for them')
})

t.test('a refusal does not share a question that began before it', async t => {
  const azure = await startFakeAzureDevOps(t)
  azure.put('fabrikam', { connection: a })
  const { found, confirmed } = await aGateway(t, azure)
  await found()
  const release = azure.hold()
  const early = confirmed()
  await until(() => azure.questions() === 2)
  const late = confirmed()
  azure.put('fabrikam', { connection: b })
  release()
  t.strictSame([await early, await late], ['accounts', 'accounts'])
  t.equal(azure.questions(), 3)
})

t.test('a move is believed when it is said twice, a minute apart', async t => {
  const azure = await startFakeAzureDevOps(t)
  azure.put('fabrikam', { connection: 'msa' })
  const { find, found, confirmed, advance, registry } = await aGateway(t, azure)
  await found()
  azure.put('fabrikam', { connection: a })
  t.equal(await confirmed(), 'accounts', 'reported, not confirmed: no request is refused')
  t.equal(await found(), 'msa', 'and admitted requests go on')
  advance(59)
  t.equal(await confirmed(), 'accounts')
  advance(1)
  t.equal(await confirmed(), a)
  t.match(await find(fabrikam), { connection: { directoryId: a }, former: { connection: { kind: 'msa' } } })
  const { history } = (await registry.account(fabrikam)) ?? {}
  t.match(history, [{ actor: 'azure-devops' }, { connection: { directoryId: a }, actor: 'azure-devops' }])

  azure.put('fabrikam', { connection: 'msa' })
  await confirmed()
  advance(60)
  t.equal(await confirmed(), 'msa', 'and back')
})

t.test('a source that flaps changes nothing', async t => {
  const azure = await startFakeAzureDevOps(t)
  const { confirmed, found, advance, registry } = await aGateway(t, azure)
  azure.put('fabrikam', { connection: a })
  await found()
  const says = async (connection: string, mood?: 'out-of-order' | 'contradicting') => {
    azure.put('fabrikam', { connection, ...(mood && { mood }) })
    await confirmed()
    advance(100)
  }
  for (const mood of ['out-of-order', 'contradicting'] as const) {
    await says(a, mood)
    await says(a)
  }
  for (const other of [b, b, 'msa', b, 'msa']) {
    await says(other)
    await says(a)
  }
  await says(b)
  await says('msa')
  await says(b)
  await says(a)
  t.equal(await confirmed(), a)
  t.equal((await registry.account(fabrikam))?.history.length, 1)
})

t.test('a move is confirmed without further requests to the account', async t => {
  const azure = await startFakeAzureDevOps(t)
  azure.put('fabrikam', { connection: 'msa' })
  const clock = { now: Date.now() }
  const ticking = setInterval(() => (clock.now = Date.now()), 1)
  t.teardown(() => clearInterval(ticking))
  const { found, confirmed, registry } = await aGateway(t, azure, {
    clock,
    settings: { confirmAfterSeconds: 0.1 },
  })
  await found()
  azure.put('fabrikam', { connection: a })
  t.equal(await confirmed(), 'accounts')
  await until(async () => (await registry.account(fabrikam))?.history.length === 2)
})

t.test(
  'an account that is gone is no account after a minute, and is itself again when it is back',
  async t => {
    const azure = await startFakeAzureDevOps(t)
    azure.put('fabrikam', { connection: a })
    const { found, confirmed, advance, registry } = await aGateway(t, azure)
    await found()
    azure.put('fabrikam', undefined)
    t.equal(await confirmed(), 'accounts')
    t.equal(await found(), a)
    advance(60)
    t.equal(await confirmed(), 'none')
    t.equal(await found(), 'none')
    azure.put('fabrikam', { connection: a })
    advance(60)
    t.equal(await found(), a)
    t.equal((await registry.account(fabrikam))?.history.length, 1)
  },
)

t.test('that there is no account is known for a minute, and is never written down', async t => {
  const azure = await startFakeAzureDevOps(t)
  const { found, advance, registry } = await aGateway(t, azure)
  t.equal(await found('nobody'), 'none')
  t.equal(await found('nobody'), 'none')
  t.equal(azure.questions(), 1)
  t.strictSame(await registry.accounts(), [])
  azure.put('nobody', { connection: 'msa' })
  advance(59)
  t.equal(await found('nobody'), 'none')
  advance(1)
  t.equal(await found('nobody'), 'msa', 'it was created')
})

t.test('an account that is new while Azure DevOps cannot tell is an outage, not a guess', async t => {
  const azure = await startFakeAzureDevOps(t)
  azure.put('fabrikam', { connection: 'msa', mood: 'contradicting' })
  const { found, registry } = await aGateway(t, azure)
  t.equal(await found(), 'accounts')
  t.strictSame(await registry.accounts(), [])
})

t.test('a thousand invented names cost no more questions than the budget, and are not refused', async t => {
  const azure = await startFakeAzureDevOps(t)
  azure.put('fabrikam', { connection: a })
  const { found, confirmed, advance } = await aGateway(t, azure, { settings: { strangersPerMinute: 20 } })
  await found()
  const answers = await Promise.all(Array.from({ length: 1000 }, (_, at) => found(`invented-${at}`)))
  t.equal(azure.questions(), 20)
  t.equal(answers.filter(answer => answer === 'none').length, 19)
  t.equal(answers.filter(answer => answer === 'accounts').length, 981)
  t.equal(await found(), a, 'accounts that are known go on')
  t.equal(await confirmed(), a, 'and are asked about')
  advance(3)
  t.equal(await found('another'), 'none', 'three seconds later one more is asked about')
  t.equal(await found('yet-another'), 'accounts')
})

t.test('a restart keeps what the account was connected to before', async t => {
  const azure = await startFakeAzureDevOps(t)
  azure.put('fabrikam', { connection: 'msa' })
  const file = storeFile(t)
  const before = await aGateway(t, azure, { file })
  await before.found()
  azure.put('fabrikam', { connection: a })
  await before.confirmed()
  before.advance(60)
  t.equal(await before.confirmed(), a)
  await before.close()

  const after = await aGateway(t, azure, { file })
  t.match(await after.find(fabrikam), {
    connection: { directoryId: a },
    former: { connection: { kind: 'msa' } },
  })
})

t.test(
  'after a restart an account is open only when Azure DevOps has said that it still is what it was',
  async t => {
    const azure = await startFakeAzureDevOps(t)
    azure.put('fabrikam', { connection: a })
    const file = storeFile(t)
    await (await aGateway(t, azure, { file })).found()
    azure.put('fabrikam', { connection: a, mood: 'out-of-order' })
    const after = await aGateway(t, azure, { file })
    t.equal(await after.found(), 'accounts')
  },
)

t.test(
  'an account that an operator has added goes where the operator said, and moves as any other',
  async t => {
    const azure = await startFakeAzureDevOps(t)
    azure.put('fabrikam', { connection: a })
    const { find, found, confirmed, advance, registry } = await aGateway(t, azure)
    const upstream = 'https://tfs.internal.example'
    await registry.addAccount('test', { name: fabrikam, upstream })
    t.equal(await found(), 'accounts', 'Azure DevOps says something else')
    advance(60)
    t.equal(await confirmed(), a)
    t.match(await find(fabrikam), { upstream })
  },
)

t.test(
  'a command that says something else than Azure DevOps closes the account, and is undone a minute later',
  async t => {
    const azure = await startFakeAzureDevOps(t)
    azure.put('fabrikam', { connection: a })
    const { found, confirmed, advance, registry } = await aGateway(t, azure)
    await found()
    t.equal(await registry.disconnect('test', fabrikam), undefined)
    t.equal(await found(), 'accounts')
    advance(60)
    t.equal(await confirmed(), a)
    t.equal((await registry.account(fabrikam))?.history.length, 3)
  },
)

t.test('two gateways on one store learn of a move as soon as one of them believes it', async t => {
  const azure = await startFakeAzureDevOps(t)
  azure.put('fabrikam', { connection: 'msa' })
  const [file, clock] = [storeFile(t), { now: Date.now() }]
  const [one, other] = [await aGateway(t, azure, { file, clock }), await aGateway(t, azure, { file, clock })]
  t.strictSame([await one.found(), await other.found()], ['msa', 'msa'])
  azure.put('fabrikam', { connection: a })
  one.advance(300)
  await one.found()
  await until(() => one.told.length === 2)
  one.advance(60)
  t.equal(await one.confirmed(), a)
  t.equal(await other.confirmed(), a, 'without waiting for a second sign of its own')
  t.equal((await other.registry.account('fabrikam' as AccountName))?.history.length, 2)
})
