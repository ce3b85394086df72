import type { Ask } from './ask.ts'
import { attached } from './attached.ts'
import type { Allow } from './decision.ts'
import type { UserToken } from './delegation.ts'
import type { Secret } from './secret.ts'

/** An allowed request, with what the upstream may be told about it. */
export interface Allowed {
  readonly allowed: Allow
  readonly ask: Ask
}

/** Where a request goes. */
export interface Goal {
  /** Scheme, host and port of the upstream. */
  readonly origin: string
  /** Path and query as the upstream gets them. */
  readonly path: string
}

/**
 * Header names and values in turn that tell the upstream who the user is. Called for every request, so it returns a
 * promise only if it has to wait for something. Never throws; rejects with `Outage`.
 */
export type Authorize = (request: Allowed, goal: Goal) => readonly string[] | Promise<readonly string[]>

/**
 * The user as header names and values in turn, for receivers that trust the gateway: upstreams with the method
 * `identity-headers`, and proxies that use forward-auth.
 */
export function identityOf(allowed: Allow): readonly string[] {
  const known = identities.get(allowed)
  if (known !== undefined) return known
  const { username, account, scope, subject } = allowed
  const headers = [
    'X-Forwarded-User',
    headerText(username),
    'X-Altgate-Account',
    account.name,
    'X-Altgate-Scope',
    scope,
    'X-Altgate-Subject',
    headerText(subject),
  ]
  identities.set(allowed, headers)
  return headers
}

/** The requests of a user are mostly allowed by the same object. */
const identities = attached<Allow, readonly string[]>()

/** The header lists of tokens in use: a token serves many requests, and goes when nothing refers to it any more. */
const bearers = attached<Secret, readonly string[]>()

/**
 * The user's own access token (RFC 6750) as header names and values in turn, for both doors. Without
 * `X-TFS-FedAuthRedirect`: where a directory has Conditional Access, it makes Azure DevOps refuse valid tokens.
 */
export function bearerOf({ token }: UserToken): readonly string[] {
  const known = bearers.get(token)
  if (known !== undefined) return known
  const headers = ['Authorization', `Bearer ${token.reveal()}`]
  bearers.set(token, headers)
  return headers
}

/** What a proxy with forward-auth is told: who the user is, and the token to act as the user with, if there is one. */
export function identityForProxy(allowed: Allow): readonly string[] {
  const identity = identityOf(allowed)
  return allowed.act === undefined ? identity : [...identity, ...bearerOf(allowed.act)]
}

/** UTF-8 bytes, each as one character, which is how Node writes headers. Control characters are removed. */
function headerText(text: string): string {
  if (/^[ -~]*$/.test(text)) return text
  return Buffer.from(text.replace(/\p{Cc}/gu, ''), 'utf8').toString('latin1')
}
