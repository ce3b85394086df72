import { type Connection, scopeOf } from '../gateway/account.ts'
import { msaScope, type AccountName, type Scope } from '../gateway/names.ts'
import type { AccountRecord, Registry } from '../gateway/registry.ts'
import { Failure } from './failure.ts'
import { planMove, type Traveller } from './move-plan.ts'
import { known, sentenceOf } from './problems.ts'

/** A move that could be made, and whom it concerns. */
export interface Sight {
  readonly account: AccountRecord
  readonly to: Connection
  readonly travellers: readonly Traveller[]
  /** Members who are listed in the scope it moves to, if the account lets in members only. */
  readonly membersThere: number | undefined
}

/** Looks a move over and changes nothing; ends the command if it cannot be made. */
export async function lookOver(registry: Registry, name: AccountName, target: Scope): Promise<Sight> {
  const account = await known(registry, name)
  const to = await connectionTo(registry, target)
  const left = scopeOf(account.connection)
  if (left === target)
    throw new Failure(sentenceOf({ problem: 'already-connected', name, connection: account.connection }))

  const tell = progress()
  try {
    tell(`reading who may use ${name}`)
    const here = await registry.credentials(left)
    tell(`reading who has something there; ${here.length} may use ${name}`)
    const there = await registry.credentials(target)
    tell(`reading who has used ${name}; ${here.length} may use it, ${there.length} have something there`)
    const uses = (await registry.usesOf(name)).filter(use => use.scope === left)
    const links = await registry.links(left, target)
    const members = account.membersOnly && (await registry.members(name))
    return {
      account,
      to,
      travellers: planMove({ here, there, uses, links }),
      membersThere: members?.filter(({ scope }) => scope === target).length,
    }
  } finally {
    tell('')
  }
}

async function connectionTo(registry: Registry, target: Scope): Promise<Connection> {
  if (target === msaScope) return { kind: 'msa' }
  const all = await registry.directories()
  // A scope that is not `msa` is the id of a directory.
  const directory = all.find(({ id }) => (id as string) === target)
  if (directory !== undefined)
    return { kind: 'entra', directoryId: directory.id, directoryName: directory.name }
  throw new Failure(
    `There is no directory ${target}. Add it first: altgate directory add ${target} --name TEXT`,
  )
}

/** One line on a terminal that tells what takes so long; each takes the place of the one before. */
function progress(): (text: string) => void {
  return text => {
    if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`)
  }
}
