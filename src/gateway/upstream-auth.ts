import type { Ask } from './ask.ts'
import type { Allow } from './decision.ts'

/** An allowed request, as far as the upstream may be told about it. */
export interface Allowed {
  readonly allowed: Allow
  readonly ask: Ask
}

/** Where it goes. */
export interface Goal {
  /** Scheme, host and port of the upstream. */
  readonly origin: string
  /** Path and query as the upstream gets them. */
  readonly path: string
}

/**
 * Header names and values, one after the other, by which the upstream learns who it is. Called for every request: a
 * promise only where something has to be asked or computed first. Never throws; rejects with `Outage`.
 */
export type Authorize = (request: Allowed, goal: Goal) => readonly string[] | Promise<readonly string[]>

/**
 * Who this is, as header names and values for whoever believes the gateway: upstreams by the method
 * `identity-headers`, and proxies that forward by themselves.
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

/** UTF-8 bytes, each as one character, which is how Node writes headers. Control characters have no place there. */
function headerText(text: string): string {
  if (/^[ -~]*$/.test(text)) return text
  return Buffer.from(text.replace(/\p{Cc}/gu, ''), 'utf8').toString('latin1')
}
