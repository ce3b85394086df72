import { z } from 'zod'
import { autoOr, whole } from './kinds.ts'

/** How many connections callers may have, and how long these may stand still. */
export const connections = z
  .strictObject({
    total: autoOr(1_000_000)
      .default('auto')
      .describe(
        'Connections to one worker process. `auto` is what its limit of open files leaves when 128 are kept for the store, Redis and itself, and each caller has one to an upstream as well; 10000 at most. `altgate check` says how many. When all are taken, those that are idle give way to new ones, first the oldest of whoever has most; then those whose request has shown no right password and waits for its client.',
      ),
    perAddress: autoOr(1_000_000)
      .default('auto')
      .describe(
        'Connections to one worker process from one address, or one IPv6 network (`throttle.ipv6PrefixBits`). `auto` is a quarter of `total`. Proxies in `trustedProxies` are not counted by address.',
      ),
    headSeconds: whole(1, 600)
      .default(60)
      .describe('How long the head of a request may take, and the handshake of TLS.'),
    progressSeconds: whole(1, 86_400)
      .default(60)
      .describe(
        'How long a body that is awaited, or a client that has an answer to read, may make no progress at all. A slow one goes on as long as it likes; a form of the page has to arrive within this time.',
      ),
    idleSeconds: whole(1, 3600)
      .default(72)
      .describe('How long a connection may wait for its next request. Longer than proxies keep theirs.'),
  })
  .prefault({})
  .describe('The connections of callers, on the public port and the forward-auth port together.')
