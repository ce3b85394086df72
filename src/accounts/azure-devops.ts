import { getCACertificates } from 'node:tls'
import { Agent, request } from 'undici'
import type { AccountName, Instant } from '../gateway/names.ts'
import type { Answer } from './answer.ts'
import { linesOf, readSignals, type Signals } from './signals.ts'

/** Whoever can say what an account is connected to. */
export interface Source {
  /** One question, asked now. Never throws: not to know is an answer. */
  readonly ask: (name: AccountName) => Promise<Answer>
  close(): Promise<void>
}

export interface AzureDevOpsOptions {
  /** With `{account}` where the name of the account belongs. */
  readonly address: string
  /** Hosts that are believed to name directories. */
  readonly authorities: readonly string[]
  /** For one question, connecting included. */
  readonly timeoutSeconds: number
  /** PEM certificates that are trusted besides the well-known ones. */
  readonly ca?: string
  readonly now: () => Instant
}

/** Questions under way at the same time; the others wait. */
const connections = 16

/** Longest that one "too often" keeps us away, in seconds, whatever it asks for. */
const longestPause = 300
/** Seconds, if it does not say how long. */
const usualPause = 30

/** A body that nobody reads: beyond so many bytes the connection is dropped instead. */
const mostDiscarded = 65_536

/**
 * Asks Azure DevOps as nobody: no password, token or cookie ever goes there with this question, and no redirect is
 * followed. It stays away for as long as Azure DevOps asks it to.
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
        // Microsoft's own programs send it: without it the answer is a redirect to a page for people.
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

/** Seconds. A date instead of a number counts as none. */
function pauseOf({ headers }: Signals): number {
  const seconds = Number.parseInt(linesOf(headers, 'retry-after')[0] ?? '', 10)
  return Number.isNaN(seconds) ? usualPause : Math.min(Math.max(seconds, 1), longestPause)
}
