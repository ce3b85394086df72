import type { Account, Connection } from '../gateway/account.ts'
import { unreachable } from '../gateway/decision.ts'
import {
  type AccountName,
  type DirectoryId,
  msaScope,
  readDirectoryId,
  type Scope,
} from '../gateway/names.ts'
import { Outage } from '../gateway/outage.ts'
import type { Registry } from '../gateway/registry.ts'
import { connectionTo } from './answer.ts'

/**
 * Stores the scope that the source has reported for an account. `known`: the store already has the account. Resolves
 * when the change is in force in every process. Throws `Outage`; then nothing was changed.
 */
export type Keep = (name: AccountName, scope: Scope, known: boolean) => Promise<void>

type Changes = Pick<Registry, 'addAccount' | 'addDirectory' | 'connect' | 'disconnect'>

/** The actor in the account's history and in the audit log. */
const actor = 'azure-devops'

/** Keeps accounts in the store. `upstream`: the address for new accounts, with `{account}`. */
export function createKeeper(registry: Changes, upstream: string): Keep {
  async function place(name: AccountName, directoryId: DirectoryId | undefined, known: boolean) {
    if (!known) {
      const account = { name, upstream: addressIn(upstream, name) }
      return await registry.addAccount(actor, { ...account, ...(directoryId && { directoryId }) })
    }
    return directoryId === undefined
      ? await registry.disconnect(actor, name)
      : await registry.connect(actor, name, directoryId)
  }

  return async function keep(name, scope, known) {
    const directoryId = directoryOf(scope)
    let problem = await place(name, directoryId, known)
    if (problem?.problem === 'no-such-directory') {
      // Azure DevOps reports no names. The operator names a directory by adding it, before or after this.
      const { directoryId: id } = problem
      await registry.addDirectory(actor, { id, name: id }) // if it exists, another process was quicker
      problem = await place(name, directoryId, known)
    }
    switch (problem?.problem) {
      case undefined:
      case 'account-exists': // another process was quicker
      case 'already-connected':
        return
      case 'no-such-account':
      case 'no-such-directory':
        throw new Outage(
          'store',
          new Error(`the store has lost what it had a moment ago: ${problem.problem}`),
        )
      default:
        unreachable(problem)
    }
  }
}

/** Keeps new accounts in memory only, to show what would be stored. */
export interface DryRun {
  readonly keep: Keep
  read(name: AccountName): Account | undefined
}

export function createDryRun(upstream: string): DryRun {
  const noted = new Map<AccountName, Account>()
  return {
    async keep(name, scope) {
      const id = directoryOf(scope)
      const connection: Connection = id === undefined ? { kind: 'msa' } : connectionTo(id)
      noted.set(name, { name, upstream: addressIn(upstream, name), connection })
    },
    read: name => noted.get(name),
  }
}

function directoryOf(scope: Scope): DirectoryId | undefined {
  return scope === msaScope ? undefined : readDirectoryId(scope)
}

/** The address of one account. */
export function addressIn(template: string, name: AccountName): string {
  return template.replaceAll('{account}', name)
}
