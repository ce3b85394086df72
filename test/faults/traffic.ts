import { setTimeout as delay } from 'node:timers/promises'
import { Pool } from 'undici'
import { basicOf } from '../support/ask.ts'

/** One kind of caller, and what it may be told. */
export interface Callers {
  /** The path that they ask for. */
  readonly path: string
  /** User name and password of the caller's next request. */
  readonly next: (count: number) => readonly [username: string, password: string]
  /** Whether the password is right. */
  readonly right: boolean
}

/** What happened to the requests of one run. */
export interface Tally {
  requests: number
  /** 2xx for a right password. */
  allowed: number
  /** 2xx for a wrong password. */
  wronglyAllowed: number
  /** 401 for a right password: git would erase it. */
  wronglyRefused: number
  /** 503 or 429 for a right password: come again later. */
  later: number
  /** 502 and 504 for a right password: the upstream's fault. */
  upstream: number
  /** Anything else for a right password. */
  other: number
  /** The connection ended without an answer. */
  broken: number
  /** The longest that an answer took, in milliseconds. */
  slowest: number
  /** When, in milliseconds of `performance.now`, a right password was last not let in. */
  lastTrouble: number
  /** Sign-ins on the page, and how many of them did not get to the end. */
  signIns: number
  signInsFailed: number
  /** When the last of those began, and when the last one was done that went well. */
  lastFailedSignIn: number
  lastSignIn: number
}

export interface Traffic {
  readonly tally: Tally
  /** Resolves when so many requests have been answered since the start, or after so many seconds. */
  reach(requests: number, seconds: number): Promise<void>
  /** From now on each caller rests so many milliseconds between two requests. */
  rest(milliseconds: number): void
  /** Ends after the requests that are under way. */
  stop(): Promise<Tally>
}

/** Milliseconds after which a request counts as one that has no end. */
const patience = 60_000

export interface TrafficOptions {
  /** For each kind of caller. */
  readonly connections?: number
  /** Milliseconds for which each of them rests between two requests. */
  readonly restMs?: number | undefined
  /** People who sign in on the page beside them; each call is once, and tells whether it went well. */
  readonly signers?: readonly (() => Promise<boolean>)[]
}

/** Milliseconds between two sign-ins of a person: what is counted are the requests. */
const signInPause = 50

/** Asks over so many connections for each kind of caller, at all of the gateways in turn. */
export function startTraffic(
  urls: readonly string[],
  kinds: readonly Callers[],
  { connections = 8, restMs: firstRestMs = 0, signers = [] }: TrafficOptions = {},
): Traffic {
  let restMs = firstRestMs
  const pools = urls.map(
    url =>
      new Pool(url, {
        connections: connections * kinds.length,
        headersTimeout: patience,
        bodyTimeout: patience,
      }),
  )
  const tally: Tally = {
    requests: 0,
    allowed: 0,
    wronglyAllowed: 0,
    wronglyRefused: 0,
    later: 0,
    upstream: 0,
    other: 0,
    broken: 0,
    slowest: 0,
    lastTrouble: 0,
    signIns: 0,
    signInsFailed: 0,
    lastFailedSignIn: 0,
    lastSignIn: 0,
  }
  const waiting: { readonly requests: number; readonly resolve: () => void }[] = []
  let going = true

  async function call({ path, next, right }: Callers, count: number): Promise<void> {
    const [username, password] = next(count)
    const headers = { authorization: basicOf(username, password) }
    const began = performance.now()
    const status = await (pools[count % pools.length] as Pool)
      .request({ method: 'GET', path, headers })
      .then(async ({ statusCode, body }) => {
        await body.dump()
        return statusCode
      })
      .catch(() => 0)
    const now = performance.now()
    tally.requests++
    tally.slowest = Math.max(tally.slowest, now - began)
    judge(tally, status, right)
    if (right && (status < 200 || status > 299)) tally.lastTrouble = now
    for (const each of waiting) if (tally.requests >= each.requests) each.resolve()
  }

  async function signAllIn(signIn: () => Promise<boolean>): Promise<void> {
    while (going) {
      const began = performance.now()
      const went = await signIn()
      tally.signIns++
      if (went) tally.lastSignIn = performance.now()
      else {
        tally.signInsFailed++
        tally.lastFailedSignIn = began
      }
      await delay(signInPause)
    }
  }

  let counter = 0
  const loops = kinds.flatMap(kind =>
    Array.from({ length: connections }, async () => {
      while (going) {
        await call(kind, counter++)
        if (restMs > 0) await delay(restMs)
      }
    }),
  )
  const signingIn = signers.map(signAllIn)
  return {
    tally,
    async reach(requests, seconds) {
      const { promise, resolve } = Promise.withResolvers<void>()
      waiting.push({ requests, resolve })
      const timer = setTimeout(resolve, seconds * 1000)
      await promise
      clearTimeout(timer)
    },
    rest(milliseconds) {
      restMs = milliseconds
    },
    async stop() {
      going = false
      await Promise.all([...loops, ...signingIn])
      await Promise.all(pools.map(pool => pool.close()))
      return tally
    },
  }
}

/** Of a wrong password only one thing matters: that it is not let in. */
function judge(tally: Tally, status: number, right: boolean): void {
  const allowed = status >= 200 && status < 300
  if (status === 0) tally.broken++
  else if (!right) tally.wronglyAllowed += allowed ? 1 : 0
  else if (allowed) tally.allowed++
  else if (status === 401) tally.wronglyRefused++
  else if (status === 503 || status === 429) tally.later++
  else if (status === 502 || status === 504) tally.upstream++
  else tally.other++
}
