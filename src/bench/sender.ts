import { randomBytes } from 'node:crypto'
import { type Dispatcher, Pool } from 'undici'
import { unreachable } from '../gateway/decision.ts'
import { isMark, type Outcome, outcomeOf } from './ledger.ts'
import type { Caller, Plan } from './load.ts'
import type { Send } from './runner.ts'

/** What a target answered. */
export interface Answer {
  readonly status: number
  readonly outcome: Outcome
}

/** What a probe without credentials found: whether the target is an Altgate gateway, and its status. */
export type Probed =
  | { readonly altgate: boolean; readonly status: number }
  /** Why there was no answer: a code of Node or OpenSSL. */
  | { readonly code: string }

/** The connections to a target. */
export interface Sender {
  readonly send: Send<Answer>
  probe(): Promise<Probed>
  close(): Promise<void>
}

export function createSender({ target, load }: Pick<Plan, 'target' | 'load'>): Sender {
  const { origin, pathname } = new URL(target.url)
  const timeout = load.timeoutSeconds * 1000
  const pool = new Pool(origin, {
    connections: load.requestsInFlight,
    pipelining: 1,
    allowH2: false, // like most connections of git; streams of one connection would delay each other
    connect: { timeout },
    headersTimeout: 0, // the runner keeps the time, from the moment a request was due
    bodyTimeout: 0,
  })
  const base = pathname.replace(/\/$/, '')
  const pathOf = (path: string) => {
    const { pathname, search } = new URL(`${origin}${base}/${path}`)
    return pathname + search
  }
  const paths = new Map<Caller, string>()

  function request(caller: Caller): Dispatcher.DispatchOptions {
    const path = paths.get(caller) ?? pathOf(caller.path)
    paths.set(caller, path)
    const authorization = authorizationOf(caller)
    const lane = target.loadTestSecret?.reveal()
    const headers = {
      ...userAgent,
      ...(authorization !== undefined && { authorization }),
      ...(lane !== undefined && { 'x-altgate-load-test': lane }),
    }
    return { origin, method: 'GET', path, headers }
  }

  return {
    send({ caller }, answered) {
      const receiver = receive(answered)
      pool.dispatch(request(caller), receiver.handler)
      return receiver.cut
    },
    async probe() {
      try {
        const signal = AbortSignal.timeout(timeout)
        const asked = { method: 'GET', path: pathOf(''), headers: userAgent, signal } as const
        const { statusCode, headers, body } = await pool.request(asked)
        body.on('error', () => {}).destroy() // an unknown server may send without end
        return { altgate: isMark(markOf(headers)), status: statusCode }
      } catch (error) {
        return { code: codeOf(error) }
      }
    },
    close: () => pool.destroy(),
  }
}

const userAgent = { 'user-agent': 'altgate-bench' }

/** Follows one answer to its end. */
function receive(answered: (answer: Answer | undefined) => void): {
  readonly handler: Dispatcher.DispatchHandler
  readonly cut: () => void
} {
  let answer: Answer | undefined
  let controller: Dispatcher.DispatchController | undefined
  let isCut = false
  return {
    handler: {
      onRequestStart(its) {
        controller = its
        if (isCut) its.abort(givenUp)
      },
      onResponseStart(_, status, headers) {
        answer = { status, outcome: outcomeOf(status, markOf(headers)) }
      },
      onResponseData() {},
      onResponseEnd: () => answered(answer),
      onResponseError: () => answered(undefined),
    },
    cut() {
      isCut = true
      controller?.abort(givenUp)
    },
  }
}

const givenUp = new Error('given up')

function markOf(headers: Readonly<Record<string, string | string[] | undefined>>): string | undefined {
  const mark = headers['x-altgate-outcome']
  return Array.isArray(mark) ? mark.join(', ') : mark
}

function codeOf(error: unknown): string {
  if (error instanceof Error && error.name === 'TimeoutError') return 'timeout'
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown'
}

/**
 * The Authorization header of a caller's next request; `undefined`: none. Each guess is new: a gateway that remembers wrong
 * passwords would answer a repeated one without a hash.
 */
function authorizationOf(caller: Caller): string | undefined {
  switch (caller.kind) {
    case 'good':
      return basic(caller.user, caller.password.reveal())
    case 'wrong':
      return basic(caller.user, guess())
    case 'unknown':
      return basic(`unknown-${guess()}@load-test.invalid`, guess()) // RFC 2606: that address cannot exist
    case 'anonymous':
      return undefined
    default:
      return unreachable(caller)
  }
}

function basic(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
}

function guess(): string {
  return randomBytes(12).toString('hex')
}
