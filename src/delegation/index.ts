import { type Authorities, clientOf } from '../common/authorities.ts'
import { keepLooking, seldom } from '../common/turn.ts'
import type { Allow } from '../gateway/decision.ts'
import type {
  Confirmations,
  Delegation,
  Grant,
  GrantRegistry,
  Grants,
  GrantStore,
} from '../gateway/delegation.ts'
import type { Scope, Slot, Username } from '../gateway/names.ts'
import type { Outage } from '../gateway/outage.ts'
import type { Turns } from '../gateway/ports.ts'
import { steadyNow } from '../gateway/steady-now.ts'
import { createBudget } from './budget.ts'
import { createGrants } from './grants.ts'
import { createLiveness, pauseFor, shortestInterval } from './liveness.ts'
import type { TokenMemory } from './memory.ts'
import { type Providers, timeoutSeconds } from './provider.ts'
import { asBefore, createRenewing, type RenewalResult, type Warn } from './renewal.ts'
import { createSealing, type Sealing, type SealingKey } from './sealing.ts'
import { createDelegation } from './tokens.ts'

/** What lets requests act as their users is made with. */
export interface ActingParts {
  readonly authorities: Authorities
  readonly sealingKeys: readonly SealingKey[]
  readonly grants: GrantStore
  readonly registry: GrantRegistry
}

interface DelegationOptions extends ActingParts {
  /** Whether a request reaches its upstream as its user. */
  readonly delegates: (allowed: Allow) => boolean
  readonly upstreamScope: string
  /** Forgets what changes make void. */
  readonly memory: TokenMemory
  readonly slotOf: (scope: Scope, username: Username) => Slot
  /** Told of outages that no request waits for. */
  readonly outage: (outage: Outage) => void
  /** Told of each question to a provider, and how many seconds it took. */
  readonly renewed: (result: RenewalResult, seconds: number) => void
  readonly warn: Warn
}

/** Lets requests act as their users. `close` tries to store what could not be stored so far. */
export function openDelegation(options: DelegationOptions): Delegation & { close(): Promise<void> } {
  const { authorities, sealingKeys, grants, registry, upstreamScope, outage, renewed, warn } = options
  const sealing = createSealing(sealingKeys)
  const renewing = createRenewing({
    authorities,
    upstreamScope,
    grants,
    registry,
    sealing,
    providers: openProviders,
    budget: createBudget(steadyNow),
    outage,
    told: renewed,
    warn,
    now: steadyNow,
  })
  const delegation = createDelegation({ ...options, sealing, renewing, now: steadyNow })
  return { ...delegation, close: () => renewing.close() }
}

interface LivenessOptions extends Omit<ActingParts, 'registry'> {
  readonly registry: () => GrantRegistry
  readonly confirmations: Confirmations
  readonly turns: Turns
  /** Names this gateway. */
  readonly holder: string
  readonly outage: (outage: Outage) => void
  readonly checked: (result: RenewalResult) => void
  readonly warn: Warn
}

/** Checks users for liveness until it is closed. `undefined`: the settings ask for no checks. */
export function openLiveness(options: LivenessOptions): { close(): Promise<void> } | undefined {
  const { authorities, sealingKeys, checked } = options
  const everyMs = shortestInterval(authorities)
  if (everyMs === undefined) return undefined
  const outage = seldom(options.outage, steadyNow)
  const registry = options.registry()
  const sealing = createSealing(sealingKeys)
  const renewing = createRenewing({
    ...options,
    registry,
    upstreamScope: asBefore,
    sealing,
    providers: openProviders,
    budget: createBudget(steadyNow),
    told: checked,
    outage,
    now: steadyNow,
  })
  const isUsable = usableBy(sealing, authorities)
  const parts = { ...options, registry, isUsable, outage, renewing, now: steadyNow }
  return keepLooking(createLiveness(parts), pauseFor(everyMs), outage)
}

/** Whether a grant that has not ended can be renewed: a key opens it, and the app registration is the same. */
export function usableBy(sealing: Sealing | undefined, authorities: Authorities): (grant: Grant) => boolean {
  return grant =>
    grant.refreshToken !== undefined &&
    sealing?.open(grant.refreshToken, { refreshOf: grant }) !== undefined &&
    clientOf(grant, authorities) !== undefined
}

/** For the page and for commands. Without a sealing key grants can be ended, but not given. */
export function openGrants({ authorities, sealingKeys, grants, registry }: ActingParts): Grants {
  const sealing = sealingKeys.length === 0 ? undefined : createSealing(sealingKeys)
  const parts = { authorities, grants, registry, sealing }
  return createGrants({ ...parts, providers: openProviders, wallNow: Date.now })
}

let opened: Promise<Providers> | undefined

/** The OpenID Connect client is loaded only where a provider is asked. */
function openProviders(): Promise<Providers> {
  opened ??= import('./openid.ts').then(({ createProviders }) =>
    createProviders({ wallNow: Date.now, timeoutSeconds }),
  )
  return opened
}
