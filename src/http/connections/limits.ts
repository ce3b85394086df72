/** How many connections there may be, and how long they may stand still. */
export interface ConnectionLimits {
  /** From one address, or one network of IPv6. */
  readonly perAddress: number
  /** From all addresses together. */
  readonly total: number
  /** How long a body, or the reading of an answer, may make no progress. */
  readonly progressSeconds: number
  /** How long the head of a request may take, and the handshake of TLS. */
  readonly headSeconds: number
  /** How long a connection may be idle. */
  readonly idleSeconds: number
}

export interface ConnectionOptions {
  readonly limits: ConnectionLimits
  /** Whose connections are counted together. */
  readonly networkOf: (address: string) => string
  /** Proxies: their connections are many people's, so they count in all, but not by address. */
  readonly isProxy: (address: string) => boolean
  readonly observer: ConnectionObserver
}

/** Why the gateway closed a connection: it gave way to a new one, it was one too many, or it stood still. */
export type Closed = 'gave-way' | 'too-many' | 'too-many-from-address' | 'late-body' | 'late-reader'

/** Must not throw. */
export interface ConnectionObserver {
  closed(why: Closed, network: string): void
}

/** For a server that is alone in its process and not on a port that others reach. */
export const unbounded: ConnectionOptions = {
  limits: { perAddress: Infinity, total: Infinity, progressSeconds: 60, headSeconds: 60, idleSeconds: 72 },
  networkOf: address => address,
  isProxy: () => false,
  observer: { closed() {} },
}
