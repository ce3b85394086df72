import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { stringify } from 'yaml'
import { temporaryDirectory } from './directory.ts'
import { freePort } from './ports.ts'
import { altgate, serve, type Input } from './program.ts'
import { succeeded, type Ran } from './run.ts'
import { until } from './until.ts'

export interface AltgateOptions {
  /** Groups of settings that take the place of the laboratory's own. */
  readonly settings?: Readonly<Record<string, unknown>>
  readonly env?: Readonly<Record<string, string>>
}

/** The real program, started as people start it, on ports and files of its own. */
export interface Altgate {
  readonly url: string
  readonly operationsUrl: string
  /** Its folder: settings, store and log. */
  readonly directory: string
  /** Runs a command on the same settings. */
  readonly cli: (args: readonly string[], options?: Input) => Promise<Ran>
  /** Like `cli`, but throws unless the command succeeds. */
  readonly must: (args: readonly string[], options?: Input) => Promise<string>
  /** SIGTERM; gives the exit code once it has ended. */
  readonly stop: () => Promise<number>
  /** All it has printed and logged, of every process. */
  readonly logs: () => string
}

/** Writes the settings, starts `altgate serve`, and waits until it is ready. */
export async function startAltgate(
  t: Test,
  { settings = {}, env = {} }: AltgateOptions = {},
): Promise<Altgate> {
  const directory = temporaryDirectory(t)
  const config = join(directory, 'altgate.yaml')
  const [port, operationsPort] = [await freePort(), await freePort()]
  const url = `http://127.0.0.1:${port}`
  const operationsUrl = `http://127.0.0.1:${operationsPort}`
  const logFile = join(directory, 'altgate.log')
  const all = {
    listen: { host: '127.0.0.1', port },
    operations: { host: '127.0.0.1', port: operationsPort },
    publicUrl: url,
    workers: 1,
    store: { url: `sqlite:${join(directory, 'altgate.db')}` },
    hashing: { lanes: 1 },
    log: { file: logFile },
    ...settings,
  }
  writeFileSync(config, stringify(all))
  const environment = { ...process.env, ...env }

  const cli: Altgate['cli'] = (args, input) => altgate([...args, '--config', config], environment, input)
  const served = serve(t, ['serve', '--config', config], environment)
  await until(() => {
    if (served.ended()) throw new Error(`altgate did not start:\n${served.printed()}`)
    return isReady(operationsUrl)
  })

  return {
    url,
    operationsUrl,
    directory,
    cli,
    must: async (args, input) => succeeded(`altgate ${args.join(' ')}`, await cli(args, input)),
    stop: served.stop,
    logs: () => served.printed() + (existsSync(logFile) ? readFileSync(logFile, 'utf8') : ''),
  }
}

async function isReady(operationsUrl: string): Promise<boolean> {
  try {
    const { status } = await fetch(`${operationsUrl}/ready`)
    return status === 200
  } catch {
    return false // not listening yet
  }
}
