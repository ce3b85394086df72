import { readFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { createSecureContext, getCACertificates } from 'node:tls'
import type { Command } from 'commander'
import { Agent, request } from 'undici'
import { answerText } from '../accounts/answer.ts'
import { isLoopback } from '../common/addresses.ts'
import { reasonOf } from '../common/failure.ts'
import type { AccountName } from '../gateway/names.ts'
import { connectionsWithin, limitNamed, openFilesLimit } from '../listening.ts'
import { exposedFiles } from '../settings/exposed.ts'
import { settingsFile } from '../settings/load.ts'
import type { Settings } from '../settings/schema.ts'
import { examples } from './help.ts'
import { say } from './say.ts'
import type { Toolbox, Tools } from './tools.ts'

const about = `
Checks settings, store, Redis, directory source, each upstream and the addresses
to listen on, one line each. Exit code 0 if all checks pass, else 1. Each part
has 3 seconds to answer. An upstream passes if it answers, whatever it says.`

/** `altgate check`. */
export function addCheckCommand(program: Command, toolbox: Toolbox): void {
  program
    .command('check')
    .description('check everything that the settings name')
    .addHelpText('after', about)
    .addHelpText('after', examples('check', 'check --config config/production.yaml'))
    .action(async () => {
      const settings = toolbox.settings()
      const file = settingsFile({ file: toolbox.configFile, env: process.env })
      let passed = tell({ part: 'settings', ok: true, sentence: file ?? 'defaults and the environment' })
      for await (const finding of findings(settings)) passed = tell(finding) && passed
      // A part that hangs would keep the process alive.
      process.exit(passed ? 0 : 1)
    })
}

function tell({ part, ok, sentence }: Finding): boolean {
  say(`${ok ? 'ok    ' : 'FAILED'}  ${part.padEnd(10)}  ${sentence}`)
  return ok
}

async function* findings(settings: Settings): AsyncGenerator<Finding> {
  const { openTools } = await import('../tools.ts')
  const opening = within(openTools(settings))
  yield await probe('store', async () => {
    await (await opening).store.ping()
    return 'answers'
  })
  const tools = await opening.catch(() => undefined)
  yield await redisFinding(settings, tools)
  yield* accountFindings(settings, tools)
  yield* listenFindings(settings)
}

async function redisFinding({ redis }: Settings, tools: Tools | undefined): Promise<Finding> {
  const part = 'redis'
  if (redis === undefined) return { part, ok: true, sentence: 'not configured: single machine' }
  if (tools?.redis === undefined) return { part, ok: false, sentence: 'not checked: it needs the store' }
  const client = tools.redis
  return probe(part, () => client.survey())
}

async function* accountFindings(settings: Settings, tools: Tools | undefined): AsyncGenerator<Finding> {
  if (tools === undefined)
    return yield { part: 'accounts', ok: false, sentence: 'not checked: they need the store' }
  const origins = new Set<string>()
  const exposed = new Set<string>()
  let known: AccountName | undefined
  yield await probe('accounts', async () => {
    const [accounts, directories] = await Promise.all([
      tools.registry.accounts(),
      tools.registry.directories(),
    ])
    for (const { name, upstream } of accounts) {
      const { origin } = new URL(upstream)
      origins.add(origin)
      if (exposesTokens(origin, settings.upstreamAuthByAccount[name] ?? settings.upstreamAuth))
        exposed.add(origin)
    }
    known = accounts[0]?.name
    return `${accounts.length} from ${sources[settings.accounts.source]}; directories: ${directories.length}`
  })
  const { source } = tools
  if (source !== undefined) yield await probe('source', () => trySource(source, known, settings))
  const { caFile } = settings.upstream
  for (const origin of origins) yield await probe('upstream', () => tryUpstream(origin, caFile))
  for (const origin of exposed) {
    const sentence = `${origin} gets access tokens of users over plain http: use https`
    yield { part: 'upstream', ok: false, sentence }
  }
}

/** A reader of the connection could act as the user, at other upstreams as well. */
function exposesTokens(origin: string, { method }: Settings['upstreamAuth']): boolean {
  const { protocol, hostname } = new URL(origin)
  return method === 'delegated' && protocol === 'http:' && !isLoopback(hostname)
}

const sources: Readonly<Record<Settings['accounts']['source'], string>> = {
  store: 'the store',
  'azure-devops': 'Azure DevOps and the store',
}

/** Asks about a known account; without one, any answer passes. */
async function trySource(
  { ask }: NonNullable<Tools['source']>,
  known: AccountName | undefined,
  { accounts: { azureDevOps } }: Settings,
): Promise<string> {
  const { origin } = new URL(azureDevOps.address.replaceAll('{account}', 'account'))
  if (known === undefined) return await tryUpstream(origin, azureDevOps.caFile)
  const answer = await ask(known)
  if (answer.found === 'unknown') throw new Error(`${origin}: ${answerText(answer)}`)
  return `${origin} says of ${known}: ${answerText(answer)}`
}

async function* listenFindings(settings: Settings): AsyncGenerator<Finding> {
  const { listen, operations, connections } = settings
  // A running gateway with these settings holds both ports, which is fine.
  const running = await isLive(operations)
  yield await probe('listen', () => tryListen(listen, running))
  yield await probe('operations', () => tryListen(operations, running))
  yield limitsFinding(connections)
  yield filesFinding(settings)
  const { tls } = listen
  if (tls !== undefined) yield await probe('tls', () => tryTls(tls))
}

/** Checks the limit of this shell; a service has one of its own. */
function limitsFinding(asked: Settings['connections']): Finding {
  const files = openFilesLimit()
  const { total, perAddress } = connectionsWithin(files, asked)
  const part = 'limits'
  const sentence = `${files} open files: each worker takes ${total} connections, ${perAddress} from one address`
  return {
    part,
    ok: total < files,
    sentence: total < files ? sentence : `${sentence}; the limit is too low for that`,
  }
}

/** Core dumps contain passwords, and files that others can read may contain secrets. */
function filesFinding(settings: Settings): Finding {
  const part = 'files'
  const exposed = exposedFiles(settings)
  if (exposed.length > 0) {
    const ok = !exposed.some(({ holdsSecrets }) => holdsSecrets)
    return {
      part,
      ok,
      sentence: `every user of this machine can read ${exposed.map(({ file }) => file).join(', ')}`,
    }
  }
  const dumps = (limitNamed('Max core file size') ?? 0) > 0
  const sentence = dumps
    ? 'are private; core dumps are enabled in this shell (disable them with ulimit -c 0)'
    : 'are private'
  return { part, ok: true, sentence }
}

/** The result for one part. */
interface Finding {
  readonly part: string
  readonly ok: boolean
  readonly sentence: string
}

interface Endpoint {
  readonly host: string
  readonly port: number
}

/** How long a part may take to answer, in milliseconds. */
const timeoutMs = 3000

/** Extra milliseconds for a part with a limit of its own, which can say where the silence was. */
const graceMs = 1000

/** Checks a part; `work` returns the sentence if the check passes. Never throws and never hangs. */
async function probe(part: string, work: () => Promise<string>): Promise<Finding> {
  try {
    return { part, ok: true, sentence: await within(work()) }
  } catch (error) {
    return { part, ok: false, sentence: reasonOf(error) }
  }
}

/** The same promise, or a rejection when the time is up. */
async function within<T>(work: Promise<T>): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>()
  const silent = () => reject(new Error(`no answer within ${timeoutMs / 1000} seconds`))
  const timer = setTimeout(silent, timeoutMs + graceMs)
  try {
    return await Promise.race([work, promise])
  } finally {
    clearTimeout(timer)
  }
}

/** Any answer passes: an upstream may well refuse a request without a credential. */
async function tryUpstream(origin: string, caFile: string | undefined): Promise<string> {
  // As in the gateway: certificates are verified against `caFile` and the well-known authorities.
  const ca = caFile === undefined ? undefined : [...getCACertificates(), await readFile(caFile, 'utf8')]
  const agent = new Agent({ allowH2: false, connect: { timeout: timeoutMs, ...(ca && { ca }) } })
  try {
    const { statusCode } = await request(origin, {
      method: 'HEAD',
      dispatcher: agent,
      signal: AbortSignal.timeout(timeoutMs),
    })
    return `${origin} answers with ${statusCode}`
  } catch (error) {
    throw new Error(`${origin}: ${reasonOf(error)}`, { cause: error })
  } finally {
    await agent.destroy()
  }
}

/** Whether a gateway answers on the operations port. */
async function isLive({ host, port }: Endpoint): Promise<boolean> {
  if (port === 0) return false
  try {
    const { statusCode, body } = await request(`http://${inUrl(host)}:${port}/live`, {
      signal: AbortSignal.timeout(timeoutMs),
    })
    await body.dump()
    return statusCode === 200
  } catch {
    return false // nothing listens there, or another program does
  }
}

/** Listens for a moment to see whether it works. */
async function tryListen({ host, port }: Endpoint, running: boolean): Promise<string> {
  const server = createServer()
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  server.once('error', reject).listen({ host, port }, resolve)
  try {
    await promise
    return `${host}:${port} is free`
  } catch (error) {
    const taken = error instanceof Error && 'code' in error && error.code === 'EADDRINUSE'
    if (taken && running) return `${host}:${port} is in use by a running gateway`
    throw new Error(`${host}:${port}: ${reasonOf(error)}`, { cause: error })
  } finally {
    server.close()
  }
}

/** Reads certificate and key, and checks that they match. */
async function tryTls(files: { readonly certFile: string; readonly keyFile: string }): Promise<string> {
  const [cert, key] = await Promise.all([readFile(files.certFile), readFile(files.keyFile)])
  createSecureContext({ cert, key })
  return `${files.certFile} matches its key`
}

/** A wildcard address cannot be called; the loopback address can. */
function inUrl(host: string): string {
  if (host === '0.0.0.0' || host === '::') return 'localhost'
  return host.includes(':') ? `[${host}]` : host
}
