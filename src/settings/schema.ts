import { z } from 'zod'
import type { Secret } from '../gateway/secret.ts'
import { hashing, keeping, redis } from './keeping.ts'
import { notice, signIn, upstreamAuth } from './people.ts'
import { accounts, serving } from './serving.ts'
import { connections, forwarding, throttle } from './traffic.ts'

/** Every setting: the type, the manual and the JSON Schema are made from it. The manual keeps this order. */
export const schema = z
  .strictObject({
    listen: serving.listen,
    operations: serving.operations,
    forwardAuth: serving.forwardAuth,
    publicUrl: serving.publicUrl,
    workers: serving.workers,
    connections,
    accounts,
    store: keeping.store,
    redis,
    upstreamAuth: upstreamAuth.standard,
    upstreamAuthByAccount: upstreamAuth.byAccount,
    trustedProxies: serving.trustedProxies,
    plainHttp: serving.plainHttp,
    signIn,
    notice,
    hashing,
    verdicts: keeping.verdicts,
    throttle,
    upstream: forwarding.upstream,
    lfs: forwarding.lfs,
    refusedBodies: forwarding.refusedBodies,
    stop: forwarding.stop,
    log: keeping.log,
    audit: keeping.audit,
    demo: keeping.demo,
  })
  .refine(({ listen, operations }) => listen.port === 0 || listen.port !== operations.port, {
    path: ['operations', 'port'],
    error: 'must differ from listen.port: metrics would be public',
  })
  .refine(
    ({ listen, operations, forwardAuth }) =>
      forwardAuth === undefined || (forwardAuth.port !== listen.port && forwardAuth.port !== operations.port),
    { path: ['forwardAuth', 'port'], error: 'must differ from the ports of listen and operations' },
  )
  .refine(({ forwardAuth, trustedProxies }) => forwardAuth === undefined || trustedProxies.length > 0, {
    path: ['trustedProxies'],
    error: 'must name the proxies that may use forwardAuth: other senders are refused there',
  })

/** The settings in force: complete and checked, secrets as `Secret`. */
export type Settings = DeepReadonly<z.output<typeof schema>>

/** Read-only at every level. */
export type DeepReadonly<T> = T extends Secret
  ? T
  : T extends object
    ? { readonly [Key in keyof T]: DeepReadonly<T[Key]> }
    : T
