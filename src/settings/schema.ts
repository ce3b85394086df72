import { z } from 'zod'
import type { Secret } from '../gateway/secret.ts'
import { admin } from './admin.ts'
import { hashing, keeping, redis } from './keeping.ts'
import { oauth } from './oauth.ts'
import { notice, passwords, signIn, upstreamAuth } from './people.ts'
import { page } from './page.ts'
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
    secrets: keeping.secrets,
    upstreamAuth: upstreamAuth.standard,
    upstreamAuthByAccount: upstreamAuth.byAccount,
    upstreamAuthByName: upstreamAuth.byName,
    trustedProxies: serving.trustedProxies,
    plainHttp: serving.plainHttp,
    signIn,
    page,
    passwords,
    oauth,
    admin,
    notice,
    hashing,
    verdicts: keeping.verdicts,
    refusals: keeping.refusals,
    toolUses: keeping.toolUses,
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
  .refine(settings => new Set(delegatedScopes(settings)).size <= 1, {
    path: ['upstreamAuthByAccount'],
    error: 'must have the same scope wherever the method is "delegated": a sign-in gives one token',
  })
  .refine(
    settings => {
      const { msa, directories, entra } = settings.signIn
      return (
        delegatedScopes(settings).length === 0 ||
        (msa ?? entra) !== undefined ||
        Object.keys(directories).length > 0
      )
    },
    {
      path: ['signIn'],
      error: 'must say where users sign in: "delegated" acts with what their sign-in gives',
    },
  )
  .refine(settings => delegatedScopes(settings).length === 0 || settings.secrets.sealingKeys.length > 0, {
    path: ['secrets', 'sealingKeys'],
    error: 'must have a key: "delegated" keeps what sign-ins give, sealed',
  })
  .refine(haveSignIn, {
    path: ['admin', 'people'],
    error: 'must be of directories that signIn has: there is no other way to sign in to the console',
  })
  .refine(({ signIn, secrets }) => !hasLiveness(signIn) || secrets.sealingKeys.length > 0, {
    path: ['secrets', 'sealingKeys'],
    error: 'must have a key: "liveness" keeps what sign-ins give, sealed',
  })

/** Where the people of the console sign in. */
function haveSignIn({
  admin: { people },
  signIn: { directories, entra },
}: {
  readonly admin: z.output<typeof admin>
  readonly signIn: z.output<typeof signIn>
}): boolean {
  return entra !== undefined || people.every(({ directory }) => Object.hasOwn(directories, directory))
}

function hasLiveness({ msa, directories, entra }: z.output<typeof signIn>): boolean {
  return [msa, entra, ...Object.values(directories)].some(each => each?.liveness !== undefined)
}

function delegatedScopes({
  upstreamAuth: standard,
  upstreamAuthByAccount: byAccount,
  upstreamAuthByName: byName,
}: Methods): readonly string[] {
  return [standard, ...Object.values(byAccount), ...Object.values(byName)].flatMap(each =>
    each.method === 'delegated' ? [each.scope] : [],
  )
}

interface Methods {
  readonly upstreamAuth: z.output<typeof upstreamAuth.standard>
  readonly upstreamAuthByAccount: z.output<typeof upstreamAuth.byAccount>
  readonly upstreamAuthByName: z.output<typeof upstreamAuth.byName>
}

/** The settings in force: complete and checked, secrets as `Secret`. */
export type Settings = DeepReadonly<z.output<typeof schema>>

/** Read-only at every level. */
export type DeepReadonly<T> = T extends Secret
  ? T
  : T extends object
    ? { readonly [Key in keyof T]: DeepReadonly<T[Key]> }
    : T
