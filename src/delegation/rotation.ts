import type { Grant, GrantStore } from '../gateway/delegation.ts'
import { keyIdOf, type Sealing } from './sealing.ts'

/** Calls `each` for every grant that has not ended. Throws `Outage`. */
async function forEachGrant(
  grants: Pick<GrantStore, 'list'>,
  each: (grant: Grant & { readonly refreshToken: string }) => Promise<void> | void,
): Promise<void> {
  let last: Grant | undefined
  for (;;) {
    const batch = await grants.list(undefined, last)
    for (const grant of batch) {
      const { refreshToken } = grant
      if (refreshToken !== undefined) await each({ ...grant, refreshToken })
    }
    last = batch.at(-1)
    if (last === undefined) return
  }
}

/** How many grants each key seals, by the id of the key. Throws `Outage`. */
export async function countByKey(grants: Pick<GrantStore, 'list'>): Promise<ReadonlyMap<string, number>> {
  const counts = new Map<string, number>()
  await forEachGrant(grants, ({ refreshToken }) => {
    const id = keyIdOf(refreshToken)
    counts.set(id, (counts.get(id) ?? 0) + 1)
  })
  return counts
}

/** What a rotation did. */
export interface Rotated {
  readonly resealed: number
  /** Sealed with a key that there is not: they stay as they are. */
  readonly lost: number
  /** Found in the last pass: gateways still seal with another key. */
  readonly left: number
}

/** Passes over the store: gateways renew meanwhile, some perhaps with the old key still. */
const mostPasses = 3

/**
 * Seals with the first key what another key has sealed. Gateways may run, and it can be stopped at any time: each grant is
 * one write, which is not made if the grant has changed. Throws `Outage`.
 */
export async function rotate(
  grants: Pick<GrantStore, 'list' | 'reseal'>,
  sealing: Sealing,
  progress: (done: number) => void,
): Promise<Rotated> {
  let resealed = 0
  for (let pass = 1; ; pass += 1) {
    let [lost, left, seen] = [0, 0, 0]
    await forEachGrant(grants, async grant => {
      progress((seen += 1))
      if (keyIdOf(grant.refreshToken) === sealing.first) return
      const sealed = resealedBy(sealing, grant)
      if (sealed === undefined) {
        lost += 1
        return
      }
      left += 1
      if (await grants.reseal(grant, sealed)) resealed += 1
    })
    // A pass that finds nothing proves that no gateway seals with another key any more.
    if (left === 0 || pass === mostPasses) return { resealed, lost, left }
  }
}

/** `undefined`: no key opens it. An access token that does not open is left out: it is renewed soon. */
function resealedBy(sealing: Sealing, grant: Grant & { readonly refreshToken: string }) {
  const { refreshToken, access } = grant
  const refresh = sealing.open(refreshToken, { refreshOf: grant })
  if (refresh === undefined) return undefined
  const bound = access && ({ accessOf: grant, of: access.of } as const)
  const opened = access && bound && sealing.open(access.token, bound)
  return {
    refreshToken: sealing.seal(refresh, { refreshOf: grant }),
    ...(opened && bound && { access: sealing.seal(opened, bound) }),
  }
}
