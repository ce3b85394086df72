import type { Account, Connection } from '../../src/gateway/account.ts'
import type { Expired, Garbled, UnclearTarget, UpstreamFailed } from '../../src/gateway/decision.ts'
import type { SignInCause } from '../../src/gateway/delegation.ts'
import { type AccountName, foldUsername, msaScope, type Slot } from '../../src/gateway/names.ts'
import type { Ending } from '../../src/requests/request.ts'
import { entra, msa } from './world.ts'

/** An account that has moved. */
export const moved = (connection: Connection = entra('Fabrikam Inc'), former: Connection = msa): Account => ({
  name: 'fabrikam' as AccountName,
  connection,
  former: { connection: former, leftAt: Date.UTC(2026, 10, 20, 23, 59) },
  upstream: 'http://secret-upstream.internal:8080',
})
export const settled: Account = {
  name: 'fabrikam' as AccountName,
  connection: msa,
  upstream: moved().upstream,
}
const { name } = settled
const at = Date.UTC(2026, 10, 20, 12)
const about = { scope: msaScope, username: foldUsername('anna@example.com'), via: 'store' } as const

export const refused = (account: Account, cause: 'mismatch' | 'absent'): Ending => ({
  outcome: 'refused',
  account,
  cause,
  slot: 'slot' as Slot,
  ...about,
})
export const resetNeeded = (account: Account): Ending => ({
  outcome: 'reset-needed',
  account,
  former: msaScope,
  ...about,
})

export const signInNeeded = (account: Account, cause: SignInCause): Ending => ({
  outcome: 'sign-in-needed',
  account,
  cause,
  ...about,
})

const signInCauses = Object.keys({
  'no-grant': 0,
  ended: 0,
  'sealed-otherwise': 0,
  claims: 0,
} satisfies Record<SignInCause, 0>) as SignInCause[]

const expiredCauses = Object.keys({
  'past-its-end': 0,
  replaced: 0,
  revoked: 0,
} satisfies Record<Expired['cause'], 0>) as Expired['cause'][]

const garbledFlaws = Object.keys({
  scheme: 0,
  base64: 0,
  'no-colon': 0,
  'no-username': 0,
  'control-character': 0,
  'too-long': 0,
} satisfies Record<Exclude<Garbled['flaw'], 'two-headers'>, 0>) as Garbled['flaw'][]

const unclearFlaws = Object.keys({
  'absolute-form': 0,
  'double-slash': 0,
  'control-character': 0,
  backslash: 0,
  fragment: 0,
  'bad-escape': 0,
  'dot-segment': 0,
  'escaped-account': 0,
  host: 0,
  destination: 0,
  'untrusted-forwarder': 0,
  'reserved-header': 0,
} satisfies Record<UnclearTarget['flaw'], 0>) as UnclearTarget['flaw'][]

const failures = Object.keys({
  'bad-address': 0,
  refused: 0,
  certificate: 0,
  timeout: 0,
  dropped: 0,
  'bad-answer': 0,
  unauthorized: 0,
  'user-token': 0,
  'own-token': 0,
  'sign-in-page': 0,
  redirect: 0,
} satisfies Record<UpstreamFailed['because'], 0>) as UpstreamFailed['because'][]

/** Every ending there is, with the status that the contract gives it. */
export const table: readonly (readonly [number, Ending])[] = [
  [401, { outcome: 'challenge', name }],
  ...garbledFlaws.map(flaw => [401, { outcome: 'garbled', name, flaw }] as const),
  [400, { outcome: 'garbled', name, flaw: 'two-headers' }],
  [401, refused(settled, 'mismatch')],
  [401, refused(moved(), 'absent')],
  [401, resetNeeded(moved())],
  ...expiredCauses.map(
    cause =>
      [401, { outcome: 'expired', account: settled, cause, at, password: 'laptop', ...about }] as const,
  ),
  [401, { outcome: 'expired', account: moved(), cause: 'past-its-end', at, client: 'git-helper', ...about }],
  [403, { outcome: 'read-only', account: settled, ...about }],
  [403, { outcome: 'read-only', account: settled, password: 'laptop', ...about }],
  ...signInCauses.map(cause => [403, signInNeeded(settled, cause)] as const),
  [403, signInNeeded(moved(), 'ended')],
  [403, { outcome: 'disabled', account: settled, ...about }],
  [403, { outcome: 'not-allowed', cause: 'plain-http' }],
  [403, { outcome: 'not-allowed', cause: 'method' }],
  [403, { outcome: 'not-allowed', cause: 'not-a-member', account: settled, ...about }],
  ...unclearFlaws.map(flaw => [400, { outcome: 'unclear-target', flaw }] as const),
  [400, { outcome: 'unclear-target', flaw: 'malformed' }],
  [431, { outcome: 'unclear-target', flaw: 'oversized-head' }],
  [400, { outcome: 'unclear-target', flaw: 'unencoded' }],
  [400, { outcome: 'unclear-target', flaw: 'unknown-method' }],
  [400, { outcome: 'unclear-target', flaw: 'late-head' }],
  [400, { outcome: 'unclear-target', flaw: 'late-body' }],
  [501, { outcome: 'unclear-target', flaw: 'transfer-coding' }],
  [404, { outcome: 'no-account', name }],
  [404, { outcome: 'no-account' }],
  [429, { outcome: 'throttled', by: 'credential', retryAfter: 30 }],
  [503, { outcome: 'busy', retryAfter: 2 }],
  [503, { outcome: 'busy', cause: 'own-requests', retryAfter: 5 }],
  [503, { outcome: 'unavailable', part: 'store', retryAfter: 5 }],
  [503, { outcome: 'unavailable', part: 'provider', retryAfter: 5 }],
  [503, { outcome: 'unavailable', part: 'gateway', retryAfter: 5 }],
  ...failures.map(
    because => [because === 'timeout' ? 504 : 502, { outcome: 'upstream-failed', because }] as const,
  ),
]

/** For the names of tests: `refused mismatch`. */
export function named({ outcome, ...rest }: Ending): string {
  const detail =
    'flaw' in rest ? rest.flaw : 'cause' in rest ? rest.cause : 'because' in rest ? rest.because : ''
  return `${outcome} ${detail}`.trimEnd()
}
