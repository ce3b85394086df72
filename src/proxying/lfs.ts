import { createSecretKey } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Naming } from '../gateway/account.ts'
import type { Allow, UpstreamFailed } from '../gateway/decision.ts'
import type { Instant } from '../gateway/names.ts'
import { seal, unseal } from '../gateway/sealed.ts'
import { Secret } from '../gateway/secret.ts'
import { pathOf } from '../requests/tool.ts'
import { type Destination, type AddressMapping, pathOutside } from './addresses.ts'
import type { ExchangeEvents } from './exchange.ts'
import type { RequestContext } from './headers.ts'
import { BatchExchange, inGatewayTerms, upstreamAuthorization } from './lfs-batch.ts'

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
    mapping: AddressMapping,
    events: ExchangeEvents,
    context: RequestContext,
  ): BatchExchange
  /**
   * What the upstream is told of who this is: `identity`, or with the `Authorization` that the upstream itself gave out
   * for this action, in the place of another one.
   */
  identityFor(
    request: IncomingMessage,
    context: RequestContext,
    identity: readonly string[],
  ): readonly string[]
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

    exchange(response, mapping, events, { allowed }) {
      const { address, destination } = mapping
      const places = actionPlaces({ address, publicUrl, naming, destination })
      const seal = (authorization: string, path: string, until: Instant) =>
        sealed.seal(authorization, { allowed, path }, until)
      return new BatchExchange(response, mapping, events, body =>
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

/** An action's address that leads to the gateway. */
interface ActionPlace {
  /** As the client reaches it. */
  readonly href: string
  /** Its path as the client will ask for it. */
  readonly path: string
  /** What a user name and a password in the address would be sent as. */
  readonly authorization: string | undefined
}

/** Where an address leads; `undefined` if that is not the gateway, or no address of http(s). */
export type ActionPlaces = (href: string) => ActionPlace | undefined

interface ActionPlacesOptions {
  /** Scheme and host as the client sees them. */
  readonly address: string
  /** How people reach the gateway. */
  readonly publicUrl: string
  readonly naming: Naming
  readonly destination: Destination
}

/**
 * Which addresses lie at the gateway: those of its own, as the client wrote it and as the settings say, and those of
 * the account at its upstream, which become the client's own because it may not reach the upstream at all.
 */
function actionPlaces(options: ActionPlacesOptions): ActionPlaces {
  const { publicUrl, naming, destination } = options
  const here = hostAt(options.address) ?? hostAt(publicUrl)
  const address = hostAt(options.address) ? options.address : publicUrl
  const all = [here, hostAt(publicUrl)].filter(each => each !== undefined)
  const inner = hostAt(destination.origin)

  /** Each scheme has its own port: an upstream behind a proxy that does TLS often says http. */
  const isSame = (there: HostAt, one: HostAt) =>
    there.name === one.name && (there.origin === one.origin || (there.port === '' && one.port === ''))

  const isOtherAccounts = (there: HostAt) =>
    naming.by === 'host' &&
    there.name.endsWith(naming.suffix) &&
    there.port === here?.port &&
    there.scheme === here.scheme

  return href => {
    const [, scheme = '', userinfo, host = '', tail = ''] = addressParts.exec(href) ?? []
    const there = hostAt(`${scheme}://${host}`)
    if (there === undefined) return undefined
    const authorization = userinfo === undefined ? undefined : basicOf(userinfo)
    const place = (base: string, rest: string) => ({
      href: base + rest,
      path: /^[^?#]*/.exec(rest)?.[0] || '/',
      authorization,
    })
    const one = all.find(each => isSame(there, each))
    const isPlain = there.scheme === 'http' && one?.scheme === 'https'
    if (one !== undefined) return place(isPlain ? `https://${there.name}` : `${scheme}://${host}`, tail)
    if (isOtherAccounts(there)) return place(`${scheme}://${host}`, tail)
    if (inner?.origin !== there.origin) return undefined
    const outside = pathOutside(tail.startsWith('/') ? tail : `/${tail}`, destination)
    return outside === undefined ? undefined : place(address, outside)
  }
}

/** Scheme, user and password, host and port, and the rest. Anything that two parsers could read in two ways is left out. */
const addressParts = /^(https?):\/\/(?:([^/?#@\\\s]*)@)?([^/?#@\\\s]+)((?:[/?#][^\\]*)?)$/i

interface HostAt {
  readonly scheme: string
  /** Without the full stop that a name may end with. */
  readonly name: string
  /** Empty for the scheme's own. */
  readonly port: string
  /** All three. */
  readonly origin: string
}

function hostAt(address: string): HostAt | undefined {
  if (!URL.canParse(address)) return undefined
  const { protocol, hostname, port } = new URL(address)
  const [scheme, name] = [protocol.slice(0, -1), hostname.replace(/\.$/, '')]
  return { scheme, name, port, origin: `${scheme}://${name}:${port}` }
}

/** As git-lfs sends what stands before the `@`; without a password nothing. */
function basicOf(userinfo: string): string | undefined {
  const colon = userinfo.indexOf(':')
  if (colon === -1) return undefined
  try {
    const user = decodeURIComponent(userinfo.slice(0, colon))
    const password = decodeURIComponent(userinfo.slice(colon + 1))
    return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
  } catch {
    return undefined
  }
}

/** Who may use what an upstream gave out, and where. */
interface Bound {
  readonly allowed: Pick<Allow, 'account' | 'scope' | 'subject'>
  /** The path of the action as clients know it; a query does not matter. */
  readonly path: string
}

/** An `Authorization` that an upstream gave out, in a form that tells a client nothing and fits nowhere else. */
interface SealedAuthorization {
  seal(authorization: string, bound: Bound, until: Instant): string
  /** `undefined` if it was not sealed with this key, is bound to something else, has expired or was changed. */
  open(sealed: string, bound: Bound): Secret | undefined
}

/**
 * `<seconds since 1970> <iv, sealed text, tag>` with a full stop between them. `key`: 32 bytes that every process of
 * every gateway with this store has, and that seal nothing else.
 */
function createSealedAuthorization(key: Uint8Array, now: () => Instant): SealedAuthorization {
  const secret = createSecretKey(key)

  return {
    seal(authorization, bound, until) {
      const end = String(Math.floor(until / 1000))
      return `${end}.${seal(secret, authorization, boundTo(bound, end))}`
    },
    open(sealed, bound) {
      const [end = '', text = ''] = sealed.split('.')
      if (!(Number(end) * 1000 > now())) return undefined
      const opened = unseal(secret, text, boundTo(bound, end))
      // As a Go client would write it: UTF-8, each byte as one character to Node.
      return opened && new Secret(opened.toString('latin1'))
    },
  }
}

/** Each field in quotation marks of its own: no two lists are one text. */
function boundTo({ allowed: { account, scope, subject }, path }: Bound, end: string): string {
  return JSON.stringify(['lfs action 1', account.name, scope, subject, spelled(path), end])
}

/** One spelling for a path: clients write an address anew before they ask for it. */
function spelled(path: string): string {
  return path.split('/').map(respelled).join('/')
}

function respelled(segment: string): string {
  try {
    return encodeURIComponent(decodeURIComponent(segment))
  } catch {
    return segment
  }
}
