import { createHmac, createSecretKey, type KeyObject } from 'node:crypto'
import { type Account, scopeOf } from './account.ts'
import type { Ask } from './ask.ts'
import { attached } from './attached.ts'
import type { PresentedCredential } from './credential.ts'
import type { AccountName, Proof, Scope, Slot, Username } from './names.ts'
import type { Secret } from './secret.ts'

/** One presented user name and password, for one account. */
export interface Attempt {
  readonly scope: Scope
  /** The scope that the account has left, if it moved between scopes. */
  readonly former: Scope | undefined
  readonly username: Username
  readonly password: Secret
  readonly slot: Slot
  /** The slot of the same name in the former scope: the verdict depends on the credential there, too. */
  readonly formerSlot?: Slot | undefined
  readonly proof: Proof
}

/** Where an attempt comes from, and the account that it is for. */
export interface Caller extends Pick<Ask, 'from' | 'lane'> {
  readonly account: AccountName
}

/** Derives the keys under which verdicts are cached. Without the HMAC key they reveal nothing and cannot be guessed. */
export interface AttemptKeys {
  /** Identifies the user name in its scope. Invalidating a slot drops every verdict about that name. */
  readonly slot: (scope: Scope, username: Username) => Slot
  /** Identifies the password. The verdict also depends on the scope that the account has left, so that is included. */
  readonly proof: (scope: Scope, former: Scope | undefined, username: Username, password: Secret) => Proof
}

/** `key`: at least 32 random bytes, the same in every process that shares verdicts. Redis never sees it. */
export function createAttemptKeys(key: Uint8Array): AttemptKeys {
  const secret = createSecretKey(key)
  /** Of the passwords of kept connections, which are the same object in every request. */
  const known = attached<Secret, Proved>()
  return {
    slot: (scope, username) => hmac(secret, ['slot', scope, username]) as Slot,
    proof(scope, former, username, password) {
      const last = known.get(password)
      if (last?.scope === scope && last.former === former && last.username === username) return last.proof
      const proof = hmac(secret, ['proof', scope, former ?? '', username, password.reveal()]) as Proof
      known.set(password, { scope, former, username, proof })
      return proof
    },
  }
}

/** All that a proof depends on besides the password and the key. */
interface Proved extends Pick<Attempt, 'scope' | 'former' | 'username' | 'proof'> {}

/** The attempt that a credential makes on an account. Its scope comes from the account's connection. */
export function attemptOn(account: Account, credential: PresentedCredential, keys: AttemptKeys): Attempt {
  const scope = scopeOf(account.connection)
  const left = account.former && scopeOf(account.former.connection)
  return new AttemptOn(keys, scope, left === scope ? undefined : left, credential)
}

/** Slots are computed on first use, because a remembered password never needs them. */
class AttemptOn implements Attempt {
  readonly scope: Scope
  readonly former: Scope | undefined
  readonly username: Username
  readonly password: Secret
  readonly proof: Proof
  readonly #keys: AttemptKeys
  #slot: Slot | undefined
  #formerSlot: Slot | undefined

  constructor(
    keys: AttemptKeys,
    scope: Scope,
    former: Scope | undefined,
    { username, password }: PresentedCredential,
  ) {
    this.#keys = keys
    this.scope = scope
    this.former = former
    this.username = username
    this.password = password
    this.proof = keys.proof(scope, former, username, password)
  }

  get slot(): Slot {
    return (this.#slot ??= this.#keys.slot(this.scope, this.username))
  }

  get formerSlot(): Slot | undefined {
    return (this.#formerSlot ??= this.former && this.#keys.slot(this.former, this.username))
  }
}

/** Each field is prefixed with its length; plain concatenation would make `('ab','c')` and `('a','bc')` equal. */
function hmac(key: KeyObject, fields: readonly string[]): string {
  let text = ''
  for (const field of fields) text += `${Buffer.byteLength(field)}:${field}`
  return createHmac('sha256', key).update(text).digest('base64url')
}
