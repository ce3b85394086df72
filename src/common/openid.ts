import { LRUCache } from 'lru-cache'
import {
  allowInsecureRequests,
  clockTolerance,
  type Configuration,
  customFetch,
  type CustomFetch,
  discovery,
} from 'openid-client'
import { isLoopback } from './addresses.ts'
import { type Client, skewSeconds } from './authorities.ts'

// Loads the OpenID Connect client: import it only where a provider is asked.

interface DiscoveryOptions {
  /** Seconds that the provider may take for one answer. */
  readonly timeoutSeconds: number
  /** What the configuration does beside the usual. */
  readonly execute?: readonly ((configuration: Configuration) => void)[]
  readonly fetch?: CustomFetch
}

/** Reads a provider's metadata. Plain http only on this machine. Rejects with errors of the library. */
export function discover(
  issuer: string,
  { clientId, clientSecret }: Client,
  { timeoutSeconds: timeout, execute = [], fetch }: DiscoveryOptions,
): Promise<Configuration> {
  const url = new URL(issuer)
  const plain = url.protocol === 'http:' && isLoopback(url.hostname)
  const metadata = { client_secret: clientSecret.reveal(), [clockTolerance]: skewSeconds }
  return discovery(url, clientId, metadata, undefined, {
    timeout,
    execute: plain ? [...execute, allowInsecureRequests] : [...execute],
    ...(fetch && { [customFetch]: fetch }),
  })
}

/** Milliseconds for which a provider's metadata is cached; its keys are fetched again when an unknown one appears. */
const metadataLife = 60 * 60 * 1000

/** The same from a cache. Failures are not cached: the provider may recover within a second. */
export function createDiscovery(
  options: DiscoveryOptions,
): (issuer: string, client: Client) => Promise<Configuration> {
  const known = new LRUCache<string, Promise<Configuration>>({ max: 1000, ttl: metadataLife })
  return (issuer, client) => {
    const name = JSON.stringify([issuer, client.clientId])
    const found = known.get(name)
    if (found !== undefined) return found
    const asked = discover(issuer, client, options)
    known.set(name, asked)
    asked.catch(() => known.delete(name))
    return asked
  }
}
