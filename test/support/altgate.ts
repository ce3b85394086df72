import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { Agent } from 'node:http'
import { join } from 'node:path'
import type { Test } from 'tap'
import { stringify } from 'yaml'
import { treeOf } from '../bench/process-tree.ts'
import { ask } from './ask.ts'
import { temporaryDirectory } from './directory.ts'
import type { Host } from './hosts.ts'
import { arrange, openOperator, type Arrangement } from './operator.ts'
import { freePort } from './ports.ts'
import { altgate, serve, type Input } from './program.ts'
import { succeeded, type Ran } from './run.ts'
import { until } from './until.ts'

/** The cheapest hashes that the settings allow, for tests that are not about them. */
export const cheapHashing = { lanes: 1, memoryKiB: 7168, passes: 5 } as const

export interface AltgateOptions {
  /** Groups of settings that take the place of the laboratory's own. */
  readonly settings?: Readonly<Record<string, unknown>>
  readonly env?: Readonly<Record<string, string>>
  /** A program that gives way to it, such as `prlimit`, and its words. */
  readonly within?: readonly string[]
  /** Where it runs, and its commands; this machine if left out. */
  readonly on?: Host
  /** A certificate and its key: the public port speaks https. */
  readonly tls?: { readonly certFile: string; readonly keyFile: string }
}

/** The real program, started as people start it, on ports and files of its own. */
export interface Altgate {
  readonly url: string
  readonly operationsUrl: string
  /** The public port. */
  readonly port: number
  /** Its folder: settings, store and log. */
  readonly directory: string
  /** Its settings file. */
  readonly config: string
  /** Of the primary process. */
  readonly pid: number
  /** Adds accounts and credentials without a command. */
  readonly arrange: (arrangement: Arrangement) => Promise<void>
  /** Runs a command on the same settings. */
  readonly cli: (args: readonly string[], options?: Input) => Promise<Ran>
  /** Like `cli`, but throws unless the command succeeds. */
  readonly must: (args: readonly string[], options?: Input) => Promise<string>
  readonly signal: (signal: NodeJS.Signals) => void
  /** The exit code of the primary process once it has ended, -1 if a signal ended it. */
  readonly exit: () => Promise<number>
  /** SIGTERM, and then `exit`. */
  readonly stop: () => Promise<number>
  /** What the operations port says at this path. */
  readonly tell: (path: '/live' | '/ready' | '/metrics' | '/status.json') => Promise<string>
  /** All it has printed and logged, of every process. */
  readonly logs: () => string
}

/** Writes the settings, starts `altgate serve`, and waits until it is ready. */
export async function startAltgate(
  t: Pick<Test, 'teardown'>,
  { settings = {}, env = {}, within = [], on, tls }: AltgateOptions = {},
): Promise<Altgate> {
  const directory = temporaryDirectory(t)
  const config = join(directory, 'altgate.yaml')
  const [port, operationsPort] = [await freePort(), await freePort()]
  const host = on?.address ?? '127.0.0.1'
  const url = `${tls ? 'https' : 'http'}://${host}:${port}`
  const operationsUrl = `http://${host}:${operationsPort}`
  const logFile = join(directory, 'altgate.log')
  const all = {
    listen: { host, port, ...(tls && { tls }) },
    operations: { host, port: operationsPort },
    publicUrl: url,
    workers: 1,
    store: { url: `sqlite:${join(directory, 'altgate.db')}` },
    hashing: { lanes: 1 },
    log: { file: logFile },
    stop: { drainSeconds: 0 },
    ...settings,
  }
  writeFileSync(config, stringify(all))
  const environment = { ...process.env, ...env }

  const cli: Altgate['cli'] = (args, input) =>
    altgate([...args, '--config', config], environment, input, on?.within)
  const served = serve(t, ['serve', '--config', config], environment, [...(on?.within ?? []), ...within])
  const logs = () => served.printed() + (existsSync(logFile) ? readFileSync(logFile, 'utf8') : '')
  let said = 'nothing yet'
  await until(async () => {
    if (served.ended()) throw new Error('altgate has ended')
    const { status, text } = await readiness(operationsUrl)
    said = text
    return status === 200
  }, 20).catch(cause => {
    throw new Error(`altgate did not start. /ready: ${said}\n${threadsUnder(served.pid)}\n${logs()}`, {
      cause,
    })
  })

  return {
    url,
    operationsUrl,
    port,
    directory,
    config,
    pid: served.pid,
    async arrange(arrangement) {
      const operator = await openOperator(config, environment)
      await arrange(operator, arrangement).finally(() => operator.close())
    },
    cli,
    must: async (args, input) => succeeded(`altgate ${args.join(' ')}`, await cli(args, input)),
    signal: served.signal,
    exit: served.exit,
    stop: served.stop,
    tell: async path => (await ask(operationsUrl + path, { agent: operations })).body,
    logs,
  }
}

/** What each thread of its processes does, or waits for in the kernel. */
function threadsUnder(pid: number): string {
  const columns = 'pid,tid,stat,wchan:24,time,comm,args'
  return spawnSync('ps', ['-L', '-o', columns, '-p', treeOf(pid).join()], { encoding: 'utf8' }).stdout
}

/** Milliseconds in which the operations port answers, whatever else the machine does. */
const patienceMs = 30_000

/** Its connections stay open. Not `fetch`: to load it, and for each request, it takes three times what this takes. */
const operations = new Agent({ keepAlive: true })

/** Status 0: nothing listens yet. Rejects if the port takes a request and does not answer it, which is never right. */
async function readiness(operationsUrl: string): Promise<{ readonly status: number; readonly text: string }> {
  const signal = AbortSignal.timeout(patienceMs)
  try {
    const { status, body } = await ask(`${operationsUrl}/ready`, { agent: operations, signal })
    return { status, text: body }
  } catch (error) {
    if (signal.aborted) throw error
    return { status: 0, text: String(error) }
  }
}
