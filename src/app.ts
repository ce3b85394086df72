import { createServer } from './engine/http.ts'
import type { FastifyInstance, FastifyPluginAsync } from 'fastify'
import type { AnswerBrand } from './answers/dialects.ts'
import { networkOf } from './common/addresses.ts'
import { readGivenFile } from './common/failure.ts'
import { readLogo } from './common/logo.ts'
import { type BehindForwardAuth, createForwardAuth } from './forward-auth/door.ts'
import type { Allow } from './gateway/decision.ts'
import type { SignInCause } from './gateway/delegation.ts'
import type { Outage, Part } from './gateway/outage.ts'
import type { PasswordHasher, Witness } from './gateway/ports.ts'
import { steadyNow } from './gateway/steady-now.ts'
import { identityForProxy } from './gateway/upstream-auth.ts'
import { issuerOf } from './oauth/metadata.ts'
import type { RequestContext } from './proxying/headers.ts'
import { createMoveTeller } from './proxying/move-teller.ts'
import { createClientReader } from './requests/client.ts'
import type { ConsoleParts } from './self-service/context.ts'
import type { Brand } from './self-service/html.ts'
import { createSelfService } from './self-service/plugin.ts'
import type { Notice } from './self-service/webhook.ts'
import type { Connections } from './server/connections.ts'
import type { Behind } from './server/port.ts'
import { createPublicServer, type PublicServerOptions } from './server/server.ts'
import type { Services } from './services.ts'
import type { Settings } from './settings/schema.ts'
import type { Logger } from './telemetry/logs.ts'
import type { WorkerMetrics } from './telemetry/metrics.ts'
import type { RefusalWitness } from './telemetry/refusals.ts'
import { createCrowdReport, createRefusalReport, type SilenceReport } from './telemetry/reports.ts'
import { delegatedUpstreams, methodsOf } from './upstream-auth/index.ts'

export interface AppParts {
  readonly settings: Settings
  readonly services: Services
  readonly hasher: PasswordHasher
  readonly witness: Witness
  /** Where changes are reported; left out: nowhere. */
  readonly notice?: Notice | undefined
  readonly refusals: Pick<RefusalWitness, 'notForwarded'>
  readonly metrics: WorkerMetrics
  readonly outage: (outage: Outage) => void
  /** Told which upstreams answer. It outlives the settings. */
  readonly silent: SilenceReport
  readonly log: Logger
  readonly connections: Connections
}

/** What is behind the public port: the proxy and the page. It does not serve before `ready`. */
export function createApp(parts: AppParts): { readonly app: FastifyInstance; readonly behind: Behind } {
  let behind: Behind | undefined
  // The port is open already, or will be: it belongs to the process, and outlives the settings of this app.
  const place = (its: Behind) => {
    behind = its
    return createServer()
  }
  const app = publicServer(parts, place)
  if (behind === undefined) throw new Error('Fastify asked for no server')
  return { app, behind }
}

function publicServer(parts: AppParts, place: NonNullable<PublicServerOptions['place']>): FastifyInstance {
  const { settings, services, witness } = parts
  const { publicUrl, trustedProxies } = settings
  return createPublicServer({
    gateway: services.gateway,
    witness,
    naming: settings.accounts.naming,
    publicUrl,
    brand: answerBrandOf(settings),
    trustedProxies,
    loadTest: settings.throttle.loadTest,
    upstream: upstreamOf(settings.upstream),
    refusedBodies: settings.refusedBodies,
    networkOf: networks(settings),
    authorize: services.upstreamAuth.authorize,
    delegation: services.delegation,
    publicKeys: services.upstreamAuth.publicKeys,
    lfs: { key: services.lfsKey, ...settings.lfs },
    moves: createMoveTeller({ store: services.moveNotices, outage: parts.outage, now: Date.now }),
    observer: proxyObserver(parts),
    connections: parts.connections,
    selfService: page(parts),
    api: createAdminApi(parts),
    place,
    ...(services.oauth && { metadataAt: issuerOf(publicUrl, settings.accounts.naming).metadata }),
  })
}

/** What is behind the forward-auth port, for proxies that forward requests themselves. */
export function createForwardAuthApp({
  settings,
  services,
  witness,
  refusals,
  outage,
  log,
}: AppParts): BehindForwardAuth {
  return createForwardAuth({
    gateway: services.gateway,
    witness,
    naming: settings.accounts.naming,
    publicUrl: settings.publicUrl,
    brand: answerBrandOf(settings),
    trustedProxies: settings.trustedProxies,
    loadTest: settings.throttle.loadTest,
    identify: identityForProxy,
    delegation: services.delegation,
    answerKey: services.answerKey,
    now: Date.now,
    observer: {
      untrusted: (from, request) =>
        log.warn({ request, from }, 'refused a forward-auth request: its sender is not in trustedProxies'),
      signInNeeded: asksForSignIn(log),
      notForwarded: (what, { allowed, ask }) => refusals.notForwarded(what, allowed, ask),
      outage,
      bug: (err, request) => log.error({ request, err }, 'bug: the request was answered with 503'),
    },
  })
}

/** No alert for the operator: a directory's policies demand new sign-ins as they please. */
function asksForSignIn(log: Logger) {
  return (cause: SignInCause, { account, scope, username }: Allow, request: string): void => {
    const who = { account: account.name, scope, user: username }
    log.info(
      { request, cause, ...who },
      'an allowed request lost its access token, and its user has to sign in again',
    )
  }
}

function upstreamOf({ caFile, ...upstream }: Settings['upstream']): PublicServerOptions['upstream'] {
  return caFile === undefined ? upstream : { ...upstream, ca: readGivenFile(caFile) }
}

function proxyObserver({
  services,
  refusals,
  metrics,
  outage,
  silent,
  log,
}: AppParts): PublicServerOptions['observer'] {
  const { methodOf } = services.upstreamAuth
  const refused = createRefusalReport({ log, count: metrics.refused, methodOf, now: steadyNow })
  const crowded = createCrowdReport({ log, count: metrics.crowded, now: steadyNow })
  const signIn = asksForSignIn(log)
  function unavailable(cause: Part, answered: RequestContext | undefined): void {
    if (answered === undefined) return
    refusals.notForwarded({ outcome: 'unavailable', cause }, answered.allowed, answered.ask)
  }
  return {
    upstreamAnswered(seconds, { allowed }) {
      metrics.upstream(seconds)
      silent.answered(allowed.account.name)
    },
    upstreamFailed(failure, cause, { ask, allowed }) {
      metrics.outage('upstream')
      silent.failed(allowed.account.name, failure)
      log.warn({ request: ask.id, because: failure.because, cause: String(cause) }, 'the upstream failed')
      refused(allowed.account, failure, ask.id)
      refusals.notForwarded({ outcome: failure.outcome, cause: failure.because }, allowed, ask)
    },
    signInNeeded(cause, { ask, allowed }) {
      signIn(cause, allowed, ask.id)
      refusals.notForwarded({ outcome: 'sign-in-needed', cause }, allowed, ask)
    },
    upstreamCrowded(how, { ask, allowed }) {
      crowded(how, allowed, ask.id)
      if (how === 'turned-away')
        refusals.notForwarded({ outcome: 'busy', cause: 'own-requests' }, allowed, ask)
    },
    outage(failed, answered) {
      outage(failed)
      unavailable(failed.part, answered)
    },
    bug(err, request, answered) {
      log.error({ request, err }, 'bug: the request was answered with 503')
      unavailable('gateway', answered)
    },
  }
}

function page({ settings, services, hasher, notice, outage, log }: AppParts) {
  return createSelfService({
    ...services,
    delegated: delegatedUpstreams(methodsOf(settings)),
    hasher,
    notice: notice ?? { credentialChanged() {} },
    observer: {
      providerFailed: ({ failing, detail }, request) =>
        log.warn({ request, failing, detail }, 'an identity provider failed'),
      notConnected: (where, request) =>
        log.warn(
          { request, ...where },
          'a sign-in gave no refresh token, so requests cannot act as this user: the app registration needs the permission offline_access',
        ),
      notRevoked: (where, request) =>
        log.warn(
          { request, ...where },
          'a user has disconnected, and the identity provider could not be asked to revoke the refresh token; it is deleted here',
        ),
      outage,
      bug: (err, request) => log.error({ request, err }, 'bug: the page reported an internal error'),
    },
    publicUrl: settings.publicUrl,
    naming: settings.accounts.naming,
    signIn: settings.signIn,
    passwords: settings.passwords,
    httpsOnly: settings.plainHttp === 'refuse',
    senderOf: createClientReader(settings.trustedProxies),
    networkOf: networks(settings),
    console: consoleOf(settings, services),
    brand: brandOf(settings),
    steadyNow,
  })
}

/** For help desks. `undefined`: the settings name no one. */
export function consoleOf(
  settings: Pick<Settings, 'admin'> & ConsoleParts['settings'],
  { administration }: Pick<Services, 'administration'>,
): ConsoleParts | undefined {
  const { people } = settings.admin
  if (people.length === 0 || administration === undefined) return undefined
  return { people, tools: administration.tools, settings }
}

/** Its libraries are loaded only where it is switched on. `undefined`: it is not. */
export function createAdminApi({
  settings,
  services,
  outage,
  log,
}: Pick<AppParts, 'settings' | 'services' | 'outage'> & { readonly log: Pick<Logger, 'error'> }):
  | FastifyPluginAsync
  | undefined {
  const { administration } = services
  if (!settings.admin.api || administration === undefined) return undefined
  return async app => {
    const { createApi } = await import('./api/plugin.ts')
    const plugin = createApi({
      ...administration,
      settings,
      catchUp: services.catchUp,
      senderOf: createClientReader(settings.trustedProxies),
      networkOf: networks(settings),
      httpsOnly: isHttpsOnly(settings),
      now: Date.now,
      steadyNow,
      observer: {
        outage,
        bug: (err, request) => log.error({ request, err }, 'bug: the API reported an internal error'),
      },
    })
    await plugin(app, {})
  }
}

function isHttpsOnly({ plainHttp, publicUrl }: Settings): boolean {
  return plainHttp === 'refuse' && publicUrl.startsWith('https:')
}

/** A logo that has become unreadable since the start is left out: the page is worth more. */
function brandOf({ page: { logo: file, ...texts } }: Settings): Brand {
  const logo = file === undefined ? undefined : readLogo(file)
  return { ...texts, ...(logo !== undefined && 'bytes' in logo && { logo }) }
}

/** The same for answers that are no pages, to browsers. */
function answerBrandOf(settings: Settings): AnswerBrand {
  const { name = 'Altgate', logo } = brandOf(settings)
  return { name, hasLogo: logo !== undefined }
}

function networks({ throttle }: Settings): (address: string) => string {
  return address => networkOf(address, throttle.ipv6PrefixBits)
}
