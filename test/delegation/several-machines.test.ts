import t from 'tap'
import { startPostgres } from '../support/postgres.ts'
import { until } from '../support/until.ts'
import { aLab, anna, boris } from './lab.ts'

const minute = 60_000
const server = await startPostgres(t)

t.test('machines whose clocks are five minutes apart use a token for the same time', async t => {
  const lab = await aLab(t, { url: await server.database('clocks') })
  const [one, fast, slow] = [
    await lab.process(),
    await lab.process({ ahead: 5 * minute }),
    await lab.process({ ahead: -5 * minute }),
  ]
  await lab.signIn()
  const first = await one.token()
  if (typeof first === 'string') return t.fail(first)
  const ends = await Promise.all(
    [fast, slow].map(async gateway => {
      const token = await gateway.token()
      return typeof token === 'string' ? 0 : token.endsAt
    }),
  )
  const [ofFast = 0, ofSlow = 0] = ends
  t.ok(Math.abs(ofFast - 5 * minute - first.endsAt) < 10_000, 'by its own clock, at the same moment')
  t.ok(Math.abs(ofSlow + 5 * minute - first.endsAt) < 10_000)
  t.equal(lab.provider.asked(), 1)
})

t.test('many users and several machines at once: each token is asked for once', async t => {
  const lab = await aLab(t, { url: await server.database('many') })
  const gateways = await Promise.all([0, 5, -5].map(minutes => lab.process({ ahead: minutes * minute })))
  const users = [anna, boris, ...Array.from({ length: 30 }, (_, at) => `user-${at}`)]
  for (const user of users) await lab.signIn(user)
  const bearers = await Promise.all(
    users.map(async user => new Set(await Promise.all(gateways.map(gateway => gateway.bearer(user))))),
  )
  t.ok(bearers.every(({ size }) => size === 1))
  t.equal(lab.provider.asked(), users.length)
})

t.test('a database that fails over while a token is renewed loses nothing', async t => {
  const lab = await aLab(t, { url: await server.database('failover') })
  const gateway = await lab.process()
  await lab.signIn()
  const holding = Promise.withResolvers<void>()
  lab.provider.hold = holding.promise
  const waiting = gateway.bearer()
  await until(() => lab.provider.asked() === 1)
  await server.crash()
  holding.resolve()
  const bearer = await waiting
  t.strictSame(gateway.results, ['renewed', 'not-stored'])
  await server.start()
  const other = await lab.process()
  await until(async () => (await other.bearer().catch(() => '')) === bearer)
  t.equal(lab.provider.asked(), 1)
})
