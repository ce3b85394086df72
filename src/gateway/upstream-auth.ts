import type { Ask } from './ask.ts'
import type { Allow } from './decision.ts'

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
export function identityOf({ username, account, scope, subject }: Allow): string[] {
  return [
    'X-Forwarded-User',
    headerText(username),
    'X-Altgate-Account',
    account.name,
    'X-Altgate-Scope',
    scope,
    'X-Altgate-Subject',
    headerText(subject),
  ]
}

/** UTF-8 bytes, each as one character, which is how Node writes headers. Control characters are removed. */
function headerText(text: string): string {
  if (/^[ -~]*$/.test(text)) return text
  return Buffer.from(text.replace(/\p{Cc}/gu, ''), 'utf8').toString('latin1')
}
