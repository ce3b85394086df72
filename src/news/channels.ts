import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'

/** Changes, to every gateway process. */
export const newsChannel = 'altgate:news'

/** Who has heard which announcement, to those who announce. */
export const acksChannel = 'altgate:acks'

/** What a gateway process is called in Redis: on which host it is, and which one of them. */
export function newGatewayName(): string {
  return `${hostname().replaceAll(/[^\w.-]/g, '-')}/${randomUUID()}`
}

export function hostOf(gateway: string): string {
  return gateway.split('/', 1)[0] ?? ''
}

/** Where a gateway process pings itself. */
export function pingChannel(gateway: string): string {
  return `altgate:ping:${gateway}`
}

/*
 * The keys of the news are on one node of a Cluster, by what stands between the braces, and whoever tells or listens is
 * connected to that node: a message that goes from node to node can be lost without a trace.
 */

/** Sorted set of gateway processes; score: when the lease that each may hold has run out, in Redis's milliseconds. */
export const gatewaysKey = 'altgate:gateways:{news}'

/** The last announcement, for gateways that were not listening: its change may not be committed yet. */
export const announcedKey = 'altgate:announced:{news}'

/** Which server was the primary when news were last sent, and since when in its milliseconds: `<run id> <since>`. */
export const primaryKey = 'altgate:primary:{news}'

/** Milliseconds for which a gateway believes its memory after a sign of life of the feed. */
export const defaultLeaseMs = 1000
