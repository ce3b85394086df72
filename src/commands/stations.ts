import { type Account, scopeOf } from '../gateway/account.ts'
import type { GeneratedPasswords } from '../gateway/generated-password.ts'
import type { Scope } from '../gateway/names.ts'
import {
  type AccountDirectory,
  algorithmOf,
  type CredentialStore,
  isDecoy,
  type PasswordHasher,
  type StoredCredential,
} from '../gateway/ports.ts'
import { connectionText } from './account-text.ts'
import { moment } from './say.ts'

/** One station of the way to a decision, and what was found there. */
export interface Station {
  readonly station: 'decode' | 'account' | 'connection' | 'scope' | 'verify' | 'decide'
  readonly found: string
}

/** The ports that answer on the way. */
export interface Ports {
  readonly accounts: AccountDirectory
  readonly credentials: CredentialStore
  readonly hasher: PasswordHasher
  readonly generated: Pick<GeneratedPasswords, 'isForged'>
}

/** The same ports, which tell what they answer. Nothing is changed: no hash is renewed. */
export function listen(
  { accounts, credentials, hasher, generated }: Ports,
  tell: (station: Station) => void,
): Ports {
  return {
    accounts: {
      async find(name) {
        const account = await accounts.find(name)
        tell({ station: 'connection', found: account ? connectionOf(account) : 'there is no such account' })
        if (account) tell({ station: 'scope', found: scopesOf(account) })
        if (account?.members) tell({ station: 'scope', found: 'the account lets in its members only' })
        return account
      },
      async confirm(name) {
        const account = await accounts.confirm(name)
        const now = account ? connectionOf(account) : 'there is no such account'
        tell({ station: 'connection', found: `asked again before the refusal: ${now}` })
        return account
      },
    },
    credentials: {
      async find(scope, former, username) {
        const found = await credentials.find(scope, former, username)
        tell({ station: 'verify', found: `in scope ${scope}: ${credentialText(found.current)}` })
        if (former !== undefined) tell({ station: 'verify', found: formerText(former, found.former) })
        if (found.linked) tell({ station: 'verify', found: `linked to somebody of scope ${scope}` })
        return found
      },
      upgrade: async () => undefined,
    },
    hasher: {
      ...hasher,
      async compare(attempt, against) {
        const compared = await hasher.compare(attempt, against)
        const which = isDecoy(against)
          ? 'a decoy, as long as a real one takes'
          : `the ${algorithmOf(against)} hash`
        tell({ station: 'verify', found: `compared with ${which}: ${compared}` })
        return compared
      },
      outdated: () => false,
    },
    generated: {
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
  const before = left === undefined || left === scope ? '' : `; credentials of ${left} are told to reset`
  return `credentials of ${scope} count${before}`
}

function formerText(scope: Scope, credential: StoredCredential | undefined): string {
  return `in scope ${scope}, which the account has left: ${credentialText(credential)}`
}

function credentialText(credential: StoredCredential | undefined): string {
  if (credential === undefined) return 'nobody has that user name'
  const { username, enabled, hash } = credential
  return `${username}, ${enabled ? 'on' : 'off'}, ${algorithmOf(hash)}`
}
