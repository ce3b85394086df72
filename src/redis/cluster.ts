import type { Redis } from 'ioredis'
import { type Address, nameOf, readAddress } from './addresses.ts'

/** Which node of a Cluster has which key. */
interface ClusterMap {
  /** The node as far as known, without asking. */
  known(key: string): Address | undefined
  /** The node that has a key, asked now. Rejects if no node can be asked. */
  owner(key: string): Promise<Address>
  /** Every node that has slots, asked now. Also rejects if a slot has no node. */
  owners(): Promise<readonly Address[]>
  /** Takes an error reply of a node: `MOVED` is applied at once and triggers a refresh. */
  readonly noticed: (error: Error) => void
  /** Asks again soon in the background, and repeats while there is a follower and no node answers. */
  readonly refresh: () => void
  /** Reports all owners after each answer, and each failure. Returns a function that ends this. */
  follow(follower: ClusterFollower): () => void
}

interface ClusterFollower {
  readonly owners: (owners: readonly Address[]) => void
  readonly failed: (cause: unknown) => void
}

interface ClusterMapOptions {
  readonly hosts: readonly Address[]
  /** The reply of a node to `CLUSTER SLOTS`. */
  readonly slotsOf: (node: Address) => Promise<unknown>
}

const slots = 16_384
/** Nodes asked at once; the first answer counts. */
const mostAsked = 6
/** Milliseconds from an error to the refresh. */
const pause = 100

export function createClusterMap({ hosts, slotsOf }: ClusterMapOptions): ClusterMap {
  const ownerOf = Array.from<Address | undefined>({ length: slots })
  const nodes = new Map(hosts.map(host => [nameOf(host), host]))
  const followers = new Set<ClusterFollower>()
  let refreshing = false

  async function learn(): Promise<void> {
    const known = [...nodes.values()].sort(() => Math.random() - 0.5).slice(0, mostAsked)
    const answers = known.map(async node => readRanges(await slotsOf(node), node))
    const ranges = await Promise.any(answers).catch(({ errors: [first] }: AggregateError) => {
      throw first
    })
    ownerOf.fill(undefined)
    nodes.clear()
    for (const host of hosts) nodes.set(nameOf(host), host)
    for (const { first, last, owner, replicas } of ranges) {
      ownerOf.fill(owner, first, last + 1)
      for (const each of [owner, ...replicas]) nodes.set(nameOf(each), each)
    }
    for (const follower of followers) follower.owners(allOwners())
  }

  function allOwners(): readonly Address[] {
    return [...new Map(ownerOf.flatMap(each => (each ? [[nameOf(each), each] as const] : []))).values()]
  }

  function refresh(): void {
    if (refreshing) return
    refreshing = true
    setTimeout(() => {
      void learn()
        .catch((cause: unknown) => {
          for (const follower of followers) follower.failed(cause)
          return followers.size > 0
        })
        .then(again => {
          refreshing = false
          if (again === true) refresh()
        })
    }, pause).unref()
  }

  return {
    known: key => ownerOf[slotOf(key)],
    async owner(key) {
      await learn()
      const owner = ownerOf[slotOf(key)]
      if (owner === undefined) throw new Error('CLUSTERDOWN no node has that slot')
      return owner
    },
    async owners() {
      await learn()
      const without = ownerOf.filter(owner => owner === undefined).length
      if (without > 0) throw new Error(`CLUSTERDOWN no node has ${without} of the ${slots} slots`)
      return allOwners()
    },
    noticed({ message }) {
      const [, word, slot, to = ''] = /(MOVED|CLUSTERDOWN)(?: (\d+) (\S+))?/.exec(message) ?? []
      if (word === undefined) return
      const owner = readAddress(to)
      // A node that does not know another node's host leaves it out.
      if (slot !== undefined && owner.host !== '') ownerOf[Number(slot)] = owner
      refresh()
    },
    refresh,
    follow(follower) {
      followers.add(follower)
      refresh()
      return () => void followers.delete(follower)
    },
  }
}

interface Range {
  readonly first: number
  readonly last: number
  readonly owner: Address
  readonly replicas: readonly Address[]
}

/** Reads the reply to `CLUSTER SLOTS`: first and last slot, then the nodes, owner first. */
function readRanges(answer: unknown, from: Address): readonly Range[] {
  if (!Array.isArray(answer) || answer.length === 0) throw new Error('CLUSTERDOWN the node knows no slots')
  return answer.map(([first, last, owner, ...replicas]: readonly unknown[]) => ({
    first: Number(first),
    last: Number(last),
    owner: readNode(owner, from),
    replicas: replicas.map(each => readNode(each, from)),
  }))
}

/** A node that does not know its own host is at the address that was asked. */
function readNode(node: unknown, from: Address): Address {
  const [host, port] = Array.isArray(node) ? node : []
  return { host: typeof host === 'string' && host !== '' ? host : from.host, port: Number(port) }
}

/** The slot of a key: CRC16 of the part in its first braces, or of the whole key if there is none. */
export function slotOf(key: string): number {
  const tag = /^[^{]*\{([^}]+)\}/.exec(key)?.[1]
  let crc = 0
  for (const byte of Buffer.from(tag ?? key)) {
    crc ^= byte << 8
    for (let bit = 0; bit < 8; bit++) crc = (crc << 1) ^ (crc & 0x8000 ? 0x1021 : 0)
    crc &= 0xffff
  }
  return crc % slots
}

/** Kept connections to every server that has keys. */
export interface Shards {
  /** The connection for a key; `undefined` while there is none. */
  of(key: string): Redis | undefined
  close(): void
}

/** The connection to one server that has all keys. */
export function oneShard(redis: Redis): Shards {
  return {
    of: () => (redis.status === 'ready' ? redis : undefined),
    close: () => redis.disconnect(),
  }
}

interface ClusterShardsOptions {
  readonly map: ClusterMap
  readonly connect: (node: Address) => Redis
  readonly failed: (cause: unknown) => void
}

/** One connection to each node of a Cluster that has slots, opened and closed as slots move. */
export function clusterShards({ map, connect, failed }: ClusterShardsOptions): Shards {
  const kept = new Map<string, Redis>()

  function connectionTo(node: Address): Redis {
    const name = nameOf(node)
    const known = kept.get(name)
    if (known !== undefined) return known
    const redis = connect(node)
    redis.on('error', failed)
    redis.on('close', map.refresh) // another node may have taken its place
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
