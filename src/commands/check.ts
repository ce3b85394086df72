import { upstreamAuthOf } from '../administration/accounts.ts'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { getCACertificates } from 'node:tls'
import type { Command } from 'commander'
import { answerText } from '../accounts/answer.ts'
import { hostFlaw, isLoopback } from '../common/addresses.ts'
import { reasonOf } from '../common/failure.ts'
import type { AccountName } from '../gateway/names.ts'
import { Secret } from '../gateway/secret.ts'
import { connectionsWithin, limitNamed, openFilesLimit } from '../listening.ts'
import { exposedFiles, privateFiles } from '../settings/exposed.ts'
import { fingerprint, settingsFile } from '../settings/load.ts'
import type { Settings } from '../settings/schema.ts'
import { signInFindings } from './check-sign-in.ts'
import { type Finding, probe, timeoutMs, within } from './finding.ts'
import { examples } from './help.ts'
import { sayJson, sayLabelled } from './say.ts'
import type { Toolbox, Tools } from './tools.ts'

const about = `
Checks settings, store, Redis, directory source, each upstream, the identity
providers, the sealing keys, every port to listen on, and the files that the
settings name, one line each. Exit code 0 if all checks pass, else 1. Each part
has 3 seconds to answer. An upstream passes if it answers, whatever it says. An
identity provider is asked with the client secret, by a request for a token of
the gateway itself or with no valid token; its log may show that.`

/** `altgate check`. */
export function addCheckCommand(program: Command, toolbox: Toolbox): void {
  program
    .command('check')
    .description('check everything that the settings name')
    .option('--json', 'print a JSON array of objects: part, ok, sentence')
    .addHelpText('after', about)
    .addHelpText('after', examples('check', 'check --config config/production.yaml'))
    .action(async ({ json }: { readonly json?: true }) => {
      const settings = toolbox.settings()
      const found: Finding[] = []
      for await (const finding of findings(settings, toolbox.configFile)) {
        found.push(finding)
        if (!json) tell(finding)
      }
      if (json) sayJson(found)
      // A part that hangs would keep the process alive.
      process.exit(found.every(({ ok }) => ok) ? 0 : 1)
    })
}

function tell({ part, ok, sentence }: Finding): void {
  sayLabelled(`${ok ? 'ok    ' : 'FAILED'}  ${part.padEnd(10)}  `, sentence)
}

async function* findings(settings: Settings, configFile: string | undefined): AsyncGenerator<Finding> {
  const source = settingsFile({ file: configFile, env: process.env }) ?? 'defaults and the environment'
  yield { part: 'settings', ok: true, sentence: `${source}: ${fingerprint(settings)}` }
  const { openTools } = await import('../tools.ts')
  const opening = within(openTools(settings))
  yield await probe('store', async () => {
    await (await opening).store.ping()
    return 'answers'
  })
  const tools = await opening.catch(() => undefined)
  try {
    yield* toolFindings(settings, tools)
  } finally {
    // Not waited for: a part that hangs would not let go.
    void tools?.close().catch(() => {})
  }
  yield* listenFindings(settings)
}

/** What the settings name and the tools reach. */
async function* toolFindings(settings: Settings, tools: Tools | undefined): AsyncGenerator<Finding> {
  yield* hashingFindings(tools)
  yield await redisFinding(settings, tools)
  yield* accountFindings(settings, tools)
  if (tools !== undefined) yield* signInFindings(settings, tools)
  for (const { issuer, ask } of tools?.tokens ?? [])
    yield await probe('token', async () => {
      await ask().catch(error => {
        throw new Error(`${issuer}: ${reasonOf(error)}`, { cause: error })
      })
      return `${issuer} gives the gateway an access token for upstreams`
    })
}

/** Only if it fails: too little memory for the cost in the settings, for instance. */
async function* hashingFindings(tools: Tools | undefined): AsyncGenerator<Finding> {
  if (tools === undefined) return
  const finding = await probe('hashing', async () => String(await tools.hasher.hash(new Secret('check'))))
  if (!finding.ok) yield finding
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
  const flaws = new Set<string>()
  let known: AccountName | undefined
  yield await probe('accounts', async () => {
    const [accounts, directories] = await Promise.all([
      tools.registry.accounts(),
      tools.registry.directories(),
    ])
    for (const account of accounts) {
      const { origin } = new URL(account.upstream)
      origins.add(origin)
      const auth = upstreamAuthOf(account, settings)
      const flaw =
        auth === undefined
          ? `${account.name} names a method that the settings do not have, so its requests get 503: add upstreamAuthByName.${account.upstreamAuth}, or run altgate account set ${account.name} --upstream-auth default`
          : tokenFlaw(origin, auth)
      if (flaw !== undefined) flaws.add(flaw)
    }
    known = accounts[0]?.name
    return `${accounts.length} from ${sources[settings.accounts.source]}; directories: ${directories.length}`
  })
  const { source } = tools
  if (source !== undefined) yield await probe('source', () => trySource(source, known, settings))
  const { caFile } = settings.upstream
  for (const origin of origins) yield await probe('upstream', () => tryUpstream(origin, caFile))
  for (const sentence of flaws) yield { part: 'upstream', ok: false, sentence }
}

/** Why an upstream must not get access tokens: a reader of the connection could act as the user, at other upstreams as well. */
function tokenFlaw(origin: string, auth: Settings['upstreamAuth']): string | undefined {
  if (auth.method !== 'delegated') return undefined
  if (auth.hosts !== undefined) return hostFlaw(origin, auth.hosts)
  const { protocol, hostname } = new URL(origin)
  if (protocol === 'https:' || isLoopback(hostname)) return undefined
  return `${origin} gets access tokens of users over plain http: use https`
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
  const { operations, connections } = settings
  // A running gateway with these settings holds its ports, which is fine.
  const running = await isLive(operations)
  for (const [part, where] of portsOf(settings)) yield await probe(part, () => tryListen(where, running))
  yield limitsFinding(connections)
  yield filesFinding(settings)
  yield* givenFileFindings(settings)
}

/** Every port that a gateway with these settings opens. */
function portsOf({
  listen,
  operations,
  forwardAuth,
  demo,
}: Settings): readonly (readonly [string, Endpoint])[] {
  const host = '127.0.0.1'
  return [
    ['listen', listen],
    ['operations', operations],
    ...(forwardAuth === undefined ? [] : [['forward', forwardAuth] as const]),
    ...(demo === undefined || demo.upstreamUrl !== undefined
      ? []
      : [['demo', { host, port: demo.upstreamPort }] as const]),
    ...(demo?.identityPort === undefined ? [] : [['demo', { host, port: demo.identityPort }] as const]),
  ]
}

/** What `serve` would say of these files, and would not start for. */
async function* givenFileFindings(settings: Settings): AsyncGenerator<Finding> {
  const { fileComplaints, certificateIn } = await import('../settings/given-files.ts')
  const complaints = fileComplaints(settings)
  for (const { path, message } of complaints)
    yield { part: partOf(path), ok: false, sentence: `${path}: ${message}` }
  const { tls } = settings.listen
  if (tls === undefined || complaints.some(({ path }) => partOf(path) === 'tls')) return
  const read = certificateIn(tls.certFile)
  if ('flaw' in read) return // changed since
  const { validToDate, validTo } = read.certificate
  const ok = validToDate.getTime() > Date.now()
  const end = ok ? `valid until ${validTo}` : `but expired on ${validTo}: clients refuse it`
  yield { part: 'tls', ok, sentence: `${tls.certFile} matches ${tls.keyFile}, ${end}` }
}

function partOf(path: string): string {
  if (path.startsWith('listen.tls.')) return 'tls'
  return path.endsWith('.caFile') ? 'ca' : path.slice(0, path.indexOf('.'))
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
  const files = privateFiles(settings)
  const named = files.length === 0 ? 'are private' : `are private: ${files.join(', ')}`
  const dumps = (limitNamed('Max core file size') ?? 0) > 0
  const sentence = dumps
    ? `${named}; core dumps are enabled in this shell (disable them with ulimit -c 0)`
    : named
  return { part, ok: true, sentence }
}

interface Endpoint {
  readonly host: string
  readonly port: number
}

/** No other command needs it, and it takes long to load. */
function loadClient() {
  return import('undici')
}

/** Any answer passes: an upstream may well refuse a request without a credential. */
async function tryUpstream(origin: string, caFile: string | undefined): Promise<string> {
  const { Agent, request } = await loadClient()
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
  const { request } = await loadClient()
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

/** A wildcard address cannot be called; the loopback address can. */
function inUrl(host: string): string {
  if (host === '0.0.0.0' || host === '::') return 'localhost'
  return host.includes(':') ? `[${host}]` : host
}
