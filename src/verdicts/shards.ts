import type { Redis } from 'ioredis'
import type { ClusterMap } from './cluster-map.ts'
import { nameOf, type Address } from './redis-connector.ts'

/** Kept connections to every server that has keys. */
export interface Shards {
  /** The connection for a key; `undefined` while there is none. */
  of(key: string): Redis | undefined
  close(): void
}

/** Of one server that has all keys. */
export function oneShard(redis: Redis): Shards {
  return {
    of: () => (redis.status === 'ready' ? redis : undefined),
    close: () => redis.disconnect(),
  }
}

export interface ClusterShardsOptions {
  readonly map: ClusterMap
  readonly connect: (node: Address) => Redis
  readonly failed: (cause: unknown) => void
}

/** One connection to each node of a Cluster that has slots, made and ended as they change hands. */
export function clusterShards({ map, connect, failed }: ClusterShardsOptions): Shards {
  const kept = new Map<string, Redis>()

  function connectionTo(node: Address): Redis {
    const name = nameOf(node)
    const known = kept.get(name)
    if (known !== undefined) return known
    const redis = connect(node)
    redis.on('error', failed)
    redis.on('close', map.refresh) // another one may have taken its place
    kept.set(name, redis)
    return redis
  }

  function follow(owners: readonly Address[]): void {
    const names = new Set(owners.map(nameOf))
    for (const [name, redis] of kept) {
      if (names.has(name)) continue
      kept.delete(name)
      redis.off('close', map.refresh).disconnect()
    }
    for (const owner of owners) connectionTo(owner)
  }

  const unfollow = map.follow({ owners: follow, failed })
  return {
    of(key) {
      const owner = map.known(key)
      const redis = owner && connectionTo(owner)
      return redis?.status === 'ready' ? redis : undefined
    },
    close() {
      unfollow()
      follow([])
    },
  }
}
