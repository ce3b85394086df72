import type { IncomingMessage } from 'node:http'
import type { Naming } from '../gateway/account.ts'
import type { AttemptKeys } from '../gateway/attempt.ts'
import type { GeneratedPasswords } from '../gateway/generated-password.ts'
import type { Instant } from '../gateway/names.ts'
import type { Outage } from '../gateway/outage.ts'
import type { CredentialStore, PasswordHasher, SessionStore } from '../gateway/ports.ts'
import type { Registry } from '../gateway/registry.ts'
import type { Throttle } from '../gateway/throttle.ts'
import type { Authorities } from './authority.ts'
import type { Notice } from './notice.ts'
import type { ProviderFailed } from './provider-failed.ts'
import type { Limits } from './throttle.ts'

/** What the page is made of. */
export interface SelfServiceParts {
  readonly registry: Pick<
    Registry,
    | 'account'
    | 'accountsIn'
    | 'directories'
    | 'ownCredential'
    | 'ownerOf'
    | 'setCredential'
    | 'switchCredential'
    | 'claimCredential'
    | 'link'
    | 'linkedTo'
  >
  readonly credentials: Pick<CredentialStore, 'find'>
  readonly hasher: Pick<PasswordHasher, 'hash' | 'compare'>
  readonly keys: AttemptKeys
  readonly generated: GeneratedPasswords
  /** Wrong passwords count at the credential they are compared with, here as at the door. */
  readonly guesses: Pick<Throttle, 'admit'>
  readonly sessions: SessionStore
  /** 32 bytes by which the gateways of this store seal what browsers keep of a sign-in that is under way. */
  readonly signInKey: Uint8Array
  readonly notice: Notice
  readonly observer: SelfServiceObserver
  /** How people reach the gateway, without a trailing slash. */
  readonly publicUrl: string
  readonly naming: Naming
  readonly signIn: Authorities & { readonly freshMinutes: number; readonly sessionMinutes: number }
  /** Refuse plain http where `publicUrl` is https. */
  readonly httpsOnly: boolean
  /** Who sent a request, and whether by https, as far as can be told. */
  readonly senderOf: (request: IncomingMessage) => { readonly from: string; readonly secure: boolean }
  /** Whose addresses count as one: an address, or the network it is in. */
  readonly networkOf: (address: string) => string
  readonly limits?: Limits
  /** Seconds that an identity provider may take for one answer. */
  readonly providerTimeoutSeconds?: number
  readonly now?: () => Instant
  /** The clock by which requests are counted; `now` if left out. */
  readonly steadyNow?: () => Instant
}

/** Told of what an operator should know; must not throw. `requestId` is the reference that the page shows. */
export interface SelfServiceObserver {
  providerFailed(failure: ProviderFailed, requestId: string): void
  outage(outage: Outage): void
  bug(error: unknown, requestId: string): void
}
