import type { Grant, GrantStore } from '../gateway/delegation.ts'
import { eachGrant } from './grants.ts'
import { keyIdOf, type Sealing } from './sealing.ts'

/** How many grants each key seals, by the id of the key. Throws `Outage`. */
export async function countByKey(grants: Pick<GrantStore, 'list'>): Promise<ReadonlyMap<string, number>> {
  const counts = new Map<string, number>()
  for await (const { refreshToken } of eachGrant(grants)) {
    if (refreshToken === undefined) continue
    const id = keyIdOf(refreshToken)
    counts.set(id, (counts.get(id) ?? 0) + 1)
  }
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
    for await (const grant of eachGrant(grants)) {
      const { refreshToken } = grant
      if (refreshToken === undefined) continue
      progress((seen += 1))
      if (keyIdOf(refreshToken) === sealing.first) continue
      const sealed = resealedBy(sealing, { ...grant, refreshToken })
      if (sealed === undefined) {
        lost += 1
        continue
      }
      left += 1
      if (await grants.reseal(grant, sealed)) resealed += 1
    }
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
