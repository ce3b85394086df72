/** Changes, to every gateway process. */
export const newsChannel = 'altgate:news'

/** Who has heard which announcement, to those who announce. */
export const acksChannel = 'altgate:acks'

/** Where a gateway process pings itself. */
export function pingChannel(gateway: string): string {
  return `altgate:ping:${gateway}`
}

/** Sorted set of gateway processes; score: when the lease that each may hold has run out, in Redis's milliseconds. */
export const gatewaysKey = 'altgate:gateways'

/** The last announcement, for gateways that were not listening: its change may not be committed yet. */
export const announcedKey = 'altgate:announced'

/** Milliseconds for which a gateway believes its memory after a sign of life of the feed. */
export const defaultLeaseMs = 1000
