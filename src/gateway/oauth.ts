import type { Instant } from './names.ts'

/** One code, token or sign-in of the authorization server. */
export interface OAuthEntry {
  /** JSON. It contains no code and no token: only who knows one of them can derive the key of its entry. */
  readonly data: string
  /** Whether it was used, if it can be used only once. */
  readonly used: boolean
}

/** What is written of an entry. */
export interface NewOAuthEntry {
  readonly data: string
  readonly expiresAt: Instant
  /** The key of the grant that it belongs to; entries of one grant are deleted together. */
  readonly grant?: string | undefined
  /** A hash of the code by which a user finds it. */
  readonly userCode?: string | undefined
}

/**
 * What the authorization server keeps, shared by all processes and gateways. Keys are hashes, so a stolen store holds no
 * code and no token. All methods throw `Outage`.
 */
export interface OAuthStore {
  /** `undefined`: none, or expired. */
  find(key: string): Promise<OAuthEntry | undefined>
  /** Finds an entry by the code that a user entered. */
  findByUserCode(userCode: string): Promise<(OAuthEntry & { readonly key: string }) | undefined>
  /** Adds it, or replaces its data; whether it was used stays. */
  set(key: string, entry: NewOAuthEntry): Promise<void>
  /** Adds it unless there is one that has not expired. True if it was added: of several concurrent calls, one gets true. */
  add(key: string, entry: NewOAuthEntry): Promise<boolean>
  /** Marks it as used. True the first time: of several concurrent calls, one gets true. */
  use(key: string): Promise<boolean>
  delete(key: string): Promise<void>
  /** Deletes everything that belongs to a grant. */
  deleteGrant(grant: string): Promise<void>
}
