import { z } from 'zod'
import type { Secret } from '../gateway/secret.ts'
import { forwarding } from './forwarding.ts'
import { hashing } from './hashing.ts'
import { keeping } from './keeping.ts'
import { accounts, serving } from './serving.ts'
import { notice, signIn } from './sign-in.ts'

/** Every setting: the type, the manual and the JSON Schema are made from it. The manual keeps this order. */
export const schema = z
  .strictObject({
    listen: serving.listen,
    operations: serving.operations,
    publicUrl: serving.publicUrl,
    workers: serving.workers,
    accounts,
    store: keeping.store,
    redis: keeping.redis,
    upstreamAuth: forwarding.upstreamAuth,
    trustedProxies: serving.trustedProxies,
    plainHttp: serving.plainHttp,
    signIn,
    notice,
    hashing,
    verdicts: keeping.verdicts,
    upstream: forwarding.upstream,
    stop: forwarding.stop,
    log: keeping.log,
    audit: keeping.audit,
    demo: keeping.demo,
  })
  .refine(({ listen, operations }) => listen.port === 0 || listen.port !== operations.port, {
    path: ['operations', 'port'],
    error: 'must differ from listen.port: metrics would be public',
  })

/** The settings in force: complete and checked, secrets as `Secret`. */
export type Settings = DeepReadonly<z.output<typeof schema>>

type DeepReadonly<T> = T extends Secret
  ? T
  : T extends object
    ? { readonly [Key in keyof T]: DeepReadonly<T[Key]> }
    : T
