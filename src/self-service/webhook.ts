import { createHmac } from 'node:crypto'
import { request } from 'undici'
import type { Instant, Scope, Username } from '../gateway/names.ts'
import type { Secret } from '../gateway/secret.ts'

interface WebhookOptions {
  /** Secret, because some webhook addresses contain a key. */
  readonly url: Secret
  /** Key of the signature; without it notices are not signed. */
  readonly secret?: Secret
  /** Called for a notice that was not delivered. */
  readonly failed: (cause: unknown) => void
}

/** Milliseconds that a receiver may take. */
const timeout = 5000

/**
 * Sends each change as JSON in a POST. With a secret, `X-Altgate-Signature: sha256=<hex>` is the HMAC-SHA256 of the
 * body, so that receivers can verify its origin.
 */
export function createWebhook({ url, secret, failed }: WebhookOptions): Notice {
  return {
    credentialChanged(change) {
      const body = textOf(change)
      const headers = { 'content-type': 'application/json', ...(secret && signature(secret, body)) }
      send(url, body, headers).catch(failed)
    },
  }
}

function textOf({ scope, username, what, at }: CredentialChange): string {
  return JSON.stringify({ event: `credential-${what}`, scope, username, at: new Date(at).toISOString() })
}

function signature(secret: Secret, body: string): Readonly<Record<string, string>> {
  const mac = createHmac('sha256', secret.reveal()).update(body).digest('hex')
  return { 'x-altgate-signature': `sha256=${mac}` }
}

async function send(url: Secret, body: string, headers: Readonly<Record<string, string>>): Promise<void> {
  const answer = await request(url.reveal(), {
    method: 'POST',
    body,
    headers,
    signal: AbortSignal.timeout(timeout),
  })
  await answer.body.dump()
  if (answer.statusCode >= 300) throw new Error(`the webhook returned status ${answer.statusCode}`)
}

/**
 * A change made on the page, for the service that informs the owner. Never contains a password. `contested`: nothing was
 * changed, but another person signed in under the owner's user name.
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
    | 'contested'
    | 'password-added'
    | 'password-replaced'
    | 'passwords-revoked'
  readonly at: Instant
}

/** Called once a change is in force everywhere. Must not throw or delay. */
export interface Notice {
  credentialChanged(change: CredentialChange): void
}
