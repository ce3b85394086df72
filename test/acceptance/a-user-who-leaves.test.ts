import { readFileSync, writeFileSync } from 'node:fs'
import t from 'tap'
import { parse, stringify } from 'yaml'
import type { Owner } from '../../src/gateway/names.ts'
import { directory, refreshProvider } from '../delegation/refresh-provider.ts'
import { cheapHashing, startAltgate } from '../support/altgate.ts'
import { ask } from '../support/ask.ts'
import { metric } from '../support/metrics.ts'
import { startPostgres } from '../support/postgres.ts'
import { recordingUpstream } from '../support/recording-upstream.ts'
import { until } from '../support/until.ts'
import { actingSettings, addUser, setTheScene } from './canary-tokens.ts'

/** Milliseconds between two looks: for each one the gateways ask all their processes. */
const pause = 200
const list = ['credential', 'list', '--scope', directory, '--json']

/** Whether anything was checked, from the start on, and how it ended. */
const checks = 'altgate_liveness_checks_total'

const [postgres, provider, upstream] = [
  await startPostgres(t),
  await refreshProvider(t),
  await recordingUpstream(t),
]
const { signIn, ...acting } = actingSettings(provider)
const [its] = Object.values(signIn.directories)
const settings = {
  ...acting,
  hashing: cheapHashing,
  store: { url: postgres.url },
  signIn: { directories: { [directory]: { ...its, liveness: { everySeconds: 1 } } } },
}
// The same two for both methods, which they are told by a reload; each method has a user of its own.
const gateways = [await startAltgate(t, { settings }), await startAltgate(t, { settings })] as const
const [one, other] = gateways
await setTheScene(one, upstream.url)

async function checked(result: string): Promise<number> {
  const counts = await Promise.all(gateways.map(each => metric(each, checks, { result })))
  return counts.reduce((sum, count) => sum + count, 0)
}

async function setMethod(method: string): Promise<void> {
  for (const { config, must } of gateways) {
    writeFileSync(config, stringify({ ...parse(readFileSync(config, 'utf8')), upstreamAuth: { method } }))
    await must(['reload'])
  }
}

for (const method of ['identity-headers', 'delegated'])
  t.test(
    `a user whom the directory refuses is switched off everywhere, not in an outage (${method})`,
    async t => {
      await setMethod(method)
      const user = `anna-${method}`
      const as = [`${user}@example.com`, 'the password of the user'] as const
      const again = await addUser(one, provider, {
        user,
        owner: `owner-of-${user}` as Owner,
        storeUrl: postgres.url,
      })
      t.teardown(async () => {
        // The next one has this provider too, and counts the checks of its own user alone.
        provider.answering = undefined
        await provider.stop()
        await provider.start()
        await one.must(['credential', 'remove', '--scope', directory, '--user', as[0], '--yes'])
      })
      const outcomes = () =>
        Promise.all(gateways.map(async each => (await ask(`${each.url}/contoso/x`, { as })).outcome))
      /** Waits for more checks that end like this. */
      const untilMore = async (result: string, more: number) => {
        const before = await checked(result)
        await until(async () => (await checked(result)) >= before + more, pause)
      }
      t.strictSame(await outcomes(), ['allow', 'allow'])
      await untilMore('renewed', 2)

      await provider.stop()
      await untilMore('unreachable', 2)
      t.strictSame(await outcomes(), ['allow', 'allow'])
      await provider.start()
      await untilMore('renewed', 1)

      provider.answering = response => {
        response.writeHead(400, { 'content-type': 'application/json' })
        response.end(JSON.stringify({ error: 'invalid_grant' }))
      }
      await until(async () => (await outcomes()).every(outcome => outcome === 'disabled'), pause)
      await until(() =>
        // One gateway writes it for all.
        gateways.some(each =>
          each
            .logs()
            .split('\n')
            .some(
              line =>
                /"audit":".*"liveness".*credential-disabled-by-liveness/.test(line) && line.includes(user),
            ),
        ),
      )
      const listed = JSON.parse(await other.must(list)) as readonly { readonly username: string }[]
      t.match(
        listed.filter(({ username }) => username === as[0]),
        [{ enabled: false, signIn: { state: 'ended', endedBecause: 'refused' } }],
      )

      provider.answering = undefined
      await again()
      t.strictSame(await outcomes(), ['disabled', 'disabled'], 'a sign-in alone switches nothing on')
      await one.must(['credential', 'enable', '--scope', directory, '--user', as[0]])
      t.strictSame(await outcomes(), ['allow', 'allow'])
      await untilMore('renewed', 1)
    },
  )

t.test('the other gateway goes on when one has stopped', async t => {
  const user = { user: 'boris', owner: 'owner-of-boris' as Owner, storeUrl: postgres.url }
  await addUser(one, provider, user)
  t.equal(await one.stop(), 0)
  const renewed = () => metric(other, checks, { result: 'renewed' })
  const then = await renewed()
  await until(async () => (await renewed()) > then, pause)
})
