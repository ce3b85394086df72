import { setTimeout as sleep } from 'node:timers/promises'
import type { Redis } from 'ioredis'
import { readGivenFile } from '../common/failure.ts'
import { Outage } from '../gateway/outage.ts'
import type { Secret } from '../gateway/secret.ts'
import { type Address, createSentinels, type Find, nameOf, readAddress, type Tls } from './addresses.ts'
import { clusterShards, createClusterMap, oneShard, type Shards } from './cluster.ts'
import { type Access, keepConnection, type Redirection, redisOutage, visitOnce } from './connections.ts'

/** Redis as one server, as a primary watched by Sentinels, or as a Cluster. Commands fail soon rather than wait. */
export interface RedisServer {
  /**
   * Persistent connections to the servers that have the keys. `patience`: milliseconds that a command may take; `failed`
   * is called each time a connection breaks or cannot be made.
   */
  keep(name: string, patience: number, failed: (cause: unknown) => void): Shards
  /** A persistent connection to the server that has `key` when it connects. */
  keepAt(key: string, name: string, patience: number): Redis
  /**
   * Runs a task on a new connection to the server that has `key`: for changes, which are rare and must not meet a
   * connection that died unnoticed. Throws `Outage`.
   */
  visit<T>(key: string, task: (redis: Redis) => Promise<T>): Promise<T>
  /**
   * The same for many things: each server gets those whose keys it has. While a Cluster moves keys, the task may run
   * more than once for a thing.
   */
  visitEach<T>(
    things: readonly T[],
    keyOf: (thing: T) => string,
    task: (redis: Redis, things: readonly T[]) => Promise<void>,
  ): Promise<void>
  /**
   * Attempts that have waited in vain for Redis. Their further questions do not wait, so that a hanging Redis delays a
   * request only once.
   */
  readonly timedOut: WeakSet<object>
  /** Resolves if every server that has keys answers. Throws `Outage`. */
  ping(): Promise<void>
  /** The same, with a sentence for operators about the servers. */
  survey(): Promise<string>
  /** An error of a connection as an outage that may be logged. */
  outage(cause: unknown): Outage
}

/** Exactly one of `url`, `sentinel` and `cluster`; the settings verify this. */
export interface RedisPlace {
  /** `redis://` or `rediss://`; it may hold a password. */
  readonly url?: Secret
  readonly sentinel?: Hosts & {
    readonly name: string
    readonly sentinelUser?: string
    readonly sentinelPassword?: Secret
  }
  readonly cluster?: Hosts
  /** Certificates that are trusted instead of the default ones. */
  readonly caFile?: string
  /** The name that certificates must have, instead of the host. */
  readonly serverName?: string
}

interface Hosts {
  /** `host:port` */
  readonly hosts: readonly string[]
  readonly tls: boolean
  readonly user?: string
  readonly password?: Secret
}

/** Milliseconds for each step of a visit. */
const visitPatience = 1000
/** Milliseconds that a Sentinel or a node may take to tell where keys are. */
const askPatience = 300
/** Milliseconds for which a command on a moving slot is retried, and between two attempts. */
const moving = { patience: 2000, pause: 100 }

const anyRedirection: readonly Redirection[] = ['READONLY', 'LOADING', 'MASTERDOWN', 'MOVED', 'CLUSTERDOWN']
/** Without `MOVED` and `CLUSTERDOWN`: a node that has lost one slot may have others. */
const nodeRedirections: readonly Redirection[] = ['READONLY', 'LOADING', 'MASTERDOWN']

export function redisAt(place: RedisPlace): RedisServer {
  const tls = tlsOf(place)
  if (place.cluster !== undefined) return redisCluster(place.cluster, tls)
  if (place.sentinel !== undefined) return redisBySentinel(place.sentinel, tls)
  if (place.url !== undefined) return redisAtUrl(place.url, tls)
  throw new Error('Redis has no address')
}

/** One address, behind which servers may replace one another. */
function redisAtUrl(url: Secret, tls: Tls | undefined): RedisServer {
  const { hostname: host, port } = new URL(url.reveal())
  const find = () => ({ host, port: Number(port || 6379) })
  return oneServer(
    { url, tls, primaryOnly: true },
    find,
    redis => redis,
    async () => 'answers',
  )
}

function redisBySentinel(sentinel: NonNullable<RedisPlace['sentinel']>, tls: Tls | undefined): RedisServer {
  const asking = {
    user: sentinel.sentinelUser,
    password: sentinel.sentinelPassword,
    tls,
    primaryOnly: false,
  }
  const patience = askPatience
  const sentinels = createSentinels({
    name: sentinel.name,
    hosts: sentinel.hosts.map(readAddress),
    ask: (host, task) => visitOnce({ access: asking, find: () => host, patience }, task),
    keep: host =>
      keepConnection({ access: asking, find: () => host, name: 'sentinel', patience, drops: anyRedirection }),
  })
  const kept = new Map<Redis, () => Address | undefined>()
  let stopWatching: (() => void) | undefined

  /** A former primary may go on for seconds before it learns of the failover, so its connections are dropped at once. */
  function watched(redis: Redis, last: () => Address | undefined): Redis {
    kept.set(redis, last)
    stopWatching ??= sentinels.watch(primary => {
      for (const [each, at] of kept) {
        const address = at()
        if (address !== undefined && nameOf(address) !== nameOf(primary)) each.disconnect(true)
      }
    })
    redis.once('end', () => {
      kept.delete(redis)
      if (kept.size > 0) return
      stopWatching?.()
      stopWatching = undefined
    })
    return redis
  }

  const { user, password } = sentinel
  return oneServer({ user, password, tls, primaryOnly: true }, sentinels.primary, watched, async () => {
    const { primary, votes } = await sentinels.count()
    return `answers: the primary is ${nameOf(primary)}, named by ${votes} of ${sentinel.hosts.length} Sentinels`
  })
}

/**
 * One server has all keys at any time. `watched` takes each persistent connection with its last address; `sentence`
 * describes the server that has answered.
 */
function oneServer(
  access: Access,
  find: Find,
  watched: (redis: Redis, last: () => Address | undefined) => Redis,
  sentence: () => Promise<string>,
): RedisServer {
  function keepAt(_: string, name: string, patience: number): Redis {
    let last: Address | undefined
    const findNow = async () => (last = await find())
    return watched(
      keepConnection({ access, find: findNow, name, patience, drops: anyRedirection }),
      () => last,
    )
  }

  function visit<T>(_: string, task: (redis: Redis) => Promise<T>): Promise<T> {
    return visitOnce({ access, find, patience: visitPatience }, task)
  }

  const ping = () => visit('', async redis => void (await redis.ping()))

  return {
    keep(name, patience, failed) {
      const redis = keepAt('', name, patience)
      redis.on('error', failed)
      return oneShard(redis)
    },
    keepAt,
    visit,
    visitEach: (things, _, task) => visit('', redis => task(redis, things)),
    timedOut: new WeakSet(),
    ping,
    async survey() {
      await ping()
      return await sentence().catch(fail)
    },
    outage: redisOutage,
  }
}

function redisCluster({ hosts, user, password }: Hosts, tls: Tls | undefined): RedisServer {
  const asking: Access = { user, password, tls, primaryOnly: false }
  const map = createClusterMap({
    hosts: hosts.map(readAddress),
    slotsOf: node =>
      visitOnce({ access: asking, find: () => node, patience: askPatience }, redis =>
        redis.call('CLUSTER', 'SLOTS'),
      ),
  })
  const access: Access = { ...asking, primaryOnly: true, noticed: map.noticed }

  function visitAt<T>(node: Address, task: (redis: Redis) => Promise<T>): Promise<T> {
    return visitOnce({ access, find: () => node, patience: visitPatience }, task)
  }

  async function pingAll(): Promise<readonly Address[]> {
    const nodes = await map.owners().catch(fail)
    const pings = nodes.map(node =>
      visitAt(node, redis => redis.ping()).catch(({ cause }: Outage) =>
        fail(new Error(`${nameOf(node)}: ${cause instanceof Error ? cause.message : ''}`)),
      ),
    )
    await Promise.all(pings)
    return nodes
  }

  return {
    keep: (name, patience, failed) =>
      clusterShards({
        map,
        failed,
        connect: node =>
          keepConnection({ access, find: () => node, name, patience, drops: nodeRedirections }),
      }),
    keepAt: (key, name, patience) =>
      keepConnection({ access, find: () => map.owner(key), name, patience, drops: anyRedirection }),
    async visit(key, task) {
      let named = await map.owner(key).catch(fail)
      // The named node may have lost the slot, or not know yet that it has it: only a command shows.
      const owner = await untilMoved(async () => {
        named = map.known(key) ?? named
        await visitAt(named, redis => redis.exists(key))
        return named
      })
      return await visitAt(owner, task)
    },
    async visitEach(things, keyOf, task) {
      await map.owners().catch(fail)
      await untilMoved(async () => {
        const byOwner = Map.groupBy(things, thing => map.known(keyOf(thing)))
        const visits = [...byOwner].map(async ([owner, each]) => {
          if (owner === undefined) return fail(new Error('CLUSTERDOWN a slot has no node'))
          await visitAt(owner, redis => task(redis, each))
        })
        await Promise.all(visits)
      })
    },
    timedOut: new WeakSet(),
    ping: async () => void (await pingAll()),
    async survey() {
      const nodes = await pingAll()
      return `answers: ${nodes.length} primaries of a Cluster, which have all slots`
    },
    outage: redisOutage,
  }
}

/** Retries what a Cluster refuses while a slot is moving between nodes. */
async function untilMoved<T>(attempt: () => Promise<T>): Promise<T> {
  const last = performance.now() + moving.patience
  for (;;) {
    try {
      return await attempt()
    } catch (error) {
      if (performance.now() > last || !isMoving(error)) throw error
      await sleep(moving.pause)
    }
  }
}

function isMoving(error: unknown): boolean {
  const { cause } = error instanceof Outage ? error : { cause: error }
  return cause instanceof Error && /^(?:MOVED|ASK|TRYAGAIN|CLUSTERDOWN)\b/.test(cause.message)
}

function fail(cause: unknown): never {
  throw redisOutage(cause)
}

function tlsOf({ url, sentinel, cluster, caFile, serverName }: RedisPlace): Tls | undefined {
  const isUsed = url?.reveal().startsWith('rediss:') ?? sentinel?.tls ?? cluster?.tls ?? false
  if (!isUsed) return undefined
  return {
    ...(caFile !== undefined && { ca: readGivenFile(caFile) }),
    ...(serverName !== undefined && { servername: serverName }),
  }
}
