import { randomBytes } from 'node:crypto'
import type { Test } from 'tap'
import { openGrants } from '../../src/delegation/index.ts'
import { foldUsername, type Owner, type Scope } from '../../src/gateway/names.ts'
import type { PasswordHash } from '../../src/gateway/ports.ts'
import type { Registry } from '../../src/gateway/registry.ts'
import { Secret } from '../../src/gateway/secret.ts'
import { openStore, type Store } from '../../src/store/store.ts'
import { client, directory, type RefreshProvider, refreshProvider } from '../delegation/refresh-provider.ts'
import { silently } from '../store/samples.ts'
import { aDesk, type Desk } from './desk.ts'

export const scope = directory as Scope

/** A desk where users of one directory have signed in at a real provider. */
export interface SignInDesk extends Desk {
  readonly provider: RefreshProvider
  readonly store: Store
  readonly registry: Registry
  /** A credential, and a sign-in of its owner. */
  signIn(user: string): Promise<void>
  /** Whether the sign-in of that user is active; `undefined`: there is none. */
  isActive(user: string): Promise<boolean | undefined>
}

interface DeskOptions {
  readonly revocation?: boolean
  /** The address of the store; an SQLite file if left out. */
  readonly url?: string
  readonly settings?: Readonly<Record<string, string>>
}

export async function aSignInDesk(t: Test, options: DeskOptions = {}): Promise<SignInDesk> {
  const provider = await refreshProvider(t, { revocation: options.revocation ?? true })
  const key = randomBytes(32).toString('base64')
  const its = { issuer: provider.issuer, clientId: client.id, clientSecret: client.secret }
  const desk = aDesk(t, {
    ...(options.url !== undefined && { ALTGATE__STORE__URL: options.url }),
    ALTGATE__SECRETS__SEALINGKEYS: JSON.stringify([{ id: 'k1', key }]),
    ALTGATE__SIGNIN__DIRECTORIES: JSON.stringify({ [directory]: its }),
    ...options.settings,
  })
  const store = await openStore({ url: new Secret(`${desk.env['ALTGATE__STORE__URL']}`) })
  t.teardown(() => store.close())
  await desk.must(['directory', 'add', directory, '--name', 'North'])
  const registry = store.registry(silently)
  const grants = openGrants({
    authorities: { directories: {} },
    sealingKeys: [{ id: 'k1', key: new Secret(key) }],
    grants: store.grants,
    registry,
  })
  return {
    ...desk,
    provider,
    store,
    registry,
    async signIn(user) {
      const owner = ownerOf(user)
      const username = foldUsername(`${user}@example.com`)
      await registry.setCredential('page:test', scope, { username, owner, hash: 'no hash' as PasswordHash })
      await grants.give('page:test', {
        scope,
        owner,
        issuer: provider.issuer,
        clientId: client.id,
        username: foldUsername(`${user}@contoso.com`),
        refreshToken: new Secret(await provider.signIn(owner)),
      })
    },
    async isActive(user) {
      const { grant } = await store.grants.of(scope, ownerOf(user))
      return grant && grant.ended === undefined
    },
  }
}

export function ownerOf(user: string): Owner {
  return `owner-of-${user}` as Owner
}
