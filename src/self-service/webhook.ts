import { createHmac } from 'node:crypto'
import { request } from 'undici'
import type { Instant, Scope, Username } from '../gateway/names.ts'
import type { EndingPassword } from '../gateway/password-ends.ts'
import type { Secret } from '../gateway/secret.ts'

interface WebhookOptions extends Receiver {
  /** Called for a notice that was not delivered. */
  readonly failed: (cause: unknown) => void
}

/** Where notices go. */
export interface Receiver {
  /** Secret, because some webhook addresses contain a key. */
  readonly url: Secret
  /** Key of the signature; without it notices are not signed. */
  readonly secret?: Secret
}

/** Milliseconds that a receiver may take. */
const timeout = 5000

/**
 * Sends each change as JSON in a POST. With a secret, `X-Altgate-Signature: sha256=<hex>` is the HMAC-SHA256 of the
 * body, so that receivers can verify its origin.
 */
export function createWebhook({ failed, ...to }: WebhookOptions): Notice {
  return {
    credentialChanged({ scope, username, what, at }) {
      const event = { event: `credential-${what}`, scope, username, at: new Date(at).toISOString() }
      send(to, event).catch(failed)
    },
  }
}

/** Announces the end of a password. Rejects if it was not delivered. */
export type AnnounceEnd = (password: EndingPassword, at: Instant) => Promise<void>

/**
 * Announces ends by the same webhook. An announcement is repeated if the gateway cannot tell that it was delivered:
 * `passwordId` and `days` together are the same then.
 */
export function createEndAnnouncements(to: Receiver): AnnounceEnd {
  return ({ scope, username, id, name, days, endsAt }, at) =>
    send(to, {
      event: days === 0 ? 'credential-password-ended' : 'credential-password-ending',
      scope,
      username,
      password: name,
      passwordId: id,
      days,
      endsAt: new Date(endsAt).toISOString(),
      at: new Date(at).toISOString(),
    })
}

function signature(secret: Secret, body: string): Readonly<Record<string, string>> {
  const mac = createHmac('sha256', secret.reveal()).update(body).digest('hex')
  return { 'x-altgate-signature': `sha256=${mac}` }
}

/** The receiver did not accept. */
export class NotAccepted extends Error {
  /** Seconds after which it asks to be tried again. */
  readonly retryAfter: number

  constructor(status: number, retryAfter: unknown) {
    super(`the webhook returned status ${status}`)
    this.retryAfter = Number(/^\d{1,6}$/.exec(String(retryAfter))?.[0] ?? 0)
  }
}

/** Sends one event; rejects unless it was accepted. */
export async function send({ url, secret }: Receiver, event: object, id?: string): Promise<void> {
  const body = JSON.stringify(event)
  const headers = {
    'content-type': 'application/json',
    ...(id !== undefined && { 'x-altgate-delivery': id }),
    ...(secret && signature(secret, body)),
  }
  const answer = await request(url.reveal(), {
    method: 'POST',
    body,
    headers,
    signal: AbortSignal.timeout(timeout),
  })
  await answer.body.dump()
  if (answer.statusCode >= 300) throw new NotAccepted(answer.statusCode, answer.headers['retry-after'])
}

/**
 * A change for the service that informs the owner. Never contains a password. `contested`: nothing was changed, but another
 * person signed in under the owner's user name. `connected`, `disconnected`, `sign-in-ended`: requests act as the owner, or
 * the provider is asked whether the owner is active, since a sign-in, until the owner or another party ended it.
 * `disabled-by-liveness`: the provider refused the owner, or could not be asked for too long.
 */
export interface CredentialChange {
  readonly scope: Scope
  readonly username: Username
  readonly what:
    | 'set'
    | 'enabled'
    | 'disabled'
    | 'claimed'
    | 'linked'
    | 'unlinked'
    | 'contested'
    | 'connected'
    | 'disconnected'
    | 'sign-in-ended'
    | 'disabled-by-liveness'
    | 'password-added'
    | 'password-replaced'
    | 'passwords-revoked'
  readonly at: Instant
}

/** Called once a change is in force everywhere. Must not throw or delay. */
export interface Notice {
  credentialChanged(change: CredentialChange): void
}
