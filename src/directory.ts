import { readFileSync } from 'node:fs'
import {
  createAskedAccounts,
  createAskedOnce,
  withFound,
  type AskedOnce,
  type AskedParts,
  type AskedSettings,
} from './accounts/asked.ts'
import type { Foundation } from './foundation.ts'
import type { AccountDirectory } from './gateway/ports.ts'
import type { Registry } from './gateway/registry.ts'
import { steadyNow, wallAhead } from './gateway/steady-now.ts'
import type { Settings } from './settings/schema.ts'

/** Who knows what accounts are connected to, and the registry of those accounts. */
export interface Directory {
  readonly accounts: AccountDirectory
  readonly registry: Registry
}

type DirectoryParts = Pick<AskedParts, 'store' | 'news' | 'asked' | 'outage'> & {
  readonly store: AccountDirectory
  readonly foundation: Foundation
  readonly opening: AsyncDisposableStack
}

/** `store`: the accounts that are kept. What it opens is closed with `opening`. */
export function openDirectory(settings: Settings, parts: DirectoryParts): Directory {
  const { foundation, opening, store } = parts
  const registry = foundation.registry()
  if (settings.accounts.source === 'store') return { accounts: store, registry }
  const { redis, verdictKey: key } = foundation
  const accounts = createAskedAccounts(askedSettings(settings), {
    ...parts,
    registry,
    redis,
    key,
    now: steadyNow,
    ahead: wallAhead,
  })
  opening.defer(() => accounts.close())
  return { accounts, registry: withFound(registry, accounts) }
}

/** For a command: nothing is remembered and nothing is written down. `undefined`: the store alone knows. */
export function openSource(settings: Settings, store: AccountDirectory): AskedOnce | undefined {
  if (settings.accounts.source === 'store') return undefined
  return createAskedOnce(askedSettings(settings), { store, now: steadyNow })
}

function askedSettings({ accounts: { azureDevOps } }: Settings): AskedSettings {
  const { caFile, ...rest } = azureDevOps
  return caFile === undefined ? rest : { ...rest, ca: readFileSync(caFile, 'utf8') }
}
