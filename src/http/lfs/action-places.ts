import type { Naming } from '../../gateway/account.ts'
import { pathOutside, type Destination } from '../upstream-target.ts'

/** An action's address that leads to the gateway. */
export interface ActionPlace {
  /** As the client reaches it. */
  readonly href: string
  /** Its path as the client will ask for it. */
  readonly path: string
  /** What a user name and a password in the address would be sent as. */
  readonly authorization: string | undefined
}

/** Where an address leads; `undefined` if that is not the gateway, or no address of http(s). */
export type ActionPlaces = (href: string) => ActionPlace | undefined

export interface ActionPlacesOptions {
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
export function actionPlaces(options: ActionPlacesOptions): ActionPlaces {
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
