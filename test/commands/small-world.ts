import type { Test } from 'tap'
import {
  foldUsername,
  msaScope,
  type AccountName,
  type DirectoryId,
  type Owner,
  type Scope,
} from '../../src/gateway/names.ts'
import type { PasswordHash } from '../../src/gateway/ports.ts'
import { Secret } from '../../src/gateway/secret.ts'
import { openStore } from '../../src/store/store.ts'
import { aDesk, fabrikamId, type Desk } from './desk.ts'

const there = fabrikamId as Scope

/** Anna, Boris and Carla have used the account, Dora never has, and Emil is switched off. */
export async function aSmallWorld(t: Test): Promise<Desk> {
  const desk = aDesk(t, { ALTGATE__PUBLICURL: 'https://git.example.com' })
  const store = await openStore({ url: new Secret(`${desk.env['ALTGATE__STORE__URL']}`) })
  const registry = store.registry(async () => {})
  const name = 'fabrikam' as AccountName
  await registry.addAccount('cli:root', { name, upstream: 'https://tfs.example' })
  await registry.addDirectory('cli:root', { id: fabrikamId as DirectoryId, name: 'Fabrikam' })
  const set = async (scope: Scope, name: string, owner?: string) => {
    const credential = { username: foldUsername(name), hash: '$argon2id$none' as PasswordHash }
    await registry.setCredential('cli:root', scope, {
      ...credential,
      ...(owner && { owner: owner as Owner }),
    })
  }
  await set(msaScope, 'anna@example.com', 'anna-msa')
  await set(there, 'anna.smith@fabrikam.example', 'anna-oid')
  const link = (owner: string, other: string) =>
    registry.link(
      'cli:root',
      { scope: msaScope, owner: owner as Owner },
      { scope: there, owner: other as Owner },
    )
  await link('anna-msa', 'anna-oid')
  await set(msaScope, 'boris@example.com')
  await set(there, 'boris@example.com')
  await set(msaScope, 'carla@example.com', 'carla-msa')
  await link('carla-msa', 'carla-oid')
  // Whoever is linked is no namesake of somebody else.
  await set(there, 'carla@example.com', 'another-carla')
  await set(msaScope, '=dora@example.com')
  await set(msaScope, 'emil@example.com')
  await registry.switchCredential('cli:root', msaScope, foldUsername('emil@example.com'), false)

  const used = async (name: string, at: string, account = 'fabrikam') => {
    const { current } = await store.credentials.find(msaScope, undefined, foldUsername(name))
    if (current === undefined) throw new Error('the test has not made that credential')
    const use = { scope: msaScope, subject: current.subject, at: Date.parse(at), from: '192.0.2.7' }
    await store.lastUsed.record([{ ...use, account: account as AccountName }])
  }
  await used('anna@example.com', '2026-11-01T10:00:00Z')
  await used('boris@example.com', '2026-11-02T10:00:00Z')
  await used('carla@example.com', '2026-11-03T10:00:00Z')
  await used('emil@example.com', '2026-11-04T10:00:00Z')
  await used('=dora@example.com', '2026-11-05T10:00:00Z', 'another-account')
  await store.close()
  return desk
}
