import { createHmac, randomBytes, randomUUID, timingSafeEqual } from 'node:crypto'
import {
  type Account,
  type Connection,
  type FormerConnection,
  type Members,
  type Naming,
  type PlannedMove,
  scopeOf,
} from '../../src/gateway/account.ts'
import type { Ask } from '../../src/gateway/ask.ts'
import { createAttemptKeys } from '../../src/gateway/attempt.ts'
import { readPassword } from '../../src/gateway/credential.ts'
import type { Decision, KnownVerdict } from '../../src/gateway/decision.ts'
import type { Delegation } from '../../src/gateway/delegation.ts'
import { createGateway, type Gateway } from '../../src/gateway/gateway.ts'
import { createGeneratedPasswords } from '../../src/gateway/generated-password.ts'
import {
  type AccountName,
  type DirectoryId,
  foldUsername,
  type Instant,
  type PasswordId,
  type Revision,
  type Scope,
  type Subject,
} from '../../src/gateway/names.ts'
import {
  type AccountDirectory,
  type CredentialStore,
  isDecoy,
  type PasswordHash,
  type PasswordHasher,
  type StoredCredential,
  type StoredPassword,
  type VerdictCache,
  type Witness,
} from '../../src/gateway/ports.ts'
import type { Secret } from '../../src/gateway/secret.ts'
import type { Throttle } from '../../src/gateway/throttle.ts'
import { createVerifier } from '../../src/gateway/verifier.ts'
import { schema } from '../../src/settings/schema.ts'
import { createLoops, type LoopOptions } from '../../src/throttling/loops.ts'
import { writes } from '../../src/requests/writes.ts'
import { createThrottle, type ThrottleOptions } from '../../src/throttling/throttle.ts'

export const msa: Connection = { kind: 'msa' }

/** A directory of that name; the id follows from it. */
export function entra(directoryName: string): Connection {
  const hex = Buffer.from(directoryName).toString('hex').padEnd(12, '0').slice(0, 12)
  return { kind: 'entra', directoryId: `11111111-1111-4111-8111-${hex}` as DirectoryId, directoryName }
}

export interface AccountInTheWorld {
  readonly name: string
  readonly connection?: Connection
  readonly former?: FormerConnection
  readonly planned?: PlannedMove
  readonly members?: Members
  readonly upstream: string
}

export interface CredentialInTheWorld {
  readonly connection?: Connection
  readonly username: string
  readonly secondary?: string
  readonly password: string
  readonly enabled?: boolean
  /** Generated passwords beside the chosen one: see `aGenerated`. */
  readonly generated?: readonly GeneratedInTheWorld[]
  /** The holder is known to be somebody of every other scope, too. */
  readonly linked?: true
}

/** A generated password that the worlds accept. */
export interface GeneratedInTheWorld {
  readonly password: string
  readonly stored: StoredPassword
}

const generatedPasswords = createGeneratedPasswords(randomBytes(32))

/** Makes a generated password with this name, end and so on. */
export function aGenerated(its: Omit<StoredPassword, 'id' | 'mac'>): GeneratedInTheWorld {
  const { password, id, mac } = generatedPasswords.make()
  return { password: password.reveal(), stored: { ...its, id, mac } }
}

/** A gateway over accounts and credentials in memory, and everything that it decided. */
export interface World {
  readonly gateway: Gateway
  readonly naming: Naming
  readonly witness: Witness
  readonly seen: readonly { readonly decision: Decision; readonly ask: Ask }[]
  /** Addresses that asked too often without a credential, as often as it was told. */
  readonly tooOften: readonly string[]
  /** Real hash computations. */
  hashes(): number
  /** The time of what is remembered is over. */
  forget(): void
  outcomes(): string
}

/** As the settings have it if nothing is said. */
export const usualThrottle: ThrottleOptions & LoopOptions = schema.parse({}).throttle

/** Every port is a small honest implementation: passwords are hashed with salt, verdicts kept by their proof. */
export function aWorld(
  parts: {
    readonly accounts?: readonly AccountInTheWorld[]
    readonly credentials?: readonly CredentialInTheWorld[]
    readonly naming?: Naming
    readonly httpsOnly?: boolean
    /** In the place of the table of accounts. */
    readonly directory?: Pick<AccountDirectory, 'find'> & Partial<AccountDirectory>
    readonly delegation?: Pick<Delegation, 'tokenFor'>
    /** Limits in the place of the usual ones. */
    readonly throttle?: Partial<ThrottleOptions & LoopOptions>
    /** The clock of the throttle. */
    readonly now?: () => Instant
    /** In the place of a throttle of its own, which takes more memory than all the rest of a world. */
    readonly counting?: Throttle
  } = {},
): World {
  const { accounts = [], credentials = [], naming = { by: 'path' }, httpsOnly = false } = parts
  const seen: { decision: Decision; ask: Ask }[] = []
  const tooOften: string[] = []
  const hasher = cheapHasher()
  const kept = new Map<string, KnownVerdict>()
  const gateway = createGateway({
    naming,
    httpsOnly,
    news: { catchUp: () => undefined },
    accounts: knownNow(parts.directory ?? directoryOf(accounts)),
    keys: createAttemptKeys(randomBytes(32)),
    writes,
    verifier: createVerifier({
      credentials: storeOf(credentials),
      verdicts: verdictsIn(kept),
      hasher,
      decoys: { like: async () => 'decoy' },
      generated: generatedPasswords,
      throttle:
        parts.counting ??
        createThrottle(
          { ...usualThrottle, ...parts.throttle },
          { key: randomBytes(32), now: parts.now ?? Date.now },
        ),
      upgradeFailed: error => {
        throw error
      },
      provedInPart: () => {},
    }),
    ...(parts.delegation && { delegation: parts.delegation }),
    loops: createLoops(
      { ...usualThrottle, ...parts.throttle },
      { now: parts.now ?? Date.now, tooOften: from => void tooOften.push(from) },
    ),
    outage: () => {},
  })
  return {
    gateway,
    naming,
    seen,
    tooOften,
    witness: { saw: (decision, ask) => void seen.push({ decision, ask }) },
    hashes: () => hasher.computed(),
    forget: () => kept.clear(),
    outcomes: () => seen.map(({ decision }) => decision.outcome).join(' '),
  }
}

/** A table that knows best itself, unless it says otherwise. */
function knownNow({
  find,
  confirm = find,
}: Pick<AccountDirectory, 'find'> & Partial<AccountDirectory>): AccountDirectory {
  return { find, confirm }
}

function directoryOf(accounts: readonly AccountInTheWorld[]): Pick<AccountDirectory, 'find'> {
  const known = new Map<string, Account>()
  for (const { name, connection = msa, ...rest } of accounts)
    known.set(name, { name: name as AccountName, connection, ...rest })
  return { find: name => known.get(name) }
}

function storeOf(credentials: readonly CredentialInTheWorld[]): CredentialStore {
  const rows = credentials.map(
    ({ connection = msa, username, secondary, password, enabled = true, generated = [], linked }, at) => ({
      scope: scopeOf(connection),
      linked,
      generated: generated.map(({ stored }) => stored),
      credential: {
        username: foldUsername(username),
        ...(secondary === undefined ? {} : { secondary: foldUsername(secondary) }),
        subject: `subject-${at}` as Subject,
        hash: hashOf(readPassword(password)),
        enabled,
      } satisfies StoredCredential,
    }),
  )
  const lookUp = (scope: Scope | undefined, name: string, id: PasswordId | undefined) => {
    const row = rows.find(
      ({ scope: its, credential: { username, secondary } }) =>
        its === scope && (username === name || secondary === name),
    )
    const generated = row?.generated.find(each => each.id === id)
    return row && { ...row, credential: { ...row.credential, ...(generated && { generated }) } }
  }
  return {
    find: async (scope, former, username, id) => {
      const [current, left] = [lookUp(scope, username, id), lookUp(former, username, id)]
      return {
        asOf: 1 as Revision,
        current: current?.credential,
        former: left?.credential,
        ...(left?.linked && { linked: true }),
      }
    },
    upgrade: async () => {},
    turn: async () => {},
  }
}

function verdictsIn(kept: Map<string, KnownVerdict>): VerdictCache {
  return {
    recall({ slot, proof }) {
      const verdict = kept.get(`${slot} ${proof}`)
      return verdict && { ...verdict, via: 'l1' }
    },
    remember: ({ slot, proof }, verdict) => void kept.set(`${slot} ${proof}`, verdict),
  }
}

/** A real salted hash that costs a test nothing: scrypt takes twenty times as long, even at its cheapest. */
function hashOf(password: Secret, salt: string = randomUUID()): PasswordHash {
  return `${salt}:${createHmac('sha256', salt).update(password.reveal()).digest('hex')}` as PasswordHash
}

function cheapHasher(): PasswordHasher & { computed(): number } {
  const decoy = hashOf(readPassword(randomUUID()))
  let computed = 0
  return {
    computed: () => computed,
    hash: async password => hashOf(password),
    async compare({ password }, against) {
      computed++
      const hash = isDecoy(against) ? decoy : against
      const again = hashOf(password, hash.slice(0, hash.indexOf(':')))
      return timingSafeEqual(Buffer.from(again), Buffer.from(hash)) ? 'match' : 'mismatch'
    },
    outdated: () => false,
    provesWhole: () => true,
  }
}
