import t from 'tap'
import { startFakeAzureDevOps } from '../support/fake-azure-devops.ts'
import { startRedis } from '../support/redis.ts'
import { until } from '../support/until.ts'
import { a, aGateway, b, storeFile } from './gateway.ts'

t.test('what one process has asked is known to all of them', async t => {
  const [azure, redis] = [await startFakeAzureDevOps(t), await startRedis(t)]
  azure.put('fabrikam', { connection: a })
  const shared = { file: storeFile(t), redisUrl: redis.url, clock: { now: Date.now() } }
  const [one, other] = [await aGateway(t, azure, shared), await aGateway(t, azure, shared)]
  t.equal(await one.found(), a)
  t.equal(await one.found('nobody'), 'none')
  await until(async () => (await redis.dump()).split('\n').length === 3)
  t.equal(await other.found(), a)
  t.equal(await other.found('nobody'), 'none')
  t.strictSame(other.told, [])
  t.equal(azure.questions(), 2)
  one.advance(300)
  await other.found()
  await until(() => other.told.length === 1)
  t.equal(azure.questions(), 3, 'and it grows old for all of them')
})

t.test('a process that began with a wrong clock knows how old the answers of others are', async t => {
  const [azure, redis] = [await startFakeAzureDevOps(t), await startRedis(t)]
  azure.put('fabrikam', { connection: a })
  const shared = { file: storeFile(t), redisUrl: redis.url, clock: { now: Date.now() } }
  const exact = await aGateway(t, azure, shared)
  await exact.found()
  await until(async () => (await redis.dump()).includes('altgate:account:fabrikam'))
  exact.advance(200)
  for (const behind of [86_400_000, -86_400_000]) {
    const other = await aGateway(t, azure, { ...shared, behind })
    t.equal(await other.found(), a)
    t.strictSame(other.told, [], 'it is 200 seconds old')
  }
  exact.advance(100)
  const later = await aGateway(t, azure, { ...shared, behind: 86_400_000 })
  t.equal(await later.found(), a)
  await until(() => later.told.length === 1)
})

t.test('before a refusal each asks for itself', async t => {
  const [azure, redis] = [await startFakeAzureDevOps(t), await startRedis(t)]
  azure.put('fabrikam', { connection: a })
  const shared = { file: storeFile(t), redisUrl: redis.url, clock: { now: Date.now() } }
  const [one, other] = [await aGateway(t, azure, shared), await aGateway(t, azure, shared)]
  await one.found()
  await until(async () => (await redis.dump()).includes('altgate:account:fabrikam'))
  t.equal(await other.confirmed(), a)
  t.strictSame(other.told, ['directory'])
})

t.test('with Redis a restart does not close the accounts while Azure DevOps is out of order', async t => {
  const [azure, redis] = [await startFakeAzureDevOps(t), await startRedis(t)]
  azure.put('fabrikam', { connection: a })
  const shared = { file: storeFile(t), redisUrl: redis.url, clock: { now: Date.now() } }
  const before = await aGateway(t, azure, shared)
  await before.found()
  await until(async () => (await redis.dump()).includes('altgate:account:fabrikam'))
  azure.put('fabrikam', { connection: b })
  t.equal(await before.confirmed(), 'accounts', 'what is not believed yet is not passed on')
  azure.put('fabrikam', { connection: a, mood: 'out-of-order' })
  before.advance(3000)
  const after = await aGateway(t, azure, shared)
  t.equal(await after.found(), a)
  t.equal(await after.confirmed(), 'accounts', 'and refuses no request')
})

t.test('one budget for unknown names is shared by all gateways', async t => {
  const [azure, redis] = [await startFakeAzureDevOps(t), await startRedis(t)]
  const shared = {
    file: storeFile(t),
    redisUrl: redis.url,
    clock: { now: Date.now() },
    settings: { strangersPerMinute: 20 },
  }
  const gateways = [await aGateway(t, azure, shared), await aGateway(t, azure, shared)]
  await Promise.all(
    gateways.flatMap(({ found }, gateway) =>
      Array.from({ length: 500 }, (_, at) => found(`invented-${gateway}-${at}`)),
    ),
  )
  t.equal(azure.questions(), 20)
})

t.test('write access to Redis does not suffice to move an account', async t => {
  const [azure, redis] = [await startFakeAzureDevOps(t), await startRedis(t)]
  azure.put('fabrikam', { connection: a })
  azure.put('contoso', { connection: a })
  const shared = { file: storeFile(t), redisUrl: redis.url, clock: { now: Date.now() } }
  const one = await aGateway(t, azure, shared)
  await one.found('fabrikam')
  await one.found('contoso')
  await until(
    async () => (await redis.dump()).split('\n').filter(line => line.includes(':account:')).length === 2,
  )
  const kept = async (name: string) => String(await redis.command('get', `altgate:account:${name}`))
  const [own, foreign] = [await kept('fabrikam'), await kept('contoso')]
  for (const forged of [
    own.replace(/^\d+/, String(Date.now() + 1000)),
    own.replace(/ \S+$/, ''),
    foreign,
    'nonsense',
  ]) {
    await redis.command('set', 'altgate:account:fabrikam', forged)
    const other = await aGateway(t, azure, shared)
    t.equal(await other.found(), a)
    t.strictSame(other.told, ['directory'], 'it asks for itself')
  }
})

t.test('a Redis that is gone costs questions and nothing else', async t => {
  const [azure, redis] = [await startFakeAzureDevOps(t), await startRedis(t)]
  azure.put('fabrikam', { connection: a })
  const gateway = await aGateway(t, azure, { redisUrl: redis.url })
  await redis.stop()
  t.equal(await gateway.found(), a)
  t.equal(await gateway.confirmed(), a)
  t.equal(await gateway.found('nobody'), 'none')
})
