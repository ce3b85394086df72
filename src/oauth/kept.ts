import { createHash } from 'node:crypto'
import type { Adapter, AdapterPayload } from 'oidc-provider'
import type { Instant } from '../gateway/names.ts'
import type { OAuthEntry, OAuthStore } from '../gateway/oauth.ts'

/** The key of an entry, which only a holder of its code or token can derive. */
export function keyOf(kind: string, id: string): string {
  return createHash('sha256').update(`${kind} ${id}`).digest('base64url')
}

/** What the passwords that were given out are to the library: its access tokens. */
export interface AccessTokens {
  /** Whose it is; `undefined` if it was not given out here. */
  find(value: string): Promise<AdapterPayload | undefined>
  /** Ends the password of a grant, and everything else that belongs to it. */
  end(grantId: string): Promise<void>
}

interface AdapterParts {
  readonly store: OAuthStore
  readonly accessTokens: AccessTokens
  readonly now: () => Instant
}

/** The start of the id under which an entry found by its user code is saved again: the library then knows no other. */
const byKey = 'key:'

/**
 * What oidc-provider keeps of each kind. Codes and tokens are the ids of entries: they are hashed, and removed from the
 * data. Marking as used is left to `server.ts`, which does it when the password is there: an outage in between must not
 * use up a refresh token.
 */
export function createAdapter({ store, accessTokens, now }: AdapterParts): (kind: string) => Adapter {
  const passwords: Adapter = {
    ...nothing,
    find: value => accessTokens.find(value),
    revokeByGrantId: grantId => accessTokens.end(grantId),
  }
  return kind => {
    // Browsers have no session of the library, only that of the page.
    if (kind === 'Session') return nothing
    if (kind === 'AccessToken') return passwords
    return {
      ...nothing,
      async upsert(id, { jti: _jti, userCode, ...payload }, seconds = 0) {
        const grantId = kind === 'Grant' ? id : payload.grantId
        await store.set(id.startsWith(byKey) ? id.slice(byKey.length) : keyOf(kind, id), {
          // The address to return to contains the id of an interaction; `library.ts` knows it.
          data: JSON.stringify({ ...payload, ...(payload.returnTo !== undefined && { returnTo: '' }) }),
          expiresAt: now() + seconds * 1000 + (codes.has(kind) ? codesStay : 0),
          grant: grantId && keyOf('Grant', grantId),
          userCode: userCode && keyOf('user code', userCode),
        })
      },
      async find(id) {
        const entry = await store.find(keyOf(kind, id))
        return entry && { ...payloadOf(entry), jti: id }
      },
      async findByUserCode(userCode) {
        const entry = await store.findByUserCode(keyOf('user code', userCode))
        return entry && { ...payloadOf(entry), jti: byKey + entry.key, userCode }
      },
      // What belongs to a grant ends with it, when its password has ended: an outage in between would leave that alone.
      ...(kind === 'Interaction' && { destroy: (id: string) => store.delete(keyOf(kind, id)) }),
    }
  }
}

/** Milliseconds for which a code is known after its end, so that a second use is noticed, and an end is told apart. */
export const codesStay = 10 * 60 * 1000

const codes: ReadonlySet<string> = new Set(['AuthorizationCode', 'DeviceCode'])

/** Keeps nothing. */
const nothing: Adapter = {
  async upsert() {},
  async find() {},
  async findByUserCode() {},
  async findByUid() {},
  async consume() {},
  async destroy() {},
  async revokeByGrantId() {},
}

/** What the library keeps in an entry of its own. */
export function payloadOf({ data, used }: OAuthEntry): AdapterPayload {
  // Only the adapter writes under the keys of the library.
  return { ...(JSON.parse(data) as AdapterPayload), ...(used && { consumed: true }) }
}
