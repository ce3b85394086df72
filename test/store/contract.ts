import type { Test } from 'tap'
import type { Instant } from '../../src/gateway/names.ts'
import type { Secret } from '../../src/gateway/secret.ts'
import { openStore, type Store } from '../../src/store/store.ts'
import { apiTokensContract } from './contract-api-tokens.ts'
import { accountsContract } from './contract-accounts.ts'
import { backupContract } from './contract-backup.ts'
import { changesContract } from './contract-changes.ts'
import { credentialsContract } from './contract-credentials.ts'
import { deliveriesContract } from './contract-deliveries.ts'
import { grantsContract } from './contract-grants.ts'
import { importContract } from './contract-import.ts'
import { lastUsedContract } from './contract-last-used.ts'
import { linksContract } from './contract-links.ts'
import { membersContract } from './contract-members.ts'
import { movesContract } from './contract-moves.ts'
import { openingContract } from './contract-opening.ts'
import { ownersContract } from './contract-owners.ts'
import { passwordEndsContract } from './contract-password-ends.ts'
import { passwordsContract } from './contract-passwords.ts'
import { oauthContract } from './contract-oauth.ts'
import { overviewContract } from './contract-overview.ts'
import { refusalsContract } from './contract-refusals.ts'
import { removalsContract } from './contract-removals.ts'
import { sessionsContract } from './contract-sessions.ts'
import { toolUsesContract } from './contract-tool-uses.ts'
import { surveyContract } from './contract-survey.ts'
import { switchesContract } from './contract-switches.ts'

/** A new database of the kind under test. */
export interface FreshDatabase {
  readonly url: Secret
  /** Runs a statement behind the store's back. */
  execute(sql: string): Promise<void>
}

/** Makes a new database, gone after the test. */
export type MakeDatabase = (t: Test) => Promise<FreshDatabase>

/** What a store promises, whatever database it is on. `make` may give one that has been opened before, `makeEmpty` may not. */
export async function storeContract(t: Test, make: MakeDatabase, makeEmpty = make): Promise<void> {
  for (const part of [
    accountsContract,
    membersContract,
    movesContract,
    linksContract,
    credentialsContract,
    ownersContract,
    passwordsContract,
    passwordEndsContract,
    lastUsedContract,
    oauthContract,
    overviewContract,
    apiTokensContract,
    sessionsContract,
    refusalsContract,
    toolUsesContract,
    changesContract,
    deliveriesContract,
    grantsContract,
    importContract,
    surveyContract,
    removalsContract,
    switchesContract,
    backupContract,
  ]) {
    await part(t, make, makeEmpty)
  }
  await openingContract(t, makeEmpty)
}

/**
 * The parts of the contract that meet what lies before the statements: connections, transactions, big batches, the tables
 * themselves. For a database whose statements run the whole contract in another test.
 */
export async function connectionContract(t: Test, make: MakeDatabase, makeEmpty = make): Promise<void> {
  for (const part of [credentialsContract, sessionsContract, changesContract, importContract, backupContract])
    await part(t, make, makeEmpty)
  await openingContract(t, makeEmpty)
}

/** Opens a store as one more process would; it is closed after the test. */
export async function open(t: Test, { url }: FreshDatabase, clock?: () => Instant): Promise<Store> {
  const store = await openStore({ url, ...(clock && { clock }) })
  t.teardown(() => store.close())
  return store
}

/** A store on a new database. */
export async function openFresh(t: Test, make: MakeDatabase, clock?: () => Instant): Promise<Store> {
  return await open(t, await make(t), clock)
}
