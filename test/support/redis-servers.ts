import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import { Redis, type RedisOptions } from 'ioredis'
import type { Test } from 'tap'
import { temporaryDirectory } from './directory.ts'
import { freePort } from './ports.ts'
import { run, succeeded } from './run.ts'
import { until } from './until.ts'

/** One `redis-server` or Sentinel among several. */
export interface RedisNode {
  readonly port: number
  /** Killed at once. */
  kill(): Promise<void>
  /** Again, with what it has kept. */
  start(): Promise<void>
  /** Hung: takes connections and answers nothing. */
  pause(): void
  resume(): void
  /** Runs one command. */
  command(name: string, ...args: readonly string[]): Promise<unknown>
}

/** How clients get in: the same for all of them. */
export interface Doors {
  /** More settings of every server, as lines of its file. */
  readonly server?: readonly string[]
  readonly sentinel?: readonly string[]
  /** For the rig's own connections; they are to the address that is named. */
  readonly as?: RedisOptions
  /** The same for the Sentinels. */
  readonly asSentinel?: RedisOptions
  /** What `redis-cli` needs for the same. */
  readonly cli?: readonly string[]
  /** A server speaks TLS on its port, and nothing else. */
  readonly tls?: true
}

const path = `${process.env['PATH']}:/usr/sbin:/usr/bin`

async function startNode(
  t: Pick<Test, 'teardown'>,
  lines: (port: number, directory: string) => readonly string[],
  {
    as = {},
    program = 'redis-server',
    port = 0,
  }: { as?: RedisOptions; program?: string; port?: number } = {},
): Promise<RedisNode> {
  const directory = temporaryDirectory(t)
  const own = port || (await freePort())
  const file = join(directory, 'redis.conf')
  mkdirSync(directory, { recursive: true })
  writeFileSync(file, [`dir ${directory}`, 'bind 127.0.0.1', ...lines(own, directory), ''].join('\n'))
  let child: ChildProcess | undefined

  async function start(): Promise<void> {
    const started = spawn(program, [file], {
      env: { ...process.env, PATH: path },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    child = started
    let printed = ''
    started.stdout.setEncoding('utf8').on('data', (text: string) => (printed += text))
    await until(() => {
      if (started.exitCode !== null) throw new Error(`${program} did not start: ${printed}`)
      return /Ready to accept connections|Sentinel ID is/.test(printed)
    })
  }

  async function kill(): Promise<void> {
    if (child === undefined) return
    const exited = once(child, 'exit')
    child.kill('SIGKILL')
    child = undefined
    await exited
  }

  t.teardown(kill)
  await start()
  return {
    port: own,
    kill,
    start,
    pause: () => void child?.kill('SIGSTOP'),
    resume: () => void child?.kill('SIGCONT'),
    command: (name, ...args) => runCommand({ ...as, port: own }, name, args),
  }
}

async function runCommand(options: RedisOptions, name: string, args: readonly string[]): Promise<unknown> {
  const redis = new Redis({
    host: '127.0.0.1',
    ...options,
    lazyConnect: true,
    enableReadyCheck: false,
    retryStrategy: () => null,
    connectTimeout: 2000,
    commandTimeout: 5000,
  } as RedisOptions & { replyMapping?: 'legacy' })
  redis.on('error', () => {}) // whoever asks is told
  await redis.connect()
  return redis.call(name, ...args).finally(() => redis.disconnect())
}

/** A primary, its replicas, and three Sentinels that watch over them under the name `altgate`. */
export interface Watched {
  readonly servers: readonly [RedisNode, RedisNode, ...RedisNode[]]
  readonly sentinels: readonly RedisNode[]
  /** `host:port` of the Sentinels. */
  readonly hosts: readonly string[]
  /** The port of the primary as the Sentinels say. */
  readonly primary: () => Promise<number>
  /** Starts a failover and waits until all Sentinels name another primary, which answers as one. */
  readonly failover: (how: 'asked' | 'killed' | 'hung') => Promise<void>
}

export async function startWatched(t: Pick<Test, 'teardown'>, doors: Doors = {}): Promise<Watched> {
  const { server = [], sentinel = [], as = {}, asSentinel = {}, tls } = doors
  const portLines = (port: number) => (tls ? ['port 0', `tls-port ${port}`] : [`port ${port}`])
  const common = (port: number) => [...portLines(port), 'save ""', 'repl-diskless-sync-delay 0', ...server]
  const options = { as }
  const first = await startNode(t, common, options)
  const second = await startNode(t, port => [...common(port), `replicaof 127.0.0.1 ${first.port}`], options)
  const watching = (port: number) => [
    ...portLines(port),
    `sentinel monitor altgate 127.0.0.1 ${first.port} 2`,
    'sentinel down-after-milliseconds altgate 500',
    'sentinel failover-timeout altgate 3000',
    ...sentinel,
  ]
  const sentinels = await Promise.all(
    [1, 2, 3].map(() => startNode(t, watching, { as: asSentinel, program: 'redis-sentinel' })),
  )
  await until(async () => /state=online/.test(String(await first.command('info', 'replication'))))
  for (const each of sentinels)
    await until(async () => {
      const flat = (await each.command('sentinel', 'master', 'altgate')) as string[]
      const facts = Object.fromEntries(flat.flatMap((name, at) => (at % 2 ? [] : [[name, flat[at + 1]]])))
      return facts['num-other-sentinels'] === '2' && facts['num-slaves'] === '1'
    })

  const servers = [first, second] as const
  const named = async (each: RedisNode) => {
    const answer = (await each.command('sentinel', 'get-master-addr-by-name', 'altgate')) as string[]
    return Number(answer[1])
  }
  const primary = () => named(sentinels[0] as RedisNode)
  return {
    servers,
    sentinels,
    hosts: sentinels.map(({ port }) => `127.0.0.1:${port}`),
    primary,
    async failover(how) {
      const before = await primary()
      const old = servers.find(({ port }) => port === before)
      if (how === 'asked') await sentinels[0]?.command('sentinel', 'failover', 'altgate')
      if (how === 'killed') await old?.kill()
      if (how === 'hung') old?.pause()
      await until(async () => (await Promise.all(sentinels.map(named))).every(port => port !== before))
      const now = await primary()
      const next = servers.find(({ port }) => port === now)
      await until(async () => /role:master/.test(String(await next?.command('info', 'replication'))))
    },
  }
}

/** Three primaries with a replica each. */
export interface RedisCluster {
  readonly nodes: readonly RedisNode[]
  /** `host:port` of all of them. */
  readonly hosts: readonly string[]
  /** The node that has a key. */
  readonly owner: (key: string) => Promise<RedisNode>
  /** A replica of a node. */
  readonly replicaOf: (node: RedisNode) => Promise<RedisNode>
  /** A replica of the node that has a key takes its place: told to, or because it is killed or hangs. */
  readonly failover: (key: string, how: 'asked' | 'killed' | 'hung') => Promise<void>
  /** Moves the slot of a key to another node, with what is in it. */
  readonly move: (key: string) => Promise<void>
}

export async function startCluster(t: Pick<Test, 'teardown'>, doors: Doors = {}): Promise<RedisCluster> {
  const { server = [], as = {}, cli = [], tls } = doors
  const lines = (port: number) => [
    ...(tls ? ['port 0', `tls-port ${port}`, 'tls-cluster yes', 'tls-replication yes'] : [`port ${port}`]),
    'save ""',
    'cluster-enabled yes',
    'cluster-config-file nodes.conf',
    'cluster-node-timeout 1000',
    'repl-diskless-sync-delay 0',
    ...server,
  ]
  const nodes = await Promise.all(Array.from({ length: 6 }, () => startNode(t, lines, { as })))
  const hosts = nodes.map(({ port }) => `127.0.0.1:${port}`)
  const create = ['--cluster', 'create', ...hosts, '--cluster-replicas', '1', '--cluster-yes']
  succeeded('redis-cli', await run('redis-cli', [...cli, ...create]))
  const settled = () =>
    Promise.all(
      nodes.map(async node => {
        const [info, known] = await Promise.all([
          node.command('cluster', 'info'),
          node.command('cluster', 'nodes'),
        ])
        return /cluster_state:ok/.test(String(info)) && (String(known).match(/slave /g)?.length ?? 0) === 3
      }),
    )
  await until(async () => (await settled()).every(Boolean))
  await until(async () => {
    const links = await Promise.all(nodes.map(node => node.command('info', 'replication')))
    return links.every(text => !/role:slave/.test(String(text)) || /master_link_status:up/.test(String(text)))
  })

  async function slotsAt(node: RedisNode): Promise<readonly (readonly unknown[])[]> {
    return (await node.command('cluster', 'slots')) as (readonly unknown[])[]
  }

  const alive = new Set(nodes)
  async function ownerBy(node: RedisNode, key: string): Promise<number> {
    const slot = Number(await node.command('cluster', 'keyslot', key))
    const range = (await slotsAt(node)).find(([first, last]) => Number(first) <= slot && slot <= Number(last))
    return Number((range?.[2] as readonly unknown[] | undefined)?.[1])
  }

  const nodeAt = (port: number) => nodes.find(each => each.port === port) as RedisNode
  const any = () => [...alive][0] as RedisNode
  const owner = async (key: string) => nodeAt(await ownerBy(any(), key))
  const idOf = async (node: RedisNode) => String(await node.command('cluster', 'myid'))

  async function replicaOf(node: RedisNode): Promise<RedisNode> {
    const id = await idOf(node)
    const line = String(await any().command('cluster', 'nodes'))
      .split('\n')
      .find(each => each.includes(`slave ${id} `))
    return nodeAt(Number(/:(\d+)@/.exec(line ?? '')?.[1]))
  }

  return {
    nodes,
    hosts,
    owner,
    replicaOf,
    async failover(key, how) {
      const old = await owner(key)
      const next = await replicaOf(old)
      if (how === 'asked') await next.command('cluster', 'failover')
      else alive.delete(old)
      if (how === 'killed') await old.kill()
      if (how === 'hung') old.pause()
      await until(async () =>
        (await Promise.all([...alive].map(each => ownerBy(each, key)))).every(port => port === next.port),
      )
      await until(async () => {
        const states = await Promise.all([...alive].map(each => each.command('cluster', 'info')))
        return states.every(text => /cluster_state:ok/.test(String(text)))
      })
    },
    async move(key) {
      const from = await owner(key)
      const slots = await slotsAt(any())
      const ports = slots.map(([, , node]) => Number((node as readonly unknown[])[1]))
      const to = nodeAt(ports.find(port => port !== from.port) as number)
      const slot = String(await from.command('cluster', 'keyslot', key))
      const [fromId, toId] = [await idOf(from), await idOf(to)]
      await to.command('cluster', 'setslot', slot, 'importing', fromId)
      await from.command('cluster', 'setslot', slot, 'migrating', toId)
      for (;;) {
        const keys = (await from.command('cluster', 'getkeysinslot', slot, '100')) as string[]
        if (keys.length === 0) break
        await from.command('migrate', '127.0.0.1', String(to.port), '', '0', '5000', 'keys', ...keys)
      }
      for (const node of [to, from]) await node.command('cluster', 'setslot', slot, 'node', toId)
      await until(async () =>
        (await Promise.all([...alive].map(each => ownerBy(each, key)))).every(port => port === to.port),
      )
    },
  }
}

/** A name that leads to one server after the other, as managed services have. */
export interface MovingAddress {
  readonly port: number
  /** From now on new connections lead there; those that stand stay where they are. */
  lead(to: number): void
  close(): void
}

export async function startMovingAddress(t: Pick<Test, 'teardown'>, to: number): Promise<MovingAddress> {
  let target = to
  const sockets = new Set<Socket>()
  const server: Server = createServer(near => {
    const far = connect(target, '127.0.0.1')
    for (const socket of [near, far]) {
      sockets.add(socket)
      socket.on('error', () => {}).on('close', () => sockets.delete(socket))
    }
    near.pipe(far).pipe(near)
    near.on('close', () => far.destroy())
    far.on('close', () => near.destroy())
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const close = () => {
    for (const socket of sockets) socket.destroy()
    server.close()
  }
  t.teardown(close)
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('not listening')
  return { port: address.port, lead: next => (target = next), close }
}
