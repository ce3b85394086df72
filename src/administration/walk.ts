import { type Account, scopeOf } from '../gateway/account.ts'
import { RequestHeaders } from '../gateway/ask.ts'
import type { AttemptKeys } from '../gateway/attempt.ts'
import { decodeBasic } from '../gateway/credential.ts'
import type { Decision } from '../gateway/decision.ts'
import type { Delegation } from '../gateway/delegation.ts'
import { createGateway } from '../gateway/gateway.ts'
import type { GeneratedPasswords } from '../gateway/generated-password.ts'
import type { AccountName, Scope, Username } from '../gateway/names.ts'
import type { Outage } from '../gateway/outage.ts'
import {
  type AccountDirectory,
  algorithmOf,
  type CredentialStore,
  type FoundCredentials,
  isDecoy,
  type PasswordHasher,
  type StoredCredential,
} from '../gateway/ports.ts'
import { Secret } from '../gateway/secret.ts'
import { createVerifier } from '../gateway/verifier.ts'
import type { Settings } from '../settings/schema.ts'
import { connectionText } from './accounts.ts'
import { type DelegationPorts, lookingDelegation, type UserStation } from './delegation-station.ts'
import { moment } from './times.ts'

/** The result of one attempt, step by step. */
export interface Walk {
  readonly stations: readonly Station[]
  readonly decision: Decision
  /** The part that failed on the way, if one did. */
  readonly outage: Outage | undefined
}

export interface Presented {
  readonly name: AccountName
  readonly username: Username
  /** Left out: as if it were the right one. */
  readonly password?: Secret
}

/** Sends one attempt through the gateway's own code, past all caches, and notes what each port answers. */
export async function walk(
  { name, username, password }: Presented,
  { keys, ...ports }: Ports & { readonly keys: AttemptKeys },
  { accounts: { naming } }: Pick<Settings, 'accounts'>,
): Promise<Walk> {
  const stations: Station[] = []
  const text = password?.reveal() ?? 'the right password'
  const header = new Secret(`Basic ${Buffer.from(`${username}:${text}`).toString('base64')}`)
  stations.push({ station: 'decode', found: decoded(header) }, { station: 'account', found: name })

  let outage: Outage | undefined
  const assumed = password === undefined
  const { accounts, credentials, hasher, generated, delegation } = listen(
    assumed ? { ...ports, hasher: assuming(ports.hasher) } : ports,
    assumed,
    station => stations.push(station),
  )
  const gateway = createGateway({
    naming,
    httpsOnly: false,
    news: { catchUp: () => undefined },
    accounts,
    keys,
    verifier: createVerifier({
      credentials,
      // Shows what the store says now, and leaves nothing behind.
      verdicts: { recall: () => undefined, remember: () => undefined },
      hasher,
      decoys: { like: async () => 'decoy' },
      generated,
      // The operator was asked for the password and is not guessing.
      throttle: {
        admit: async () => ({ absolve() {}, welcome() {} }),
        again: () => undefined,
        recognise() {},
      },
      upgradeFailed: () => undefined,
      provedInPart: () => undefined,
    }),
    writes: () => false,
    delegation,
    outage: broken => {
      outage = broken
    },
  })

  const decision = await gateway.decide({
    id: 'explain',
    method: 'GET',
    target: naming.by === 'path' ? `/${name}/` : '/',
    headers: new RequestHeaders([]),
    host: naming.by === 'path' ? 'localhost' : `${name}${naming.suffix}`,
    authorization: [header],
    from: '127.0.0.1',
    secure: true,
    lane: 'production',
  })
  return { stations, decision, outage }
}

/** Nothing is compared: what the stored hash belongs to is taken for presented. */
function assuming(hasher: PasswordHasher): PasswordHasher {
  return { ...hasher, compare: async (_, against) => (isDecoy(against) ? 'mismatch' : 'match') }
}

function decoded(header: Secret): string {
  const read = decodeBasic([header])
  if (typeof read === 'string') return `HTTP Basic cannot carry it: ${read}`
  return `HTTP Basic with the user name ${read.username} and a password`
}

/** One step towards a decision, and what was found there. */
export interface Station {
  readonly station:
    | 'decode'
    | 'account'
    | 'connection'
    | 'scope'
    | 'verify'
    | UserStation
    | 'decide'
    | 'upstream'
  readonly found: string
}

/** The ports that a decision asks. */
interface Ports {
  readonly accounts: AccountDirectory
  readonly credentials: CredentialStore
  readonly hasher: PasswordHasher
  readonly generated: Omit<GeneratedPasswords, 'make'>
  readonly delegation: DelegationPorts
}

/** The same ports, reporting what they answer. They change nothing: no hash is renewed. */
function listen(
  { accounts, credentials, hasher, generated, delegation }: Ports,
  assumed: boolean,
  tell: (station: Station) => void,
): Omit<Ports, 'delegation'> & { readonly delegation: Pick<Delegation, 'tokenFor'> } {
  return {
    delegation: lookingDelegation(delegation, found => tell({ station: 'delegation', found })),
    accounts: {
      async find(name) {
        const account = await accounts.find(name)
        tell({ station: 'connection', found: account ? connectionOf(account) : 'there is no such account' })
        if (account) tell({ station: 'scope', found: scopesOf(account) })
        if (account?.members) tell({ station: 'scope', found: 'the account is restricted to members' })
        return account
      },
      async confirm(name) {
        const account = await accounts.confirm(name)
        const now = account ? connectionOf(account) : 'there is no such account'
        tell({ station: 'connection', found: `checked again before the refusal: ${now}` })
        return account
      },
    },
    credentials: {
      async find(scope, former, username, password) {
        const found = await credentials.find(scope, former, username, password)
        tell({ station: 'verify', found: `in scope ${scope}: ${credentialText(found.current)}` })
        if (former !== undefined) tell({ station: 'verify', found: formerText(former, found.former) })
        if (password !== undefined) tell({ station: 'verify', found: generatedText(found) })
        if (found.linked) tell({ station: 'verify', found: `linked to a user of scope ${scope}` })
        return found
      },
      upgrade: async () => undefined,
      turn: async () => undefined,
    },
    hasher: {
      ...hasher,
      async compare(attempt, against) {
        const compared = await hasher.compare(attempt, against)
        const which = isDecoy(against)
          ? 'a decoy, which takes as long as a real hash'
          : `the ${algorithmOf(against)} hash`
        const found = assumed ? `not compared with ${which}` : `compared with ${which}: ${compared}`
        tell({ station: 'verify', found })
        return compared
      },
      outdated: () => false,
    },
    generated: {
      ...generated,
      isForged(password) {
        const forged = generated.isForged(password)
        if (forged)
          tell({
            station: 'verify',
            found: 'begins with agp_, but its checksum is wrong: nothing is looked up',
          })
        return forged
      },
    },
  }
}

function connectionOf({ connection, former }: Account): string {
  const before = former && `; until ${moment(former.leftAt)} with ${connectionText(former.connection)}`
  return `signs in with ${connectionText(connection)}${before ?? ''}`
}

function scopesOf({ connection, former }: Account): string {
  const scope = scopeOf(connection)
  const left = former && scopeOf(former.connection)
  const before = left === undefined || left === scope ? '' : `; credentials of ${left} get "reset needed"`
  return `credentials of ${scope} count${before}`
}

function formerText(scope: Scope, credential: StoredCredential | undefined): string {
  return `in scope ${scope}, which the account has left: ${credentialText(credential)}`
}

/** What was found by the public part of a generated password. */
function generatedText({ current, former }: FoundCredentials): string {
  const stored = current?.generated ?? former?.generated
  if (stored === undefined) return 'a generated password that is none of this user name'
  const which = stored.name === undefined ? 'the generated password' : `the password "${stored.name}"`
  return `${which} of this user name: compared with its keyed hash`
}

function credentialText(credential: StoredCredential | undefined): string {
  if (credential === undefined) return 'there is no such user name'
  const { username, enabled, hash } = credential
  return `${username}, ${enabled ? 'on' : 'off'}, ${algorithmOf(hash)}`
}
