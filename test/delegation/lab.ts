import { randomBytes, randomUUID } from 'node:crypto'
import { join } from 'node:path'
import type { Test } from 'tap'
import { createBudget } from '../../src/delegation/budget.ts'
import { createGrants } from '../../src/delegation/grants.ts'
import { createLiveness, type Liveness } from '../../src/delegation/liveness.ts'
import { createTokenMemory } from '../../src/delegation/memory.ts'
import { createProviders } from '../../src/delegation/openid.ts'
import { asBefore, createRenewing, type RenewalResult } from '../../src/delegation/renewal.ts'
import { createSealing, type SealingKey } from '../../src/delegation/sealing.ts'
import { usableBy } from '../../src/delegation/index.ts'
import { createDelegation } from '../../src/delegation/tokens.ts'
import { createAttemptKeys } from '../../src/gateway/attempt.ts'
import type { Allow } from '../../src/gateway/decision.ts'
import type { Delegation, Grants, GrantStore, SignInCause, UserToken } from '../../src/gateway/delegation.ts'
import type { AccountName, DirectoryId, Owner, Scope, Subject, Username } from '../../src/gateway/names.ts'
import type { Outage } from '../../src/gateway/outage.ts'
import type { PasswordHash } from '../../src/gateway/ports.ts'
import type { Registry } from '../../src/gateway/registry.ts'
import { Secret } from '../../src/gateway/secret.ts'
import { staleBy } from '../../src/revocation/stale.ts'
import { openStore, type Store } from '../../src/store/store.ts'
import { temporaryDirectory } from '../support/directory.ts'
import {
  client,
  directory,
  type RefreshProvider,
  refreshProvider,
  upstreamScope,
} from './refresh-provider.ts'

export const scope = directory as Scope
export const anna = 'bbbbbbbb-0000-4000-8000-00000000000a'
export const boris = 'bbbbbbbb-0000-4000-8000-00000000000b'

/** One gateway process, as far as it lets requests act as their users. */
export interface GatewayProcess extends Delegation {
  readonly store: Store
  readonly registry: Registry
  readonly grants: Grants
  readonly results: readonly RenewalResult[]
  readonly outages: readonly Outage[]
  readonly warnings: readonly {
    readonly sentence: string
    readonly facts: Readonly<Record<string, string>>
  }[]
  /** The token for a request of that user. */
  token(owner?: string): Promise<UserToken | SignInCause>
  /** The same as text; fails if there is none. */
  bearer(owner?: string): Promise<string>
  /** Checks users, as the primary process does. */
  readonly liveness: Liveness
  close(): Promise<void>
}

export interface ProcessOptions {
  readonly keys?: readonly SealingKey[]
  /** Puts something in the place of the store. */
  readonly change?: (grants: GrantStore) => Partial<GrantStore>
  /** Milliseconds by which the system clock of this machine is ahead of the provider's. */
  readonly wallAhead?: number
  /** Milliseconds by which the clock of this process is ahead of the lab's. */
  readonly ahead?: number
}

/** A directory, a store, and as many processes as a test wants. */
export interface Lab {
  readonly provider: RefreshProvider
  /** Milliseconds; of the store and of all processes. */
  readonly clock: { now: number }
  process(options?: ProcessOptions): Promise<GatewayProcess>
  /** A request of that user. */
  request(owner?: string): Promise<Allow>
  /** A sign-in on the page. */
  signIn(owner?: string): Promise<void>
}

export const firstKey = aKey('first')

export function aKey(id: string): SealingKey {
  return { id, key: new Secret(randomBytes(32).toString('base64')) }
}

export function claimsOf(token: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString())
}

interface LabOptions {
  readonly revocation?: boolean
  /** Seconds that the provider may take. */
  readonly timeoutSeconds?: number
  /** The store; an SQLite file if left out. Another one has a clock of its own. */
  readonly url?: string
  /** Seconds between two checks of a user. */
  readonly everySeconds?: number
  /** Days after which users that cannot be checked are switched off, and user names that are spared. */
  readonly unwatchedDays?: number
  readonly unwatchedUsers?: readonly string[]
  /** Whether the provider is told that claims challenges are understood; as the gateway does it if left out. */
  readonly continuousAccess?: boolean
}

export async function aLab(
  t: Test,
  {
    revocation = true,
    timeoutSeconds = 10,
    url,
    continuousAccess,
    everySeconds,
    ...unwatched
  }: LabOptions = {},
): Promise<Lab> {
  const provider = await refreshProvider(t, { revocation })
  const clock = { now: Date.now() }
  const address = new Secret(url ?? `sqlite:${join(temporaryDirectory(t), 'altgate.db')}`)
  const keys = createAttemptKeys(randomBytes(32))
  const memories: ReturnType<typeof createTokenMemory>[] = []
  const subjects = new Map<string, Subject>()
  const authorities = {
    directories: {
      [directory]: {
        clientId: client.id,
        clientSecret: new Secret(client.secret),
        ...(everySeconds !== undefined && { liveness: { everySeconds, ...unwatched } }),
        ...(continuousAccess !== undefined && { continuousAccess }),
      },
    },
  }

  async function aProcess({
    keys: sealingKeys = [firstKey],
    change,
    wallAhead = 0,
    ahead = 0,
  }: ProcessOptions = {}) {
    const now = () => clock.now + ahead
    const store = await openStore({ url: address, clock: now })
    const memory = createTokenMemory(now)
    memories.push(memory)
    // What every process learns before the commit.
    const registry = store.registry(async news => {
      const { slots, revision } = staleBy(news, keys.slot)
      for (const each of memories) each.forget(slots, revision)
    })
    const results: RenewalResult[] = []
    const outages: Outage[] = []
    const warnings: GatewayProcess['warnings'][number][] = []
    const openid = createProviders({ wallNow: () => Date.now() + wallAhead, timeoutSeconds })
    const parts = {
      authorities,
      upstreamScope,
      memory,
      grants: { ...store.grants, ...change?.(store.grants) },
      registry,
      sealing: createSealing(sealingKeys),
      providers: async () => openid,
      budget: createBudget(now),
      slotOf: keys.slot,
      outage: (told: Outage) => void outages.push(told),
      told: (result: RenewalResult) => void results.push(result),
      warn: (sentence: string, facts: Readonly<Record<string, string>>) =>
        void warnings.push({ sentence, facts }),
      now,
    }
    const renewing = createRenewing(parts)
    const delegation = createDelegation({ ...parts, delegates: () => true, renewing })
    const liveness = createLiveness({
      ...parts,
      confirmations: store.confirmations,
      isUsable: usableBy(parts.sealing, authorities),
      turns: store.turns,
      renewing: createRenewing({ ...parts, upstreamScope: asBefore, budget: createBudget(now) }),
      holder: randomUUID(),
    })
    let closed: Promise<void> | undefined
    const close = () =>
      (closed ??= liveness
        .close()
        .then(() => renewing.close())
        .then(() => store.close()))
    t.teardown(close)
    const token = async (owner = anna) => {
      const found = await delegation.tokenFor(await request(owner))
      if (found === undefined) throw new Error('it does not act by delegation')
      return found
    }
    const opened: GatewayProcess = {
      ...delegation,
      store,
      registry,
      grants: createGrants({ ...parts, wallNow: () => Date.now() + wallAhead }),
      results,
      outages,
      warnings,
      token,
      async bearer(owner) {
        const found = await token(owner)
        if (typeof found === 'string') throw new Error(found)
        return found.token.reveal()
      },
      liveness,
      close,
    }
    return opened
  }

  const first = await aProcess()
  await first.registry.addDirectory('test', { id: directory as DirectoryId, name: 'North' })

  async function subjectOf(owner: string): Promise<Subject> {
    const known = subjects.get(owner)
    if (known !== undefined) return known
    const username = nameOf(owner)
    const hash = 'no hash' as PasswordHash
    await first.registry.setCredential('test', scope, { username, owner: owner as Owner, hash })
    const { current } = await first.store.credentials.find(scope, undefined, username)
    if (current === undefined) throw new Error('the credential is missing')
    subjects.set(owner, current.subject)
    return current.subject
  }

  async function request(owner = anna): Promise<Allow> {
    return {
      outcome: 'allow',
      account: {
        name: 'contoso' as AccountName,
        connection: { kind: 'entra', directoryId: directory as DirectoryId, directoryName: 'North' },
        upstream: 'https://dev.azure.com/contoso/',
      },
      scope,
      username: nameOf(owner),
      subject: await subjectOf(owner),
      via: 'l1',
    }
  }

  return {
    provider,
    clock,
    process: aProcess,
    request,
    async signIn(owner = anna) {
      await subjectOf(owner)
      await first.grants.give('page:test', {
        scope,
        owner: owner as Owner,
        issuer: provider.issuer,
        clientId: client.id,
        refreshToken: new Secret(await provider.signIn(owner)),
      })
    },
  }
}

function nameOf(owner: string): Username {
  return `${owner}@example.com` as Username
}
