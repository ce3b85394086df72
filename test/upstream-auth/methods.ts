import type { Test } from 'tap'
import type { Authorize } from '../../src/gateway/upstream-auth.ts'
import { createUpstreamAuth, type MethodOptions, type UpstreamAuth } from '../../src/upstream-auth/index.ts'
import { basic, runningServer, type RunningServer } from '../support/public-server.ts'
import { rawRequest } from '../support/raw-request.ts'
import { recordingUpstream, type Recorded } from '../support/recording-upstream.ts'

/** A public server that tells its recording upstream who it is by a method, and a clock for that. */
export interface Presenting {
  readonly server: RunningServer
  readonly auth: UpstreamAuth
  /** Milliseconds since 1970, as the method sees them; may be set. */
  readonly clock: { now: number }
  /** What the method warned of. */
  readonly warnings: string[]
  readonly upstream: { readonly url: string; readonly requests: readonly Recorded[] }
  /** What the upstream sees of a request with these header lines besides Anna's credential. */
  readonly seen: (lines?: readonly string[], path?: string, method?: string) => Promise<Recorded>
}

export const publicUrl = 'https://git.example.com'

/** Bytes that a store would hold. */
export const masterKey = Buffer.alloc(32, 7)

export async function presenting(
  t: Test,
  standard: MethodOptions,
  byAccount: Readonly<Record<string, MethodOptions>> = {},
  /** What stands before the upstream, if anything does: gets its address and gives its own. */
  front: (url: string) => Promise<string> = async url => url,
): Promise<Presenting> {
  const clock = { now: Date.now() }
  const warnings: string[] = []
  const auth = createUpstreamAuth(
    { standard, byAccount, byName: {} },
    { publicUrl, masterKey, now: () => clock.now, warn: sentence => void warnings.push(sentence) },
  )
  const authorize: Authorize = (request, goal) => auth.authorize(request, goal)
  const upstream = await recordingUpstream(t)
  const { publicKeys } = auth
  const server = await runningServer(t, { upstream: await front(upstream.url), authorize, publicKeys })
  return {
    server,
    auth,
    clock,
    warnings,
    upstream,
    async seen(lines = [], path = '/fabrikam/x', method = 'GET') {
      const before = upstream.requests.length
      const head = [
        `${method} ${path} HTTP/1.1`,
        'Host: git.example.com',
        `Authorization: ${basic()}`,
        ...lines,
      ]
      const answer = await rawRequest(server.port, `${head.join('\r\n')}\r\nConnection: close\r\n\r\n`)
      if (upstream.requests.length !== before + 1) throw new Error(`not forwarded:\n${answer}`)
      return upstream.last()
    },
  }
}
