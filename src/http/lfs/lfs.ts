import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Naming } from '../../gateway/account.ts'
import type { UpstreamFailed } from '../../gateway/decision.ts'
import type { Instant } from '../../gateway/names.ts'
import type { ExchangeEvents } from '../exchange.ts'
import type { Journey } from '../addresses.ts'
import { pathOf } from '../tool-path.ts'
import type { Passage } from '../upstream-headers.ts'
import { actionPlaces } from './action-places.ts'
import { BatchExchange } from './batch-exchange.ts'
import { inGatewayTerms, upstreamAuthorization } from './batch.ts'
import { createSealedAuthorization } from './sealed-authorization.ts'

export interface LfsOptions {
  /** 32 bytes, the same in every gateway with this store. */
  readonly key: Uint8Array
  /** Seconds for which what an upstream gives out counts if it does not say. */
  readonly actionSeconds: number
  readonly now?: () => Instant
}

/** What forwarding does for git-lfs. */
export interface Lfs {
  /** Whether a request asks an LFS server where objects are. */
  isBatch(request: IncomingMessage, target: string): boolean
  /** The way of such a request through the upstream. */
  exchange(
    response: ServerResponse,
    journey: Journey,
    events: ExchangeEvents,
    passage: Passage,
  ): BatchExchange
  /**
   * What the upstream is told of who this is: `identity`, or with the `Authorization` that the upstream itself gave out
   * for this action, in the place of another one.
   */
  identityFor(request: IncomingMessage, passage: Passage, identity: readonly string[]): readonly string[]
  /** The failure as it is: a token that has expired says nothing about the gateway's standing with the upstream. */
  failureFor(request: IncomingMessage, failure: UpstreamFailed): UpstreamFailed
}

/** `publicUrl`: how people reach the gateway, without a trailing slash. */
export function createLfs(
  { key, actionSeconds, now = Date.now }: LfsOptions,
  { publicUrl, naming }: { readonly publicUrl: string; readonly naming: Naming },
): Lfs {
  const sealed = createSealedAuthorization(key, now)

  return {
    isBatch({ method, headers }, target) {
      if (method !== 'POST') return false
      const path = pathOf(target)
      if (!/\/objects\/batch\/?$/i.test(path)) return false
      // Of a server that is not below `info/lfs`, which `lfs.url` can name, the types tell.
      return /\/info\/lfs\//i.test(path) || /\bvnd\.git-lfs\+json\b/.test(headers.accept ?? '')
    },

    exchange(response, journey, events, { allowed }) {
      const { address, destination } = journey
      const places = actionPlaces({ address, publicUrl, naming, destination })
      const seal = (authorization: string, path: string, until: Instant) =>
        sealed.seal(authorization, { allowed, path }, until)
      return new BatchExchange(response, journey, events, body =>
        inGatewayTerms(body, { places, seal, now: now(), actionSeconds }),
      )
    },

    identityFor({ headers }, { allowed, ask }, identity) {
      const value = headers[headerName]
      if (typeof value !== 'string') return identity
      // What does not open counts as not there: whatever the upstream says then makes git-lfs ask for new actions.
      const authorization = sealed.open(value, { allowed, path: pathOf(ask.target) })
      if (authorization === undefined) return identity
      return [...withoutHeader(identity, 'authorization'), 'Authorization', authorization.reveal()]
    },

    failureFor({ headers }, failure) {
      const hasToken = failure.because === 'unauthorized' && headers[headerName] !== undefined
      return hasToken ? { ...failure, because: 'own-token' } : failure
    },
  }
}

const headerName = upstreamAuthorization.toLowerCase()

/** A batch answer that is compressed could not be read. */
export function uncompressed(headers: readonly string[]): string[] {
  return [...withoutHeader(headers, 'accept-encoding'), 'Accept-Encoding', 'identity']
}

/** Of a list of names and values. */
function withoutHeader(list: readonly string[], name: string): readonly string[] {
  return list.filter((_, at) => list[at - (at % 2)]?.toLowerCase() !== name)
}
