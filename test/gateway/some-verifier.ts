import { randomBytes } from 'node:crypto'
import { attemptOn, createAttemptKeys } from '../../src/gateway/attempt.ts'
import { createGeneratedPasswords } from '../../src/gateway/generated-password.ts'
import {
  foldUsername,
  type AccountName,
  type DirectoryId,
  type Revision,
  type Subject,
} from '../../src/gateway/names.ts'
import { Outage } from '../../src/gateway/outage.ts'
import type { Compared, PasswordHash, StoredCredential } from '../../src/gateway/ports.ts'
import { Secret } from '../../src/gateway/secret.ts'
import type { KnownVerdict, Verdict } from '../../src/gateway/decision.ts'
import { createVerifier } from '../../src/gateway/verifier.ts'
import { createThrottle } from '../../src/throttling/throttle.ts'
import { usualThrottle } from '../support/world.ts'

const contoso = {
  kind: 'entra',
  directoryId: '11111111-1111-4111-8111-111111111111' as DirectoryId,
  directoryName: 'Contoso',
} as const
const account = {
  name: 'contoso' as AccountName,
  connection: contoso,
  former: { connection: { kind: 'msa' }, leftAt: 0 },
  upstream: 'http://127.0.0.1:1',
} as const

/** A verifier that checks at most two wrong passwords. `right` is the stored password. Returned with what it has done. */
export function aVerifier(
  held: { current?: Partial<StoredCredential>; former?: Partial<StoredCredential> },
  compare: (password: string) => Compared = password => (password === 'right' ? 'match' : 'mismatch'),
) {
  const credential = (part: Partial<StoredCredential> | undefined): StoredCredential | undefined =>
    part && {
      username: foldUsername('anna'),
      subject: 'subject' as Subject,
      hash: 'hash' as PasswordHash,
      enabled: true,
      ...part,
    }
  const keys = createAttemptKeys(randomBytes(32))
  const generated = createGeneratedPasswords(randomBytes(32))
  const known = new Map<string, KnownVerdict>()
  const clock = { now: 1_000_000, lookUps: 0, hashes: 0, remembers: true, beforeFind: async () => {} }
  const verifier = createVerifier({
    credentials: {
      async find() {
        clock.lookUps += 1
        await clock.beforeFind()
        return { asOf: 1 as Revision, current: credential(held.current), former: credential(held.former) }
      },
      upgrade: async () => {},
      turn: async () => {},
    },
    verdicts: {
      recall: ({ proof }) => known.get(proof),
      remember: ({ proof }, verdict) => void (clock.remembers && known.set(proof, verdict)),
    },
    hasher: {
      hash: async () => 'busy',
      async compare({ password }) {
        clock.hashes += 1
        return compare(password.reveal())
      },
      outdated: () => false,
      provesWhole: () => true,
    },
    decoys: { like: async () => 'decoy' },
    generated,
    throttle: createThrottle(
      { ...usualThrottle, credential: { guesses: 2, windowSeconds: 900 } },
      { key: randomBytes(32), now: () => clock.now },
    ),
    upgradeFailed(error) {
      throw error
    },
    provedInPart: () => {},
  })
  const verify = async (password: string, from = '192.0.2.1'): Promise<string> => {
    const attempt = attemptOn(
      account,
      { username: foldUsername('anna'), password: new Secret(password) },
      keys,
    )
    const caller = { account: account.name, from, lane: 'production' } as const
    const verdict: Verdict | Outage = await Promise.resolve()
      .then(() => verifier.verify(attempt, caller))
      .catch((error: Outage) => error)
    if (verdict instanceof Outage) return 'outage'
    if (verdict.found !== 'untried') return verdict.found
    return verdict.because === 'busy' ? 'busy' : `throttled by ${verdict.by}`
  }
  /** Lets the memory of wrong passwords expire. */
  const forget = () => known.clear()
  return { verify, forget, clock, make: () => generated.make().password.reveal() }
}
