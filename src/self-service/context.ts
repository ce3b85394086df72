import type { Keys } from '../gateway/key-ring.ts'
import type { IncomingMessage } from 'node:http'
import type { Authorities } from '../common/authorities.ts'
import { createTurns, type Turns } from '../common/calls.ts'
import type { Naming } from '../gateway/account.ts'
import type { AttemptKeys } from '../gateway/attempt.ts'
import type { GeneratedPasswords } from '../gateway/generated-password.ts'
import type { AccountName, Instant, Scope } from '../gateway/names.ts'
import type { Outage } from '../gateway/outage.ts'
import type { Confirmations, Grants } from '../gateway/delegation.ts'
import type { CredentialStore, PasswordHasher, SessionStore } from '../gateway/ports.ts'
import type { Registry } from '../gateway/registry.ts'
import type { Throttle } from '../gateway/throttle.ts'
import type { PasswordLives } from '../passwords/named.ts'
import {
  type NameConflicts,
  createNameConflicts,
  createAccountLookup,
  type AccountLookup,
} from './account-lookup.ts'
import type { ExplanationSettings } from '../administration/explanation.ts'
import type { Tools } from '../administration/tools.ts'
import type { NamedPerson } from './console/helpers.ts'
import { type Acting, createActing, type DelegatedUpstreams } from './acting.ts'
import type { AuthorizationServer } from '../oauth/server.ts'
import type { Brand } from './html.ts'
import type { OpenId } from './openid.ts'
import {
  type Cookies,
  createCookies,
  createPendingSignIns,
  createSessions,
  type PendingSignIns,
  type Sessions,
} from './session.ts'
import { createThrottle, type Limits, type PageThrottle, usualLimits } from './throttle.ts'
import type { Notice } from './webhook.ts'

/** What the routes of the page work with. */
export interface PageContext extends Omit<SelfServiceParts, 'sessions'> {
  readonly now: () => Instant
  readonly secure: boolean
  readonly cookies: Cookies
  readonly sessions: Sessions
  readonly pendingSignIns: PendingSignIns
  /** Loaded at the first sign-in, which most processes never see. */
  readonly openId: () => Promise<OpenId>
  readonly nameConflicts: NameConflicts
  readonly acting: Acting
  readonly accounts: AccountLookup
  readonly throttle: PageThrottle
  readonly turns: Turns
}

export function createPageContext(parts: SelfServiceParts): PageContext {
  const { publicUrl, signIn, now = Date.now, steadyNow = now } = parts
  const { limits = usualLimits, providerTimeoutSeconds = 5 } = parts
  const nameConflicts = createNameConflicts({ ...parts, now })
  const acting = createActing(parts)
  const secure = publicUrl.startsWith('https:')
  return {
    ...parts,
    now,
    secure,
    cookies: createCookies(secure),
    sessions: createSessions({ store: parts.sessions, life: signIn.sessionMinutes * 60_000, now }),
    pendingSignIns: createPendingSignIns({ store: parts.sessions, key: parts.signInKey, now }),
    openId: once(async () => {
      const { createOpenId } = await import('./openid.ts')
      return createOpenId({
        redirectUri: `${publicUrl}/_altgate/callback`,
        timeoutSeconds: providerTimeoutSeconds,
        maxAgeSeconds: signIn.freshMinutes * 60,
      })
    }),
    nameConflicts,
    acting,
    accounts: createAccountLookup({ ...parts, nameConflicts, acting }, now),
    throttle: createThrottle(limits, steadyNow),
    turns: createTurns(),
  }
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined
  return () => (made ??= make())
}

/** What the console is made of, besides what the page is made of. */
export interface ConsoleParts {
  readonly people: readonly NamedPerson[]
  readonly tools: Tools
  readonly settings: ExplanationSettings
}

/** What the page is made of. */
export interface SelfServiceParts {
  readonly registry: Pick<
    Registry,
    | 'account'
    | 'accountsIn'
    | 'upstreamsIn'
    | 'scopesInUse'
    | 'directories'
    | 'ownCredential'
    | 'ownerOf'
    | 'setCredential'
    | 'switchCredential'
    | 'claimCredential'
    | 'link'
    | 'unlink'
    | 'linkedTo'
    | 'addPassword'
    | 'passwords'
    | 'revokePasswords'
  >
  readonly credentials: Pick<CredentialStore, 'find'>
  /** What users have given the gateway to act as them. */
  readonly grants: Grants
  readonly delegated: DelegatedUpstreams
  /** Told of each sign-in. */
  readonly confirmations: Pick<Confirmations, 'signedIn'>
  readonly hasher: Pick<PasswordHasher, 'hash' | 'compare'>
  readonly keys: AttemptKeys
  readonly generated: GeneratedPasswords
  /** Learns what other processes have changed, such as keys. `undefined`: nothing. Throws `Outage`. */
  readonly catchUp: () => Promise<void> | undefined
  /** How long generated passwords may count. */
  readonly passwords: PasswordLives
  /** Wrong passwords count against the credential they are compared with, as they do at the gateway. */
  readonly guesses: Pick<Throttle, 'admit'>
  readonly sessions: SessionStore
  /** 32 bytes, shared by the gateways of one store, that seal pending sign-ins kept by browsers. */
  readonly signInKey: Keys
  /** Gives passwords to credential helpers; left out where that is switched off. */
  readonly oauth?: AuthorizationServer | undefined
  readonly notice: Notice
  /** Left out: that of Altgate. */
  readonly brand?: Brand | undefined
  readonly observer: SelfServiceObserver
  /** The public address of the gateway, without a trailing slash. */
  readonly publicUrl: string
  readonly naming: Naming
  readonly signIn: Authorities & { readonly freshMinutes: number; readonly sessionMinutes: number }
  /** Refuse plain http where `publicUrl` is https. */
  readonly httpsOnly: boolean
  /** The client's address, whether it used https, and the host it asked for, as far as can be determined. */
  readonly senderOf: (request: IncomingMessage) => {
    readonly from: string
    readonly secure: boolean
    readonly host: string
  }
  /** The unit in which addresses are counted: the address itself, or its network. */
  readonly networkOf: (address: string) => string
  /** The console for help desks. Left out: there is none. */
  readonly console?: ConsoleParts | undefined
  readonly limits?: Limits
  /** Seconds that an identity provider may take for one answer. */
  readonly providerTimeoutSeconds?: number
  readonly now?: () => Instant
  /** The clock by which requests are counted; `now` if left out. */
  readonly steadyNow?: () => Instant
}

/** Receives events that an operator should know of. Must not throw. `requestId` is the reference that the page shows. */
export interface SelfServiceObserver {
  providerFailed(failure: ProviderFailed, requestId: string): void
  /** A sign-in gave no refresh token, so requests of the user cannot act as the user. */
  notConnected(where: { readonly scope: Scope; readonly account: AccountName }, requestId: string): void
  /** A grant was ended here, but its provider could not be asked to revoke it. */
  notRevoked(where: { readonly scope: Scope; readonly account: AccountName }, requestId: string): void
  outage(outage: Outage): void
  bug(error: unknown, requestId: string): void
}

/** How an identity provider failed: not reachable, no response in time, or an invalid response. */
export type Failing = 'unreachable' | 'slow' | 'nonsense'

/** An identity provider failed. Not the user's fault, and nothing was changed. */
export class ProviderFailed extends Error {
  readonly failing: Failing

  constructor(failing: Failing, cause: unknown) {
    super(`the identity provider failed: ${failing}`, { cause })
    this.name = 'ProviderFailed'
    this.failing = failing
  }

  /**
   * For the log: each cause's message and codes, but none of its other properties, which may hold a token. Neither what a
   * provider wrote: it may repeat the request, with the client secret.
   */
  get detail(): string {
    return causesOf(this.cause)
      .map((each: Error & { code?: unknown; error?: unknown }) =>
        [messageOf(each), each.code, codeIn(each.error)].filter(part => typeof part === 'string').join(' '),
      )
      .join(': ')
  }
}

/** The message of `JSON.parse` quotes what it could not parse. */
function messageOf({ name, message }: Error): string {
  return name === 'SyntaxError' ? 'it is not JSON' : message
}

/** An error code of OAuth (RFC 6749, 5.2); other text is not shown. */
function codeIn(error: unknown): string | undefined {
  return typeof error === 'string' && /^[a-z_]{1,64}$/.test(error) ? error : undefined
}

/** An error and what caused it, outermost first. */
export function causesOf(error: unknown): readonly Error[] {
  return error instanceof Error ? [error, ...causesOf(error.cause)] : []
}
