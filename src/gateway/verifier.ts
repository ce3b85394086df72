import type { Attempt } from './attempt.ts'
import type { GeneratedPasswords } from './generated-password.ts'
import type { CredentialStore, FoundCredentials, PasswordHasher, VerdictCache } from './ports.ts'
import type { Finding, Verdict } from './verdict.ts'

export interface Verifier {
  /** Throws `Outage`. */
  verify(attempt: Attempt): Promise<Verdict>
}

export interface VerifierParts {
  readonly credentials: CredentialStore
  readonly verdicts: VerdictCache
  readonly hasher: PasswordHasher
  readonly generated: Pick<GeneratedPasswords, 'isForged'>
  /** Told when a hash could not be renewed: the next good verification tries again. */
  readonly upgradeFailed: (error: unknown) => void
}

/** Seconds after which a caller who found the hash queue full should come again. */
const busyRetryAfter = 2

/** Attempt to verdict: unless it must be wrong, recall, else one look-up and exactly one password hash, and remember. */
export function createVerifier({
  credentials,
  verdicts,
  hasher,
  generated,
  upgradeFailed,
}: VerifierParts): Verifier {
  async function verify(attempt: Attempt): Promise<Verdict> {
    // Before anybody is asked: guesses of this kind cost nothing, and take the same time for every user name.
    if (generated.isForged(attempt.password)) return { found: 'forged' }
    const known = await verdicts.recall(attempt)
    if (known !== undefined) return known

    const found = await credentials.find(attempt.scope, attempt.former, attempt.username)
    // Unknown names must cost what known ones cost, or the response time lists our users.
    const hash = found.current?.hash ?? found.former?.hash ?? 'decoy'
    const compared = await hasher.compare(attempt, hash)
    if (compared === 'busy') return { found: 'untried', because: 'busy', retryAfter: busyRetryAfter }

    const finding = findingOf(found, attempt, compared === 'match')
    const verdict = { ...finding, asOf: found.asOf, via: 'store' } as const
    verdicts.remember(attempt, verdict)
    if (finding.found === 'match' && hash !== 'decoy' && hasher.outdated(hash)) renew(attempt, hash)
    return verdict
  }

  /** Behind the answer's back: the caller has waited for one hash already. */
  function renew(attempt: Attempt, outdated: Parameters<CredentialStore['upgrade']>[2]): void {
    hasher
      .hash(attempt.password)
      .then(async renewed => {
        if (renewed !== 'busy') await credentials.upgrade(attempt.scope, attempt.username, outdated, renewed)
      })
      .catch(upgradeFailed)
  }

  return { verify }
}

/** Which credential was compared is decided by what was found; what it means, by whether the password was right. */
function findingOf(found: FoundCredentials, attempt: Attempt, right: boolean): Finding {
  const { current, former } = found
  if (current === undefined && former === undefined) return { found: 'absent' }
  if (!right) return { found: 'mismatch' }
  if (current === undefined) return { found: 'outgrown', former: attempt.former ?? attempt.scope }
  if (!current.enabled) return { found: 'disabled' }
  return { found: 'match', username: current.username, subject: current.subject }
}
