import { getCACertificates } from 'node:tls'
import { Agent, request } from 'undici'
import {
  type AccountName,
  type DirectoryId,
  guid,
  type Instant,
  microsoftAccountsTenant,
  readDirectoryId,
} from '../gateway/names.ts'
import type { Answer, Doubt } from './answer.ts'

/** The source that knows what accounts are connected to. */
export interface Source {
  /** Asks one question now. Never throws: `unknown` is an answer. */
  readonly ask: (name: AccountName) => Promise<Answer>
  close(): Promise<void>
}

export interface AzureDevOpsOptions {
  /** With `{account}` where the name of the account belongs. */
  readonly address: string
  /** Hosts whose authorities are trusted to name directories. */
  readonly authorities: readonly string[]
  /** For one question, connecting included. */
  readonly timeoutSeconds: number
  /** PEM certificates that are trusted besides the well-known ones. */
  readonly ca?: string
  readonly now: () => Instant
}

/** Concurrent questions; further ones wait. */
const connections = 16

/** Longest pause after one 429, in seconds, whatever `Retry-After` says. */
const longestPause = 300
/** Pause in seconds without a `Retry-After`. */
const usualPause = 30

/** Bodies are discarded. A larger one ends the connection instead. */
const mostDiscarded = 65_536

/**
 * Asks Azure DevOps anonymously: without password, token or cookie, and without following redirects. Pauses for as long
 * as Azure DevOps asks for.
 */
export function createAzureDevOps(options: AzureDevOpsOptions): Source {
  const { address, timeoutSeconds, now, ca } = options
  const authorities = new Set(options.authorities)
  const timeout = timeoutSeconds * 1000
  const trusted = ca === undefined ? {} : { ca: [...getCACertificates('default'), ca] }
  const agent = new Agent({
    connect: { timeout, rejectUnauthorized: true, ...trusted },
    connections,
    pipelining: 1,
    allowH2: false,
  })
  let closedUntil: Instant = 0

  async function send(method: 'HEAD' | 'GET', name: AccountName, signal: AbortSignal): Promise<Signals> {
    const { statusCode, headers, body } = await request(address.replaceAll('{account}', name), {
      method,
      signal,
      dispatcher: agent,
      headers: {
        accept: 'application/json',
        'user-agent': 'altgate',
        // As Microsoft's own programs do: without it the answer is a redirect to a sign-in page.
        'x-tfs-fedauthredirect': 'Suppress',
      },
    })
    await body.dump({ limit: mostDiscarded, signal })
    return { status: statusCode, headers }
  }

  async function signalsOf(name: AccountName): Promise<Signals> {
    const signal = AbortSignal.timeout(timeout)
    const signals = await send('HEAD', name, signal)
    return signals.status === 405 ? await send('GET', name, signal) : signals
  }

  return {
    async ask(name) {
      if (now() < closedUntil) return { found: 'unknown', because: 'throttled' }
      let signals: Signals
      try {
        signals = await signalsOf(name)
      } catch (error) {
        const late = error instanceof Error && /Timeout/.test(error.name)
        return { found: 'unknown', because: late ? 'timeout' : 'unreachable' }
      }
      if (signals.status === 429) closedUntil = now() + pauseOf(signals) * 1000
      return readSignals(signals, authorities)
    },
    async close() {
      await agent.destroy()
    },
  }
}

/** Seconds. A date instead of a number is ignored. */
function pauseOf({ headers }: Signals): number {
  const seconds = Number.parseInt(linesOf(headers, 'retry-after')[0] ?? '', 10)
  return Number.isNaN(seconds) ? usualPause : Math.min(Math.max(seconds, 1), longestPause)
}

/** The parts of the anonymous response that are evaluated. */
interface Signals {
  readonly status: number
  /** By name in lower case. Every line of a repeated header, because joining them loses information. */
  readonly headers: Headers
}

type Headers = Readonly<Record<string, string | readonly string[] | undefined>>

/** Tenant ids that stand for no directory. */
const zero = '00000000-0000-0000-0000-000000000000'
/** The tenant through which Microsoft's own programs sign in Microsoft accounts. */
const passThrough = 'f8cdef31-a31e-4b4a-93e4-5f571e91255a'

/**
 * Reads the signals more strictly than Git Credential Manager does: it can fall back to a general sign-in, but here a
 * wrong "moved" or "refused" makes clients erase stored passwords. Contradictory signals are `unknown`.
 * `authorities`: hosts whose authorities are trusted to name directories.
 */
export function readSignals({ status, headers }: Signals, authorities: ReadonlySet<string>): Answer {
  if (status === 429) return unknown('throttled')
  const bearers = bearerChallenges(linesOf(headers, 'www-authenticate'))
  const named = authoritiesIn(bearers, authorities)
  const tenants = tenantsIn(linesOf(headers, 'x-vss-resourcetenant'))
  if (status === 404) return absent(named, tenants)
  if (!carriesSignals(status)) return unknown('status')
  if (typeof named === 'string') return unknown(named)
  if (typeof tenants === 'string') return unknown(tenants)
  return named.directories.length > 0 ? byAuthority(named.directories, tenants) : byTenant(named, tenants)
}

/** Redirects to a sign-in and refusals carry the signals. Those of any other failure are not trusted. */
function carriesSignals(status: number): boolean {
  return (status >= 200 && status < 400) || status === 401 || status === 403
}

/** No account, unless the response names a directory: some hosts of Azure DevOps know only tenants, not accounts. */
function absent(named: Named | Doubt, tenants: readonly string[] | Doubt): Answer {
  const silent = typeof named !== 'string' && named.directories.length === 0
  const onlyZero = typeof tenants !== 'string' && tenants.every(tenant => tenant === zero)
  return silent && onlyZero ? { found: 'none' } : unknown('conflict')
}

function byAuthority(directories: readonly DirectoryId[], tenants: readonly string[]): Answer {
  const all = new Set<string>(directories)
  // `[A, 0]` beside the authority A is A; the zero id alone contradicts it.
  for (const tenant of realOf(tenants)) all.add(tenant)
  const [id] = directories
  if (id === undefined || all.size > 1) return unknown('conflict')
  return tenants.length > 0 && realOf(tenants).size === 0 ? unknown('conflict') : { found: 'directory', id }
}

function byTenant({ bare }: Named, tenants: readonly string[]): Answer {
  const [tenant, ...others] = realOf(tenants)
  if (others.length > 0) return unknown('conflict')
  if (tenant !== undefined && tenant !== microsoftAccountsTenant) {
    const id = tenant === passThrough ? undefined : readDirectoryId(tenant)
    return id === undefined ? unknown('no-directory') : { found: 'directory', id }
  }
  if (tenants.length === 0) return unknown(bare ? 'no-signal' : 'no-directory')
  return tenants.length === 1 && bare ? { found: 'msa' } : unknown('conflict')
}

function realOf(tenants: readonly string[]): ReadonlySet<string> {
  return new Set(tenants.filter(tenant => tenant !== zero))
}

interface Named {
  readonly directories: readonly DirectoryId[]
  /** No `Bearer` names an authority, not even a general one. */
  readonly bare: boolean
}

function authoritiesIn(
  bearers: readonly ReadonlyMap<string, string>[],
  authorities: ReadonlySet<string>,
): Named | Doubt {
  const addresses = bearers.flatMap(parameters => parameters.get('authorization_uri') ?? [])
  const directories: DirectoryId[] = []
  for (const address of addresses) {
    const url = URL.parse(address)
    if (url?.protocol !== 'https:' || !authorities.has(url.host)) return 'unreadable'
    const tenant = url.pathname.split('/')[1]?.toLowerCase() ?? ''
    // General authorities: they name no directory, and contradict only "Microsoft accounts".
    if (tenant === 'common' || tenant === 'organizations') continue
    const id = readDirectoryId(tenant)
    if (id === undefined || tenant === passThrough) return 'no-directory'
    directories.push(id)
  }
  return { directories, bare: addresses.length === 0 }
}

/** All values, on separate lines or on one line with commas. */
function tenantsIn(lines: readonly string[]): readonly string[] | Doubt {
  const tenants = lines.flatMap(line => line.split(',')).map(value => value.trim().toLowerCase())
  return tenants.every(tenant => guid.test(tenant)) ? tenants : 'unreadable'
}

/** All lines of a header; none if it is missing. */
function linesOf(headers: Headers, name: string): readonly string[] {
  const lines = headers[name] ?? []
  return typeof lines === 'string' ? [lines] : lines
}

function unknown(because: Doubt): Answer {
  return { found: 'unknown', because }
}

/** The parameters of every `Bearer` challenge in these `WWW-Authenticate` lines; none for a bare `Bearer`. */
function bearerChallenges(lines: readonly string[]): readonly ReadonlyMap<string, string>[] {
  return lines.flatMap(line => {
    const found: Map<string, string>[] = []
    let current: Map<string, string> | undefined
    for (const item of itemsOf(line)) {
      const parameter = parameterIn(item)
      if (parameter === undefined) {
        const [scheme = '', ...rest] = item.split(/\s+/)
        current = scheme.toLowerCase() === 'bearer' ? new Map() : undefined
        if (current !== undefined) found.push(current)
        const first = parameterIn(rest.join(' '))
        if (first !== undefined) current?.set(...first)
      } else current?.set(...parameter)
    }
    return found
  })
}

/** Splits at commas outside quotes: a line may contain several challenges, each with several parameters (RFC 9110, 11.6.1). */
function itemsOf(line: string): readonly string[] {
  const items = line.match(/(?:"(?:[^"\\]|\\.)*"|[^,"])+/g) ?? []
  return items.map(item => item.trim()).filter(item => item !== '')
}

/** `name=value`, quoted or, as Azure DevOps sends it, an unquoted address. */
function parameterIn(item: string): [name: string, value: string] | undefined {
  const [, name, quoted, plain] =
    /^([\w.!#$%&'*+^`|~-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^"\s]*))$/.exec(item) ?? []
  if (name === undefined) return undefined
  return [name.toLowerCase(), quoted?.replace(/\\(.)/g, '$1') ?? plain ?? '']
}
