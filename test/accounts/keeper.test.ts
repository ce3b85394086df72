import t from 'tap'
import { createKeeper } from '../../src/accounts/keeper.ts'
import type { AccountName, DirectoryId, Scope } from '../../src/gateway/names.ts'
import { Outage } from '../../src/gateway/outage.ts'
import type { Registry } from '../../src/gateway/registry.ts'
import { Secret } from '../../src/gateway/secret.ts'
import { openStore } from '../../src/store/store.ts'
import { temporaryDirectory } from '../support/directory.ts'

const fabrikam = 'fabrikam' as AccountName
const id = '72f988bf-86f1-41af-91ab-2d7cd011db47' as DirectoryId
const scope = id as string as Scope

async function aRegistry(test: Parameters<typeof temporaryDirectory>[0]): Promise<Registry> {
  const store = await openStore({ url: new Secret(`sqlite:${temporaryDirectory(test)}/altgate.db`) })
  test.teardown(() => store.close())
  return store.registry(async () => {})
}

t.test('a directory that is new is added, and what another process has done is done', async t => {
  const registry = await aRegistry(t)
  const keep = createKeeper(registry, 'https://tfs.example/{account}')
  await Promise.all([keep(fabrikam, scope, false), keep(fabrikam, scope, false)])
  t.match(await registry.account(fabrikam), { connection: { kind: 'entra', directoryId: id } })
  await keep(fabrikam, scope, true)
  t.equal((await registry.account(fabrikam))?.history.length, 1)
})

t.test('a store that has lost the account meanwhile is an outage, and no bug', async t => {
  const keep = createKeeper(await aRegistry(t), 'https://tfs.example/{account}')
  await t.rejects(keep(fabrikam, scope, true), Outage)
})
