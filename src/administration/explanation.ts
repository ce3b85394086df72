import { answer } from '../answers/answer.ts'
import { Failure } from '../common/failure.ts'
import { type Allow, type Decision, type Over, type Refused, unreachable } from '../gateway/decision.ts'
import type { Refusal } from '../gateway/ports.ts'
import type { PasswordRecord } from '../gateway/registry.ts'
import type { Settings } from '../settings/schema.ts'
import { destinationOf, upstreamAuthOf } from './accounts.ts'
import { livenessOf, signInCauses } from './delegation-station.ts'
import { moment } from './times.ts'
import type { Tools } from './tools.ts'
import { passwordJson, refusalJson } from './views.ts'
import { type Presented, type Walk, walk } from './walk.ts'

/** The settings that an explanation depends on. */
export type ExplanationSettings = Pick<
  Settings,
  'publicUrl' | 'accounts' | 'refusals' | 'upstreamAuth' | 'upstreamAuthByAccount' | 'upstreamAuthByName'
>

/** What the gateway would decide, and why. */
export interface Explained extends Walk {
  readonly seen: Seen
}

export async function explain(
  tools: Tools,
  settings: ExplanationSettings,
  presented: Presented,
): Promise<Explained> {
  const { store, hasher, generated, keys, delegation } = tools
  const { accounts, credentials } = store
  const ports = { accounts, credentials, hasher, generated, keys, delegation }
  const { stations, decision, outage } = await walk(presented, ports, settings)
  const lacking = methodLacking(decision, settings)
  const found = presented.password === undefined ? assumedReason(decision) : reasonOf(decision)
  return {
    stations: [
      ...stations,
      ...(await livenessOf(decision, tools)),
      { station: 'decide', found },
      ...(lacking === undefined ? [] : [{ station: 'upstream', found: lacking } as const]),
    ],
    decision: lacking === undefined ? decision : noMethod,
    outage,
    seen: seenBy(lacking === undefined ? decision : noMethod, settings),
  }
}

/** What becomes of an allowed request whose account names a method that the settings do not have. */
const noMethod = { outcome: 'unavailable', part: 'upstream', retryAfter: 5 } as const

function methodLacking(decision: Decision, settings: ExplanationSettings): string | undefined {
  if (decision.outcome !== 'allow' || upstreamAuthOf(decision.account, settings) !== undefined)
    return undefined
  return `the settings have no upstreamAuthByName.${decision.account.upstreamAuth}, which the account names, so nothing is forwarded`
}

export function explainedJson(
  { name, username }: Presented,
  { stations, decision, seen }: Explained,
): object {
  return { account: name, user: username, stations, outcome: decision.outcome, answer: seen }
}

/** What happened to a request, and what the gateway knows now of the account and the user that it was for. */
export interface ExplainedReference {
  readonly refusal: Refusal
  /** Those with the name of the password that was presented. Left out if it had none. */
  readonly passwords?: readonly PasswordRecord[]
  /** Left out if the user is unknown. */
  readonly now?: Explained
}

/** Throws `NotFound` if no refusal with this reference is kept. */
export async function explainReference(
  tools: Tools,
  settings: ExplanationSettings,
  id: string,
): Promise<ExplainedReference> {
  const refusal = await tools.store.refusals.find(id)
  if (refusal === undefined)
    throw new NotFound(
      `No refusal with the reference ${id} was found. Refusals are kept for ${settings.refusals.keepDays} days, from some seconds after they happened, and at most 100 of each second.`,
    )
  const { account: name, user: username, scope, passwordName } = refusal
  const presented = name !== undefined && username !== undefined ? { name, username } : undefined
  const now = presented && (await explain(tools, settings, presented))
  const passwords =
    scope === undefined || username === undefined || passwordName === undefined
      ? []
      : await tools.registry.passwords(scope, username)
  return {
    refusal,
    ...(passwordName !== undefined && { passwords: passwords.filter(each => each.name === passwordName) }),
    ...(now && { now }),
  }
}

/** There is no such thing. */
export class NotFound extends Failure {}

export function referenceJson({ refusal, passwords, now }: ExplainedReference): object {
  const { account: name, user: username } = refusal
  return {
    happened: refusalJson(refusal),
    ...(passwords && { passwords: passwords.map(passwordJson) }),
    ...(now &&
      name !== undefined &&
      username !== undefined && { now: explainedJson({ name, username }, now) }),
  }
}

/** What a client gets: our own answer, or where the request goes. */
type Seen = { readonly status: number; readonly body: string } | { readonly forwardedTo: string }

function seenBy(decision: Decision, settings: ExplanationSettings): Seen {
  const { publicUrl, accounts } = settings
  const ending = decision.outcome === 'allow' ? destinationOf(decision.account, settings) : decision
  if (typeof ending === 'string') return { forwardedTo: `${ending}...` }
  const answered = answer(ending, { requestId: 'none', publicUrl, naming: accounts.naming })
  // There was no request, so there is nothing that its reference would lead to.
  return { ...answered, body: answered.body.replace(/^Reference: none\n$/m, '') }
}

/** The reason where the password is only assumed to be right. */
function assumedReason(decision: Decision): string {
  if (decision.outcome !== 'refused') return `with the right password: ${reasonOf(decision)}`
  return decision.cause === 'absent'
    ? refusalReasons.absent
    : 'no password was chosen: only the generated ones of this credential give access'
}

/** The reason for the operator, which says more than the client is told. */
function reasonOf(decision: Decision): string {
  switch (decision.outcome) {
    case 'allow':
      return allowed(decision)
    case 'reset-needed':
      return `the password is right, but counts in scope ${decision.former}, which the account has left`
    case 'sign-in-needed':
      return `the password is right, but ${signInCauses[decision.cause]}`
    case 'expired':
      return `the password is right, but ${overs[decision.cause]} ${moment(decision.at)}`
    case 'read-only':
      return 'the password is right, but it is read-only, and the request may write'
    case 'disabled':
      return 'the password is right, but the credential is switched off'
    case 'refused':
      return refusalReasons[decision.cause]
    case 'no-account':
      return 'there is no such account'
    case 'garbled':
      return 'the credential cannot be read'
    case 'challenge':
      return 'no credential was presented'
    case 'busy':
      return 'too many hashes are waiting'
    case 'throttled':
      return 'too many attempts'
    case 'unavailable':
      return `a part is down: ${decision.part}`
    case 'unclear-target':
      return `the address can be read in two ways: ${decision.flaw}`
    case 'not-allowed':
      return decision.cause === 'plain-http'
        ? 'plain http is refused'
        : 'the password is right, but the account is restricted to members, and this user is not one'
    default:
      return unreachable(decision)
  }
}

function allowed({ username, scope, bridgedUntil }: Allow): string {
  const right = `the password of ${username} is right in scope ${scope}`
  if (bridgedUntil === undefined) return right
  return `${right}, which the account has left; it counts until ${moment(bridgedUntil)}, because the move is bridged`
}

const overs: Readonly<Record<Over['cause'], string>> = {
  'past-its-end': 'it ended on',
  replaced: 'it was replaced on',
  revoked: 'it was revoked on',
}

export const refusalReasons: Readonly<Record<Refused['cause'], string>> = {
  absent: 'there is no such user name',
  mismatch: 'the password is wrong',
  forged: 'the password begins with agp_, but Altgate did not generate it',
}
