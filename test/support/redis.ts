import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { Redis } from 'ioredis'
import type { Test } from 'tap'
import { Secret } from '../../src/gateway/secret.ts'
import { temporaryDirectory } from './directory.ts'
import type { Host } from './hosts.ts'
import { freePort } from './ports.ts'

/** A real Redis, all of its own, that can fail in all the ways in which a Redis fails. */
export interface TestRedis {
  readonly url: string
  readonly port: number
  /** Killed: what it knew is lost. */
  stop(): Promise<void>
  /** Again on the same port, empty. */
  start(): Promise<void>
  /** Hung: takes connections and answers nothing. */
  pause(): void
  resume(): void
  /** Runs one command, for looking and for breaking things. */
  command(name: string, ...args: readonly string[]): Promise<unknown>
  /** All keys with all they hold, as text. */
  dump(): Promise<string>
  /** From now on every command that anybody sends; `seen` gives them as text. */
  monitor(): Promise<{ seen(): string }>
}

/** Starts `redis-server` on a free port, without persistence. It ends with the test. `on`: where; this machine if left out. */
export async function startRedis(t: Pick<Test, 'teardown'>, on?: Host): Promise<TestRedis> {
  const host = on?.address ?? '127.0.0.1'
  const port = await freePort()
  const directory = temporaryDirectory(t)
  const clients: Redis[] = []
  let server: ChildProcess | undefined

  async function start(): Promise<void> {
    server = await launch(port, directory, on)
  }

  async function stop(): Promise<void> {
    if (server === undefined) return
    const exited = once(server, 'exit')
    server.kill('SIGKILL')
    server = undefined
    await exited
  }

  async function client(): Promise<Redis> {
    const redis = new Redis({ host, port, lazyConnect: true, retryStrategy: () => null })
    redis.on('error', () => {}) // whoever uses it is told
    clients.push(redis)
    await redis.connect()
    return redis
  }

  async function command(name: string, ...args: readonly string[]): Promise<unknown> {
    const redis = await client()
    return redis.call(name, ...args).finally(() => redis.disconnect())
  }

  t.teardown(async () => {
    for (const each of clients) each.disconnect()
    await stop()
  })
  await start()
  return {
    port,
    url: `redis://${host}:${port}`,
    start,
    stop,
    pause: () => void server?.kill('SIGSTOP'),
    resume: () => void server?.kill('SIGCONT'),
    command,
    dump: async () => dumpOf(await client()),
    async monitor() {
      let seen = ''
      const monitor = await (await client()).monitor()
      clients.push(monitor)
      monitor.on('monitor', (_, args: readonly string[]) => (seen += `${args.join(' ')}\n`))
      return { seen: () => seen }
    },
  }
}

/** The address as the program takes it. */
export function addressOf({ url }: TestRedis): { readonly url: Secret } {
  return { url: new Secret(url) }
}

async function launch(port: number, directory: string, on?: Host): Promise<ChildProcess> {
  const bind = on?.address ?? '127.0.0.1'
  const settings = { port, bind, 'protected-mode': 'no', dir: directory, save: '', appendonly: 'no' }
  const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)])
  // Debian keeps servers in /usr/sbin or /usr/bin; the PATH of a test need not have both.
  const env = { ...process.env, PATH: `${process.env['PATH']}:/usr/sbin:/usr/bin` }
  const [file = 'redis-server', ...words] = [...(on?.within ?? []), 'redis-server', ...args]
  const server = spawn(file, words, { env, stdio: ['ignore', 'pipe', 'inherit'] })
  server.stdout.setEncoding('utf8')
  return new Promise((resolve, reject) => {
    let printed = ''
    server.once('error', () => reject(new Error('redis-server is missing: install the package redis-server')))
    server.once('exit', () => reject(new Error(`redis-server did not start: ${printed}`)))
    server.stdout.on('data', (text: string) => {
      printed += text
      if (printed.includes('Ready to accept connections')) resolve(server)
    })
  })
}

async function dumpOf(redis: Redis): Promise<string> {
  const keys = await redis.keys('*')
  const contents = await Promise.all(keys.sort().map(async key => `${key} ${await contentOf(redis, key)}`))
  return contents.join('\n')
}

async function contentOf(redis: Redis, key: string): Promise<string> {
  const type = await redis.type(key)
  if (type === 'hash') return JSON.stringify(await redis.hgetall(key))
  if (type === 'zset') return JSON.stringify(await redis.zrange(key, '0', '-1', 'WITHSCORES'))
  if (type === 'string') return String(await redis.get(key))
  throw new Error(`nothing of ours is a ${type}: ${key}`)
}
