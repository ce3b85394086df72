import { createRememberedAccounts, type RememberedAccounts } from './accounts/remembered.ts'
import { type Administration, openAdministration } from './administrators.ts'
import { type ActingParts, openDelegation, openGrants } from './delegation/index.ts'
import { createTokenMemory, type TokenMemory } from './delegation/memory.ts'
import type { RenewalResult, Warn } from './delegation/renewal.ts'
import { type Foundation, openDirectory, openFoundation } from './foundation.ts'
import type { AttemptKeys } from './gateway/attempt.ts'
import type { Confirmations, Delegation, Grants } from './gateway/delegation.ts'
import { createGateway, type Gateway } from './gateway/gateway.ts'
import type { GeneratedPasswords } from './gateway/generated-password.ts'
import type { KeyRing } from './gateway/key-ring.ts'
import type { MoveNotices } from './gateway/moves.ts'
import type { Revision } from './gateway/names.ts'
import { Outage } from './gateway/outage.ts'
import type {
  CredentialStore,
  LastUsed,
  News,
  PasswordHasher,
  Refusals,
  SessionStore,
  VerdictCache,
} from './gateway/ports.ts'
import type { Registry } from './gateway/registry.ts'
import { steadyNow, wallAhead } from './gateway/steady-now.ts'
import type { Throttle } from './gateway/throttle.ts'
import type { ToolUses } from './gateway/tool-uses.ts'
import { createVerifier, type ProvedInPart } from './gateway/verifier.ts'
import { createDecoys } from './hashing/decoys.ts'
import { issuerOf } from './oauth/metadata.ts'
import { type AuthorizationServer, createAuthorizationServer } from './oauth/server.ts'
import { createRedisNews } from './revocation/redis-news.ts'
import { createStoreNews, keepStoreLease } from './revocation/store-news.ts'
import { reporting } from './notices.ts'
import { writes } from './requests/writes.ts'
import type { Notice } from './self-service/webhook.ts'
import type { Settings } from './settings/schema.ts'
import { createLoops } from './throttling/loops.ts'
import type { PeerWorkers } from './throttling/peer-workers.ts'
import { createSharedCounters } from './throttling/shared-counters.ts'
import { createThrottle } from './throttling/throttle.ts'
import {
  createDelegates,
  createUpstreamAuth,
  delegatedScope,
  type UpstreamAuth,
  methodsOf,
} from './upstream-auth/index.ts'
import { createLocalVerdicts, type LocalVerdicts } from './verdicts/local.ts'
import { createSharedVerdicts, createVerdictCache } from './verdicts/shared.ts'

/** What a worker serves with. */
export interface Services {
  readonly gateway: Gateway
  /** For the page: changes made here are in force everywhere when they resolve. */
  readonly registry: Registry
  readonly lastUsed: LastUsed
  readonly moveNotices: MoveNotices
  readonly toolUses: ToolUses
  readonly sessions: SessionStore
  readonly refusals: Refusals
  readonly credentials: CredentialStore
  readonly keys: AttemptKeys
  readonly generated: GeneratedPasswords
  /** Counts wrong passwords, wherever they are presented. */
  readonly guesses: Throttle
  readonly upstreamAuth: UpstreamAuth
  /** `undefined`: no request acts as its user. */
  readonly delegation: Delegation | undefined
  /** What users gave the gateway by signing in, for the page. */
  readonly grants: Grants
  /** Gives passwords to credential helpers. `undefined`: switched off. */
  readonly oauth: AuthorizationServer | undefined
  readonly confirmations: Confirmations
  /** With which all gateways of this store seal what LFS servers give out. */
  readonly lfsKey: KeyRing
  /** Seals what browsers keep of a sign-in in progress. */
  readonly signInKey: KeyRing
  /** Seals the answers that a proxy brings back to the forward-auth port. */
  readonly answerKey: KeyRing
  /** What this process knows of changes that others have made; `undefined`: it knows them all. Throws `Outage`. */
  readonly catchUp: () => Promise<void> | undefined
  /** For the API and the console. `undefined`: neither is switched on. */
  readonly administration: Administration | undefined
  close(): Promise<void>
}

export interface ServiceParts {
  /** Which store it has to be: the one that the gateway started with. Left out: any. */
  readonly expectedStore?: string | undefined
  readonly hasher: PasswordHasher
  readonly peerWorkers: PeerWorkers
  /** Told of every part that failed. */
  readonly outage: (outage: Outage) => void
  /** Told of an address that keeps sending requests without a credential. */
  readonly asksTooOften?: (from: string) => void
  /** Told when the hash of a right password could not be renewed. */
  readonly upgradeFailed: (error: unknown) => void
  /** Told of a match by an imported hash that covers only the beginning of the password. */
  readonly provedInPart: (whose: ProvedInPart) => void
  /** Told of problems in authenticating to upstreams that fail no request. */
  readonly upstreamAuthWarning: (sentence: string, cause: unknown) => void
  /** Told of each question for a user's token, and how many seconds it took. */
  readonly renewed?: (result: RenewalResult, seconds: number) => void
  /** Told of faults by which users have to sign in again. */
  readonly delegationWarning?: Warn
  /** Told how many seconds it took until a change was in force in every process. */
  readonly revoked: (seconds: number) => void
  /** Told what becomes of sign-ins, for their users. Left out: nothing is reported. */
  readonly notice?: Notice | undefined
  /** Told the result of each query to the directory source. */
  readonly asked: (told: string) => void
}

/** The one place that chooses implementations by the settings. `close` closes them in reverse order. Throws `Outage`. */
export async function openServices(settings: Settings, parts: ServiceParts): Promise<Services> {
  await using opening = new AsyncDisposableStack()
  // The primary process has opened the store. If it has become unreachable since, it may come back: the worker waits.
  const { revoked, expectedStore } = parts
  const foundation = await openFoundation(settings, revoked, 'serve', { expected: expectedStore }).catch(
    (error: unknown) => {
      throw error instanceof Outage ? error : new Outage('store', error)
    },
  )
  const { store, keys, generated, namesKey } = foundation
  opening.defer(() => store.close())

  const local = createLocalVerdicts({
    ...settings.verdicts,
    goodEntries: settings.verdicts.matchEntries,
    now: steadyNow,
  })
  const remembered = createRememberedAccounts({ store: store.accounts, now: steadyNow })
  const isDelegated = delegatedScope(methodsOf(settings)) !== undefined
  const tokens = isDelegated ? createTokenMemory(steadyNow) : undefined
  const memory = { foundation, local, accounts: remembered, tokens, parts, opening }
  const { news, verdicts } = memoryOf(settings, memory)
  const directory = await openDirectory(settings, { ...parts, store: remembered, news, foundation, opening })
  const { accounts } = directory
  const registry = await reporting(directory.registry, parts.notice)

  const acting = { ...actingOf(settings), grants: store.grants, registry }
  const delegation = delegationOf(settings, { acting, memory })
  const guesses = throttleOf(settings, { foundation, parts, opening })
  const gateway = createGateway({
    naming: settings.accounts.naming,
    httpsOnly: settings.plainHttp === 'refuse' && settings.publicUrl.startsWith('https:'),
    news,
    accounts,
    keys,
    verifier: createVerifier({
      credentials: store.credentials,
      verdicts,
      generated,
      decoys: createDecoys({
        survey: store.hashSurvey,
        key: namesKey,
        cost: settings.hashing,
        now: steadyNow,
      }),
      throttle: guesses,
      ...parts,
    }),
    writes,
    ...(delegation && { delegation }),
    loops: createLoops(settings.throttle, { now: steadyNow, tooOften: parts.asksTooOften }),
    outage: parts.outage,
  })
  const upstreamAuth = createUpstreamAuth(methodsOf(settings), {
    publicUrl: settings.publicUrl,
    masterKey: await store.keyRing('assertions'),
    now: Date.now,
    steadyNow,
    warn: parts.upstreamAuthWarning,
  })
  const lfsKey = await store.keyRing('lfs-actions')
  const signInKey = await store.keyRing('sign-ins')
  const answerKey = await store.keyRing('answers')
  const administration = await openAdministration(settings, {
    foundation,
    registry,
    accounts,
    hasher: parts.hasher,
  })
  const open = opening.move()
  return {
    gateway,
    registry,
    lastUsed: store.lastUsed,
    moveNotices: store.moveNotices,
    toolUses: store.toolUses,
    sessions: store.sessions,
    refusals: store.refusals,
    credentials: store.credentials,
    keys,
    generated,
    guesses,
    upstreamAuth,
    delegation,
    grants: openGrants(acting),
    oauth: oauthOf(settings, { store, registry, generated }),
    confirmations: store.confirmations,
    lfsKey,
    signInKey,
    answerKey,
    catchUp: () => news.catchUp(),
    administration,
    close: () => open.disposeAsync(),
  }
}

interface Memory {
  readonly foundation: Foundation
  readonly local: LocalVerdicts
  readonly accounts: RememberedAccounts
  /** Only where some account has the method `delegated`. */
  readonly tokens: TokenMemory | undefined
  readonly parts: ServiceParts
  readonly opening: AsyncDisposableStack
}

function actingOf({ signIn, secrets }: Settings) {
  return { authorities: signIn, sealingKeys: secrets.sealingKeys }
}

const dayMs = 24 * 60 * 60 * 1000

/** Its library is loaded when the first helper asks. */
function oauthOf(
  { oauth, passwords, publicUrl, accounts }: Settings,
  { store, registry, generated }: Pick<Foundation, 'store' | 'generated'> & Pick<Services, 'registry'>,
): AuthorizationServer | undefined {
  if (!oauth.enabled) return undefined
  return createAuthorizationServer({
    ...oauth,
    store: store.oauth,
    registry,
    generated,
    publicUrl,
    issuer: issuerOf(publicUrl, accounts.naming).issuer,
    lives: {
      passwordMs: Math.min(oauth.passwordLifeDays, passwords.maxLifeDays) * dayMs,
      signInMs: oauth.signInLifeDays * dayMs,
      graceMs: Math.min(oauth.graceMinutes, passwords.maxGraceHours * 60) * 60_000,
    },
    now: Date.now,
    steadyNow,
  })
}

/** `undefined` if no account has the method `delegated`. */
function delegationOf(
  settings: Settings,
  { acting, memory }: { readonly acting: ActingParts; readonly memory: Memory },
): Delegation | undefined {
  const { foundation, tokens, parts, opening } = memory
  const methods = methodsOf(settings)
  const upstreamScope = delegatedScope(methods)
  if (tokens === undefined || upstreamScope === undefined) return undefined
  const delegation = openDelegation({
    ...acting,
    delegates: createDelegates(methods),
    upstreamScope,
    memory: tokens,
    slotOf: foundation.keys.slot,
    outage: parts.outage,
    renewed: parts.renewed ?? (() => {}),
    warn: parts.delegationWarning ?? (() => {}),
  })
  opening.defer(() => delegation.close())
  return delegation
}

/** What this process remembers and what makes it forget: with Redis, changes are pushed. */
function memoryOf(
  settings: Settings,
  memory: Memory,
): { readonly news: News; readonly verdicts: VerdictCache } {
  const { foundation, local, accounts, tokens, parts, opening } = memory
  const { store, keys, verdictKeys, redis: server } = foundation
  const { outage } = parts
  const forget: Parameters<typeof createStoreNews>[0]['forget'] = ({
    account,
    accounts: named = [],
    slots,
    revision,
    reach,
  }) => {
    if (reach === 'all') forgetAll(revision)
    local.forget(slots, revision)
    tokens?.forget(slots, revision)
    for (const name of account === undefined ? named : [account, ...named]) accounts.forget(name, revision)
  }
  const forgetAll = (revision: Revision) => {
    local.forgetAll(revision)
    accounts.forgetAll(revision)
    tokens?.forgetAll(revision)
  }
  // After a restore or a failover, revision numbers may repeat: whatever was read before is void.
  store.history.onTurn(forgetAll)
  const storeNews = createStoreNews({
    changes: store.changes,
    slotOf: keys.slot,
    forget,
    forgetAll,
    refreshKeys: () => store.refreshKeys(),
    outage,
  })
  if (server === undefined) {
    if (store.changes.dataVersion() === undefined) {
      const lease = keepStoreLease({
        news: storeNews,
        gateways: store.gateways,
        leaseMs: settings.store.leaseMs,
      })
      opening.defer(() => lease.close())
    }
    return { news: storeNews, verdicts: createVerdictCache({ local }) }
  }

  const { history } = store
  const shared = createSharedVerdicts({
    server,
    history,
    key: verdictKeys,
    now: steadyNow,
    ahead: wallAhead,
    patience: 10,
    outage,
  })
  opening.defer(() => shared.close())
  const verdicts = createVerdictCache({ local, shared })
  // A store that has a data version says more cheaply than any lease whether something changed.
  if (store.changes.dataVersion() !== undefined) return { news: storeNews, verdicts }
  const leaseMs = settings.redis?.leaseMs
  const news = createRedisNews({ server, storeNews, forget, history, outage, ...(leaseMs && { leaseMs }) })
  opening.defer(() => news.close())
  return { news, verdicts }
}

/** Guesses are counted in Redis where there is one, else in this process. */
function throttleOf(
  settings: Settings,
  { foundation, parts, opening }: Pick<Memory, 'foundation' | 'parts' | 'opening'>,
): Throttle {
  const { namesKey: key, redis: server } = foundation
  const shared = server && createSharedCounters({ server, outage: parts.outage })
  if (shared !== undefined) opening.defer(() => shared.close())
  return createThrottle(settings.throttle, { key, now: steadyNow, shared, peerWorkers: parts.peerWorkers })
}
