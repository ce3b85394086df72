import type { RequestListener, ServerResponse } from 'node:http'
import { LRUCache } from 'lru-cache'
import { createApp, createForwardAuthApp } from './app.ts'
import { among, networkOf, networkText } from './common/addresses.ts'
import { readGivenFile } from './common/failure.ts'
import { atMost, remembered } from './engine/memory.ts'
import type { BehindForwardAuth } from './forward-auth/door.ts'
import { accountNamed } from './gateway/account.ts'
import { type Ask, readTarget } from './gateway/ask.ts'
import { ended } from './gateway/decision.ts'
import type { Subject } from './gateway/names.ts'
import type { Outage } from './gateway/outage.ts'
import type { PasswordHasher, Witness } from './gateway/ports.ts'
import type { ProvedInPart } from './gateway/verifier.ts'
import { openNotice } from './notices.ts'
import { pathClassOf } from './requests/path-class.ts'
import { pathOf, placeAt, requestKindAt } from './requests/tool.ts'
import type { Connections } from './server/connections.ts'
import type { Behind } from './server/port.ts'
import { openServices, type ServiceParts, type Services } from './services.ts'
import type { Settings } from './settings/schema.ts'
import type { AskedOf } from './telemetry/audit.ts'
import { createLastUsedWitness } from './telemetry/last-used.ts'
import { type Logs, witnesses } from './telemetry/logs.ts'
import { createRefusalWitness, type RefusalWitness } from './telemetry/refusals.ts'
import { createToolUseWitness } from './telemetry/tool-uses.ts'
import type { WorkerMetrics } from './telemetry/metrics.ts'
import type { SilenceReport } from './telemetry/reports.ts'
import type { LeavingPeer } from './throttling/peer-workers.ts'

/** What a worker has for as long as it runs, whatever its settings. */
export interface WorkerParts {
  readonly logs: Pick<Logs, 'log' | 'audit'>
  readonly metrics: WorkerMetrics
  readonly outage: (outage: Outage) => void
  readonly silent: SilenceReport
  readonly hasher: PasswordHasher
  readonly joinPeers: () => LeavingPeer
  readonly connections: Connections
  /** Which store it has to be: the one that the gateway started with. */
  readonly expectedStore: string | undefined
  readonly revoked: (seconds: number) => void
}

/**
 * All of a worker that is made from settings which can change while it serves. The ports stay open, and give each request
 * to the generation in force; requests in progress end in the one in which they began.
 */
export interface Generation {
  readonly settings: Settings
  readonly behind: Behind
  readonly forwardAuth: BehindForwardAuth
  readonly isProxy: (address: string) => boolean
  /** What the TLS files held when it was made. */
  readonly tls: { readonly cert: string; readonly key: string } | undefined
  /** Closes everything when the last request has ended. */
  retire(): Promise<void>
}

/** Throws `Outage` if the store does not answer, and `Failure` if a file cannot be read. */
export async function openGeneration(settings: Settings, parts: WorkerParts): Promise<Generation> {
  const { logs, metrics, outage, silent, hasher, connections } = parts
  const { log, audit } = logs
  await using opening = new AsyncDisposableStack()
  const peerWorkers = parts.joinPeers()
  opening.defer(() => peerWorkers.leave())
  const notice = await openNotice(settings, log)
  const unguarded = await openServices(settings, { ...serviceParts(parts, peerWorkers), notice })
  opening.defer(() => unguarded.close())
  const services = { ...unguarded, gateway: audit.guard(unguarded.gateway, settings.audit.onFailure) }
  const { witness, refusals } = openWitness(settings, { ...parts, services, opening })
  const all = {
    settings,
    services,
    hasher,
    witness,
    refusals,
    notice,
    metrics,
    outage,
    silent,
    log,
    connections,
  }
  const { app, behind } = createApp(all)
  opening.defer(() => app.close())
  await app.ready()
  const forwardAuth = createForwardAuthApp(all)
  const requests = createRequestCount()
  opening.defer(() => requests.over())
  const open = opening.move()
  return {
    settings,
    behind: { ...behind, route: requests.counted(behind.route) },
    forwardAuth: { ...forwardAuth, route: requests.counted(forwardAuth.route) },
    isProxy: among(settings.trustedProxies),
    tls: readTls(settings),
    retire: () => open.disposeAsync(),
  }
}

/** Certificate and key of the public port; throws `Failure`. */
export function readTls({ listen: { tls } }: Pick<Settings, 'listen'>): Generation['tls'] {
  return tls && { cert: readGivenFile(tls.certFile), key: readGivenFile(tls.keyFile) }
}

/** What an address is counted under, by the settings in force. */
export function networkUnder({ settings: { throttle } }: Generation, address: string): string {
  return networkOf(address, throttle.ipv6PrefixBits)
}

/** Knows when the last request of some handlers has ended. */
function createRequestCount() {
  let open = 0
  let empty: (() => void) | undefined
  const left = (): void => {
    open -= 1
    if (open === 0) empty?.()
  }
  return {
    counted:
      (route: RequestListener): RequestListener =>
      (request, response: ServerResponse) => {
        open += 1
        response.on('close', left) // Node emits it once, after the end of the answer or of the connection
        route(request, response as Parameters<RequestListener>[1])
      },
    over: () => new Promise<void>(resolve => (open === 0 ? resolve() : (empty = resolve))),
  }
}

interface WitnessParts extends Pick<WorkerParts, 'metrics' | 'outage'> {
  readonly logs: Pick<Logs, 'audit'>
  readonly services: Pick<Services, 'lastUsed' | 'refusals' | 'toolUses'>
  /** What the witnesses are closed with. */
  readonly opening: AsyncDisposableStack
}

/** All that see each decision. Refusals of upstreams are no decisions: `refusals` is told of them. */
export function openWitness(
  settings: Settings,
  { logs: { audit }, metrics, services, outage, opening }: WitnessParts,
): { readonly witness: Witness; readonly refusals: RefusalWitness } {
  const lastUsed = createLastUsedWitness({ store: services.lastUsed, outage, now: Date.now })
  opening.defer(() => lastUsed.close())
  const refusals = createRefusalWitness({
    store: services.refusals,
    keptMs: settings.refusals.keepDays * 24 * 60 * 60 * 1000,
    kindOf: ({ target }) => requestKindAt(pathOf(target)),
    outage,
    now: Date.now,
  })
  opening.defer(() => refusals.close())
  const toolUses = createToolUseWitness({
    store: services.toolUses,
    keptMs: settings.toolUses.keepDays * 24 * 60 * 60 * 1000,
    networkOf: remembered(address => networkText(address, settings.throttle.ipv6PrefixBits)),
    pathOf: byPath(path => pathClassOf(belowAccount(settings, path) || '/')),
    outage,
    now: Date.now,
  })
  opening.defer(() => toolUses.close())
  const witness = witnesses(audit.witness(askedOf(settings)), metrics, lastUsed, refusals, toolUses)
  return { witness, refusals }
}

/** What the audit log says of a request beside the decision. */
function askedOf(settings: Settings): AskedOf {
  const { naming } = settings.accounts
  return {
    accountOf(ask) {
      const target = readTarget(ask)
      const name = ended(target) ? target : accountNamed(target, naming)
      return ended(name) ? undefined : name
    },
    placeOf: byPath(path => placeAt(belowAccount(settings, path))),
  }
}

/** What is found in the path of a request: tools ask for few paths, many times. No query is kept: it may hold secrets. */
function byPath(judge: (path: string) => string): (ask: Ask) => string {
  const known = remembered(judge)
  return ({ target }) => known(pathOf(target))
}

/** The path without the account that begins it where accounts are named by path. */
function belowAccount({ accounts: { naming } }: Settings, path: string): string {
  return naming.by === 'path' ? path.replace(/^\/[^/]*/, '') : path
}

function serviceParts(
  { logs: { log }, metrics, outage, hasher, expectedStore, revoked }: WorkerParts,
  peerWorkers: LeavingPeer,
): ServiceParts {
  const told = new LRUCache<Subject, true>(atMost(10_000))
  return {
    expectedStore,
    hasher,
    peerWorkers,
    outage,
    asksTooOften: from =>
      log.warn({ from }, 'an address keeps sending requests without a credential and is throttled'),
    upgradeFailed: err => log.warn({ err }, 'a hash could not be renewed; its next use tries again'),
    // Otherwise every sign-in would log it again.
    provedInPart({ scope, subject }: ProvedInPart) {
      if (told.has(subject)) return
      told.set(subject, true)
      log.warn(
        { scope, subject },
        'an imported hash covers only the first 72 bytes of this password, or 8 with DES crypt, so it is not renewed: any password with the same first bytes is accepted. Have the password set again',
      )
    },
    upstreamAuthWarning: (sentence, cause) => log.warn({ cause: String(cause) }, sentence),
    renewed: metrics.renewed,
    delegationWarning: (sentence, facts) => log.warn(facts, sentence),
    revoked,
    asked: metrics.asked,
  }
}
