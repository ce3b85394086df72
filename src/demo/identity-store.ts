import type { Adapter, AdapterPayload } from 'oidc-provider'

/** What one authority keeps: sessions, codes, tokens and grants. */
export interface IdentityStore {
  /** For oidc-provider: what it keeps of one kind. */
  of(kind: string): Adapter
  /** How many refresh tokens a user has. */
  refreshTokens(email: string): number
  /** Ends the browser sessions and refresh tokens of a user, as an administrator does who revokes them. */
  revoke(email: string): void
}

interface Entry {
  readonly payload: AdapterPayload
  /** Milliseconds since 1970. */
  readonly until: number
}

/** Entries are looked through for expired ones each time that so many were written. */
const betweenSweeps = 1000

/**
 * In memory. The store that comes with oidc-provider drops the oldest of a thousand entries, which would end grants of
 * users. `keepsUsed`: whether a refresh token works again after its first use, as at Entra ID.
 */
export function createIdentityStore(keepsUsed: () => boolean): IdentityStore {
  const entries = new Map<string, Entry>()
  let written = 0

  function read(key: string): AdapterPayload | undefined {
    const entry = entries.get(key)
    return entry === undefined || entry.until <= Date.now() ? undefined : entry.payload
  }

  function write(key: string, entry: Entry): void {
    entries.set(key, entry)
    written += 1
    if (written % betweenSweeps === 0) drop(({ until }) => until <= Date.now())
  }

  function drop(goes: (entry: Entry) => boolean): void {
    for (const [key, entry] of entries) if (goes(entry)) entries.delete(key)
  }

  return {
    of(kind) {
      const keyOf = (id: string) => `${kind} ${id}`
      return {
        async upsert(id, payload, seconds = Number.POSITIVE_INFINITY) {
          write(keyOf(id), { payload, until: Date.now() + seconds * 1000 })
        },
        find: async id => read(keyOf(id)),
        async findByUid(uid) {
          const its = [...entries.values()].find(
            ({ payload }) => payload.kind === kind && payload.uid === uid,
          )
          return its?.payload
        },
        async findByUserCode() {},
        async consume(id) {
          const payload = read(keyOf(id))
          if (payload === undefined || (kind === 'RefreshToken' && keepsUsed())) return
          payload.consumed = Math.floor(Date.now() / 1000)
        },
        async destroy(id) {
          entries.delete(keyOf(id))
        },
        async revokeByGrantId(grantId) {
          // Only of this kind: interactions in progress name a grant as well.
          drop(({ payload }) => payload.kind === kind && payload.grantId === grantId)
        },
      }
    },
    refreshTokens(email) {
      const all = [...entries.values()]
      return all.filter(({ payload }) => payload.kind === 'RefreshToken' && payload.accountId === email)
        .length
    },
    revoke: email =>
      drop(({ payload: { kind, accountId } }) => accountId === email && revoked.has(kind ?? '')),
  }
}

const revoked: ReadonlySet<string> = new Set(['Session', 'RefreshToken'])
