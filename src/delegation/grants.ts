import { type Authorities, clientOf } from '../common/authorities.ts'
import type { Grant, GrantRegistry, Grants, GrantStore, Revocation } from '../gateway/delegation.ts'
import type { Scope } from '../gateway/names.ts'
import { isFault, judgeFirst, type Providers } from './provider.ts'
import type { Sealing } from './sealing.ts'

/** All grants of a scope, or all, in batches. Throws `Outage`. */
export async function* eachGrant(grants: Pick<GrantStore, 'list'>, scope?: Scope): AsyncGenerator<Grant> {
  let last: Grant | undefined
  do {
    const batch = await grants.list(scope, last)
    yield* batch
    last = batch.at(-1)
  } while (last !== undefined)
}

export interface GrantsParts {
  readonly authorities: Authorities
  readonly grants: Pick<GrantStore, 'of'>
  readonly registry: GrantRegistry
  /** Left out where the settings have no sealing key: then nothing can be given. */
  readonly sealing: Sealing | undefined
  readonly providers: () => Promise<Providers>
  /** Milliseconds since 1970 by the system clock. */
  readonly wallNow: () => number
}

/** Grants as the page and commands give and end them. */
export function createGrants(parts: GrantsParts): Grants {
  const { authorities, grants, registry, sealing, providers, wallNow } = parts

  async function revoke(grant: Grant): Promise<Revocation> {
    const { refreshToken: sealed } = grant
    const refreshToken = sealed === undefined ? undefined : sealing?.open(sealed, { refreshOf: grant })
    const client = clientOf(grant, authorities)
    if (refreshToken === undefined || client === undefined) return 'failed'
    const provider = await (await providers()).at(grant, client)
    return isFault(provider) ? 'failed' : await provider.revoke(refreshToken)
  }

  return {
    async give(actor, { refreshToken, access: given, ...grant }) {
      if (sealing === undefined) throw new Error('there is no sealing key')
      const { scope, owner } = grant
      const access = given && judgeFirst(given, grant, wallNow())
      if (access === 'other-person') return 'other-person'
      await registry.giveGrant(actor, {
        ...grant,
        refreshToken: sealing.seal(refreshToken, { refreshOf: grant }),
        ...(access && {
          access: {
            token: sealing.seal(access.token, { accessOf: { scope, owner }, of: access.of }),
            of: access.of,
            lifeMs: access.lifeSeconds * 1000,
          },
        }),
      })
      return 'given'
    },
    async end(actor, { scope, owner }, cause, how) {
      const ended = await registry.endGrant(actor, { scope, owner }, cause)
      if (ended === undefined) return undefined
      return how?.revoke === false ? 'failed' : await revoke(ended)
    },
    async of(scope, owner) {
      const { grant } = await grants.of(scope, owner)
      if (grant?.refreshToken === undefined) return grant
      const opened = sealing?.open(grant.refreshToken, { refreshOf: grant })
      if (opened !== undefined && clientOf(grant, authorities) !== undefined) return grant
      const { refreshToken: _refreshToken, access: _access, ...known } = grant
      return known
    },
  }
}
