import { createAttemptKeys, type Attempt } from '../../src/gateway/attempt.ts'
import { foldUsername, msaScope, type Revision, type Subject } from '../../src/gateway/names.ts'
import { Secret } from '../../src/gateway/secret.ts'
import { createSeal } from '../../src/verdicts/seal.ts'
import type { Finding, KnownVerdict } from '../../src/gateway/decision.ts'

/** The key of every process in these tests. */
export const key = Buffer.alloc(32, 11)

const keys = createAttemptKeys(key)
const seal = createSeal(key, { momentOf: () => undefined, revisionOf: () => undefined })

/** What the verdict on an attempt is found by in Redis. */
export function fieldOf({ proof }: Attempt): string {
  return seal.name(proof)
}

/** An attempt on an account that signs in with Microsoft accounts. */
export function attempt(username: string, password: string): Attempt {
  const [scope, former] = [msaScope, undefined]
  const [name, secret] = [foldUsername(username), new Secret(password)]
  const slot = keys.slot(scope, name)
  return {
    scope,
    former,
    username: name,
    password: secret,
    slot,
    proof: keys.proof(scope, former, name, secret),
  }
}

export function match(asOf: number, username = 'anna@example.com'): KnownVerdict {
  return known({ found: 'match', username: foldUsername(username), subject: 'subject-1' as Subject }, asOf)
}

export function mismatch(asOf: number): KnownVerdict {
  return known({ found: 'mismatch' }, asOf)
}

function known(finding: Finding, asOf: number): KnownVerdict {
  return { ...finding, asOf: asOf as Revision, via: 'store' }
}

export function revision(number: number): Revision {
  return number as Revision
}
