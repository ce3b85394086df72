import t from 'tap'
import type { Owner } from '../../src/gateway/names.ts'
import { directory, refreshProvider } from '../delegation/refresh-provider.ts'
import { cheapHashing, startAltgate } from '../support/altgate.ts'
import { ask } from '../support/ask.ts'
import { metric } from '../support/metrics.ts'
import { startPostgres } from '../support/postgres.ts'
import { recordingUpstream } from '../support/recording-upstream.ts'
import { until } from '../support/until.ts'
import { actingSettings, addUser, setTheScene } from './canary-tokens.ts'

const as = ['anna@example.com', 'the password of the user'] as const
/** Milliseconds between two looks: for each one the gateways ask all their processes. */
const pause = 50
const list = ['credential', 'list', '--scope', directory, '--json']

/** Whether anything was checked, from the start on, and how it ended. */
const checks = 'altgate_liveness_checks_total'

const postgres = await startPostgres(t)

for (const method of ['identity-headers', 'delegated'])
  t.test(
    `a user whom the directory refuses is switched off everywhere, not in an outage (${method})`,
    async t => {
      const [provider, upstream] = [await refreshProvider(t), await recordingUpstream(t)]
      const url = await postgres.database(method)
      const { signIn, ...acting } = actingSettings(provider)
      const [its] = Object.values(signIn.directories)
      const settings = {
        ...acting,
        hashing: cheapHashing,
        store: { url },
        upstreamAuth: { method },
        signIn: { directories: { [directory]: { ...its, liveness: { everySeconds: 1 } } } },
      }
      const gateways = [await startAltgate(t, { settings }), await startAltgate(t, { settings })] as const
      const [one, other] = gateways
      await setTheScene(one, upstream.url)
      const again = await addUser(one, provider, {
        user: 'anna',
        owner: 'owner-of-anna' as Owner,
        storeUrl: url,
      })
      const outcomes = () =>
        Promise.all(gateways.map(async each => (await ask(`${each.url}/contoso/x`, { as: [...as] })).outcome))
      const checked = async (result: string) => {
        const counts = await Promise.all(gateways.map(each => metric(each, checks, { result })))
        return counts.reduce((sum, count) => sum + count, 0)
      }
      t.strictSame(await outcomes(), ['allow', 'allow'])
      await until(async () => (await checked('renewed')) >= 2, pause)

      await provider.stop()
      await until(async () => (await checked('unreachable')) >= 2, pause)
      t.strictSame(await outcomes(), ['allow', 'allow'])
      await provider.start()
      const before = await checked('renewed')
      await until(async () => (await checked('renewed')) > before, pause)

      provider.answering = response => {
        response.writeHead(400, { 'content-type': 'application/json' })
        response.end(JSON.stringify({ error: 'invalid_grant' }))
      }
      await until(async () => (await outcomes()).every(outcome => outcome === 'disabled'), pause)
      await until(() =>
        // One gateway writes it for all.
        gateways.some(each =>
          /"audit":"[^\n]*"liveness"[^\n]*credential-disabled-by-liveness/.test(each.logs()),
        ),
      )
      t.match(JSON.parse(await other.must(list)), [
        { enabled: false, signIn: { state: 'ended', endedBecause: 'refused' } },
      ])

      provider.answering = undefined
      await again()
      t.strictSame(await outcomes(), ['disabled', 'disabled'], 'a sign-in alone switches nothing on')
      await one.must(['credential', 'enable', '--scope', directory, '--user', as[0]])
      t.strictSame(await outcomes(), ['allow', 'allow'])
      t.equal(await one.stop(), 0)
      const then = await metric(other, checks, { result: 'renewed' })
      await until(async () => (await metric(other, checks, { result: 'renewed' })) > then, pause)
      t.pass('the other gateway goes on when one has stopped')
    },
  )
