import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import { createDelivery } from './common/delivery.ts'
import { keepLooking } from './common/turn.ts'
import { openLiveness } from './delegation/index.ts'
import { shortestInterval } from './delegation/liveness.ts'
import type { Foundation } from './foundation.ts'
import { steadyNow } from './gateway/steady-now.ts'
import { openNotice, reporting } from './notices.ts'
import { keepCanary } from './revocation/canary.ts'
import type { Primary, Progress } from './serve.ts'
import type { Settings } from './settings/schema.ts'
import { watchParts } from './telemetry/follow.ts'
import { createOutageReport, createPartReport } from './telemetry/reports.ts'
import { delegatedScope, methodsOf } from './upstream-auth/index.ts'

/** Starts what the primary process does beside the workers: it checks parts, follows changes, asks providers, makes trials. */
export async function watch(
  primary: Primary,
  { store, redis, revoke, registry }: Foundation,
  progress: Progress,
): Promise<Watched> {
  const { audit, log, metrics, open, settings } = primary
  const watched = watchParts(
    { store: () => store.ping(), ...(redis && { redis: () => redis.ping() }) },
    createPartReport(log),
  )
  open.defer(() => watched.stop())
  progress.parts = watched.states
  progress.since = watched.since

  const delivering = keepLooking(
    createDelivery({
      ...deliveryParts(settings, store),
      to: 'audit',
      atOnce: 100,
      deliver: audit.deliver,
      isReady: () => audit.sink.takesMore,
      left: changes => metrics.undelivered('audit', changes),
    }),
    deliverEveryMs,
    () => {}, // `watchParts` reports it
  )
  open.defer(() => delivering.close())

  const outage = createOutageReport(log, () => {}, livenessOverMs)
  progress.outages = () => outage.current()
  let liveness: ReturnType<typeof openLiveness>
  let announcing: { close(): Promise<void> } | undefined
  let sending: { close(): Promise<void> } | undefined
  open.defer(() => liveness?.close())
  open.defer(() => announcing?.close())
  open.defer(() => sending?.close())
  const follow: Watched['follow'] = async current => {
    const { signIn, secrets, notice } = current
    if (keepsGrants(current)) metrics.grants(() => store.grants.count())
    await liveness?.close()
    const changing = await reporting(registry(), await openNotice(current, log))
    liveness = openLiveness({
      authorities: signIn,
      sealingKeys: secrets.sealingKeys,
      ...store,
      registry: () => changing,
      holder: randomUUID(),
      outage,
      checked(result) {
        metrics.checkedLiveness(result)
        if (result === 'renewed') progress.answered?.('provider')
      },
      warn: (sentence, facts) => log.warn(facts, sentence),
    })
    await announcing?.close()
    announcing = notice && (await announceEnds(primary, notice, store))
    await sending?.close()
    sending = notice?.changes ? await sendChanges(primary, notice, store) : undefined
  }
  await follow(settings)

  const canary = keepCanary({
    seconds: settings.operations.revocationProbeSeconds,
    ...store,
    redis: redis && revoke && { server: redis, revoke },
    took: metrics.revoked,
  })
  open.defer(() => canary.stop())
  return { follow }
}

/** Milliseconds: an outage of a provider is reported once a minute. */
const livenessOverMs = 75_000

/** Milliseconds between two looks for changes. */
const deliverEveryMs = 1000

function deliveryParts({ operations }: Settings, { deliveries, turns, changes }: Foundation['store']) {
  return {
    deliveries,
    turns,
    dataVersion: () => changes.dataVersion(),
    holder: randomUUID(),
    gateway: `${hostname()}:${operations.port}`,
    steadyNow,
  }
}

/** What the primary process does by settings that can change. */
export interface Watched {
  readonly follow: (settings: Settings) => Promise<void>
}

/** Announces the ends of passwords by the webhook. Loaded only where there is one. */
async function announceEnds(
  { log }: Primary,
  { webhookUrl: url, secret }: NonNullable<Settings['notice']>,
  store: Foundation['store'],
): Promise<{ close(): Promise<void> }> {
  const { keepAnnouncing } = await import('./self-service/ending-passwords.ts')
  const { createEndAnnouncements } = await import('./self-service/webhook.ts')
  return keepAnnouncing({
    ...store,
    holder: randomUUID(),
    announce: createEndAnnouncements({ url, ...(secret && { secret }) }),
    failed: cause => log.warn({ cause: String(cause) }, 'the end of a password could not be announced'),
    outage: ({ part, cause }) =>
      log.warn({ part, cause: String(cause) }, 'the ends of passwords could not be looked up'),
    now: Date.now,
    steadyNow,
  })
}

/** Sends every change to the webhook. */
async function sendChanges(
  { log, metrics, settings }: Primary,
  { webhookUrl: url, secret }: NonNullable<Settings['notice']>,
  store: Foundation['store'],
): Promise<{ close(): Promise<void> }> {
  const { createChangeSender } = await import('./self-service/change-webhook.ts')
  const sender = createChangeSender({
    to: { url, ...(secret && { secret }) },
    failed: (cause, tries) =>
      log.warn({ cause: String(cause), tries }, 'the webhook did not accept a change; it is sent again'),
    now: Date.now,
    steadyNow,
  })
  const delivery = createDelivery({
    ...deliveryParts(settings, store),
    ...sender,
    to: 'webhook',
    atOnce: 1,
    left: changes => metrics.undelivered('webhook', changes),
  })
  return keepLooking(delivery, deliverEveryMs, () => {}) // `watchParts` reports it
}

/** Whether sign-ins give the gateway something to keep. */
function keepsGrants(
  settings: Pick<Settings, 'signIn' | 'upstreamAuth' | 'upstreamAuthByAccount' | 'upstreamAuthByName'>,
): boolean {
  return shortestInterval(settings.signIn) !== undefined || delegatedScope(methodsOf(settings)) !== undefined
}
