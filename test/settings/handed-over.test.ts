import t from 'tap'
import { Secret } from '../../src/gateway/secret.ts'
import { handOver, takeOver } from '../../src/settings/handed-over.ts'
import type { Settings } from '../../src/settings/schema.ts'
import { settingsOf } from './support.ts'

/** As the pipe between two processes does it. */
const handedOver = (settings: Settings): Settings =>
  takeOver(JSON.parse(JSON.stringify(handOver(settings))) as ReturnType<typeof handOver>)

t.test('a worker has the settings that the primary process has', async t => {
  const settings = settingsOf(
    t,
    `
    publicUrl: https://git.example.com
    redis: { url: redis://:first@redis }
    trustedProxies: [10.0.0.0/8, 'fd00::/8']
    notice: { webhookUrl: 'https://hooks.example.com/second', secret: a-third-one-of-sixteen-characters }
    signIn:
      entra: { clientId: 11111111-1111-4111-8111-111111111111, clientSecret: fourth }
    upstreamAuthByAccount:
      fabrikam: { method: swapped-credential, user: bot, credential: fifth }
      contoso: { method: swapped-credential, user: bot, credential: { file: contoso } }`,
    {},
    { 'config/contoso': 'read-by-the-workers' },
  )
  const taken = handedOver(settings)
  t.strictSame(taken, settings)
  t.strictSame(revealed(taken), revealed(settings))
  t.equal(revealed(settings).length, 6, 'all of its secrets were looked at')
})

t.test('what is handed over is a secret again at once', async t => {
  const taken = handedOver(settingsOf(t, 'store: { url: postgres://altgate:password@db/altgate }'))
  t.notMatch(JSON.stringify(taken), /altgate:password/)
  t.equal(taken.store.url.reveal(), 'postgres://altgate:password@db/altgate')
})

/** The characters of all secrets in it, in order. */
function revealed(value: unknown): readonly string[] {
  if (value instanceof Secret) return [value.reveal()]
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(revealed) : []
}
