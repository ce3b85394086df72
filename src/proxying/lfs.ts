import { createSecretKey } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { derive, firstOf, type Keys } from '../gateway/key-ring.ts'
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
  readonly key: Keys
  /** Seconds for which a token of an upstream is valid if the upstream does not say. */
  readonly actionSeconds: number
  readonly now?: () => Instant
}

/** The part of forwarding that is specific to git-lfs. */
export interface Lfs {
  /** Whether this is a batch request, which asks an LFS server where objects are. */
  isBatch(request: IncomingMessage, target: string): boolean
  /** Handles the answer to a batch request, which was sent with the identity headers `told`. */
  exchange(
    response: ServerResponse,
    mapping: AddressMapping,
    events: ExchangeEvents,
    request: { readonly context: RequestContext; readonly told: readonly string[] },
  ): BatchExchange
  /**
   * The identity headers for the upstream: `identity`, with its `Authorization` replaced by the one that the upstream
   * issued for this action, if there is one.
   */
  identityFor(
    request: IncomingMessage,
    context: RequestContext,
    identity: readonly string[],
  ): readonly string[]
  /** The failure to report: a rejected token of the upstream is not a rejection of the gateway. */
  failureFor(request: IncomingMessage, failure: UpstreamFailed): UpstreamFailed
}

/** `publicUrl`: the public URL of the gateway, without a trailing slash. */
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
      // `lfs.url` can name a server that is not below `info/lfs`; such requests are found by their media type.
      return /\/info\/lfs\//i.test(path) || /\bvnd\.git-lfs\+json\b/.test(headers.accept ?? '')
    },

    exchange(response, mapping, events, { context: { allowed }, told }) {
      const { address, destination } = mapping
      const places = actionPlaces({ address, publicUrl, naming, destination })
      const seal = (authorization: string, path: string, until: Instant) =>
        sealed.seal(authorization, { allowed, path }, until)
      const isOurs = holdsCredential(told, response.req.headers.authorization)
      return new BatchExchange(response, mapping, events, body =>
        inGatewayTerms(body, { places, seal, isOurs, now: now(), actionSeconds }),
      )
    },

    identityFor({ headers }, { allowed, ask }, identity) {
      const value = headers[headerName]
      if (typeof value !== 'string') return identity
      // An invalid value counts as absent: the upstream's refusal then makes git-lfs ask for new actions.
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

/** Finds the credential among identity headers in other values, unless the client has sent it itself (`pass-through`). */
function holdsCredential(
  told: readonly string[],
  fromClient: string | undefined,
): (value: string) => boolean {
  const authorization = told.find((_, at) => at % 2 === 1 && told[at - 1]?.toLowerCase() === 'authorization')
  const credential = authorization?.replace(/^\S+\s+/, '') ?? ''
  if (credential === '' || authorization === fromClient) return () => false
  return value => value.includes(credential)
}

const headerName = upstreamAuthorization.toLowerCase()

/** Asks for an uncompressed answer, because a compressed one could not be rewritten. */
export function uncompressed(headers: readonly string[]): string[] {
  return [...withoutHeader(headers, 'accept-encoding'), 'Accept-Encoding', 'identity']
}

/** Removes a header from a list of names and values. */
function withoutHeader(list: readonly string[], name: string): readonly string[] {
  return list.filter((_, at) => list[at - (at % 2)]?.toLowerCase() !== name)
}

/** An action's address that leads to the gateway. */
interface ActionPlace {
  /** The address by which the client reaches it. */
  readonly href: string
  /** Its path as the client will request it. */
  readonly path: string
  /** The `Authorization` that a user name and password in the address stand for. */
  readonly authorization: string | undefined
}

/** Where an address leads; `undefined` if not to the gateway, or if it is not an http(s) URL. */
export type ActionPlaces = (href: string) => ActionPlace | undefined

interface ActionPlacesOptions {
  /** Scheme and host as the client sees them. */
  readonly address: string
  /** The public URL of the gateway. */
  readonly publicUrl: string
  readonly naming: Naming
  readonly destination: Destination
}

/**
 * Finds addresses that lead to the gateway: its own, as the client sent it and as in the settings, and those of the
 * account at its upstream, which are translated because the client may be unable to reach the upstream.
 */
function actionPlaces(options: ActionPlacesOptions): ActionPlaces {
  const { publicUrl, naming, destination } = options
  const here = hostAt(options.address) ?? hostAt(publicUrl)
  const address = hostAt(options.address) ? options.address : publicUrl
  const all = [here, hostAt(publicUrl)].filter(each => each !== undefined)
  const inner = hostAt(destination.origin)

  /** Default ports match across schemes: an upstream behind a TLS proxy often writes http. */
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

/** Scheme, user and password, host and port, and the rest. Does not match what two parsers could read in two ways. */
const addressParts = /^(https?):\/\/(?:([^/?#@\\\s]*)@)?([^/?#@\\\s]+)((?:[/?#][^\\]*)?)$/i

interface HostAt {
  readonly scheme: string
  /** Without the dot at the end of an absolute name. */
  readonly name: string
  /** Empty for the default port of the scheme. */
  readonly port: string
  /** Scheme, name and port. */
  readonly origin: string
}

function hostAt(address: string): HostAt | undefined {
  if (!URL.canParse(address)) return undefined
  const { protocol, hostname, port } = new URL(address)
  const [scheme, name] = [protocol.slice(0, -1), hostname.replace(/\.$/, '')]
  return { scheme, name, port, origin: `${scheme}://${name}:${port}` }
}

/** Basic credentials as git-lfs makes them from the user info; `undefined` without a password. */
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

/** The user and the path that a token of an upstream is valid for. */
interface Binding {
  readonly allowed: Pick<Allow, 'account' | 'scope' | 'subject'>
  /** The path of the action as clients know it, without a query. */
  readonly path: string
}

/** Seals an `Authorization` of an upstream, so that a client can neither read it nor use it elsewhere. */
interface SealedAuthorization {
  seal(authorization: string, binding: Binding, until: Instant): string
  /** `undefined` if it was not sealed with this key, is bound to something else, has expired or was changed. */
  open(sealed: string, binding: Binding): Secret | undefined
}

/**
 * `<seconds since 1970>.<iv, ciphertext, tag>`. `keys`: 32 bytes each that all processes of all gateways with this store share,
 * and that seal nothing else.
 */
function createSealedAuthorization(keys: Keys, now: () => Instant): SealedAuthorization {
  const secrets = derive(keys, ({ bytes }) => createSecretKey(bytes))

  return {
    seal(authorization, binding, until) {
      const end = String(Math.floor(until / 1000))
      return `${end}.${seal(secrets.current(), authorization, boundTo(binding, end))}`
    },
    open(sealed, binding) {
      const [end = '', text = ''] = sealed.split('.')
      if (!(Number(end) * 1000 > now())) return undefined
      const bound = boundTo(binding, end)
      const opened = firstOf(secrets.all(), secret => unseal(secret, text, bound))
      // As a Go client would write it: UTF-8, each byte as one character for Node.
      return opened && new Secret(opened.toString('latin1'))
    },
  }
}

/** Fields are quoted, so that two different lists never have the same text. */
function boundTo({ allowed: { account, scope, subject }, path }: Binding, end: string): string {
  return JSON.stringify(['lfs action 1', account.name, scope, subject, normalized(path), end])
}

/** One spelling for a path, because clients normalize URLs before they request them. */
function normalized(path: string): string {
  return path.split('/').map(normalizedSegment).join('/')
}

function normalizedSegment(segment: string): string {
  try {
    return encodeURIComponent(decodeURIComponent(segment))
  } catch {
    return segment
  }
}
