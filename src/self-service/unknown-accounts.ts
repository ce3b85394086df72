import { createHmac, createSecretKey } from 'node:crypto'
import type { Connection } from '../gateway/account.ts'
import { derive, type Keys } from '../gateway/key-ring.ts'
import { type AccountName, type Instant, msaScope, type Scope } from '../gateway/names.ts'
import type { Directory, Registry } from '../gateway/registry.ts'

/** What the page makes of accounts that do not exist. */
export interface UnknownAccounts {
  /**
   * What an account of that name could be connected to, always the same for one name. Throws `Outage`. Asked for every name, so
   * that the time does not tell which names are known.
   */
  connectionFor(name: AccountName, directories: readonly Directory[]): Promise<Connection>
}

interface UnknownAccountsParts {
  readonly registry: Pick<Registry, 'scopesInUse'>
  /** Shared by every process of every gateway with this store. */
  readonly key: Keys
  readonly now: () => Instant
}

/** Milliseconds for which the scopes of all accounts are remembered. */
const rememberedMs = 60_000

/**
 * A sign-in has to begin for an unknown name as well: where it begins tells which accounts exist otherwise. Each name has a
 * scope of existing accounts, as often as that scope has accounts, so neither one answer nor many tell a name that is known.
 */
export function createUnknownAccounts({ registry, key, now }: UnknownAccountsParts): UnknownAccounts {
  const secrets = derive(key, ({ bytes }) => createSecretKey(bytes))
  let remembered: { readonly at: Instant; readonly scopes: Promise<ReadonlyMap<Scope, number>> } | undefined

  function scopesInUse(): Promise<ReadonlyMap<Scope, number>> {
    if (remembered !== undefined && now() - remembered.at < rememberedMs) return remembered.scopes
    const scopes = registry.scopesInUse()
    const mine = { at: now(), scopes }
    remembered = mine
    scopes.catch(() => {
      if (remembered === mine) remembered = undefined
    })
    return scopes
  }

  /** Of equal chances; few names change when a scope joins or leaves. */
  function rank(name: AccountName, scope: Scope, accounts: number): number {
    const mac = createHmac('sha256', secrets.current()).update(`unknown account 1 ${scope} ${name}`).digest()
    return -Math.log((mac.readUIntBE(0, 6) + 1) / 2 ** 48) / accounts
  }

  return {
    async connectionFor(name, directories) {
      let chosen: Scope = msaScope
      let least = Infinity
      for (const [scope, accounts] of await scopesInUse()) {
        const its = rank(name, scope, accounts)
        if (its < least) [chosen, least] = [scope, its]
      }
      const directory = directories.find(({ id }) => (id as string) === chosen)
      if (directory === undefined) return { kind: 'msa' }
      return { kind: 'entra', directoryId: directory.id, directoryName: directory.name }
    },
  }
}
