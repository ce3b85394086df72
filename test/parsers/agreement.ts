import { accountNamed } from '../../src/gateway/account.ts'
import { ended } from '../../src/gateway/decision.ts'
import { readTarget } from '../../src/gateway/ask.ts'
import { destinationOf } from '../../src/proxying/addresses.ts'
import type { Parser } from './parsers.ts'

/** What Altgate makes of a target: whose it is and the path that goes upstream, or the flaw for which it refuses it. */
export type Reading = { readonly account: string; readonly path: string } | { readonly refused: string }

const naming = { by: 'path' } as const

/** `upstream`: the account's address, with or without a path. */
export function readByAltgate(target: string, upstream = 'http://upstream.invalid'): Reading {
  const read = readTarget({ target, host: 'git.example.com' })
  if (ended(read)) return { refused: read.outcome === 'unclear-target' ? read.flaw : read.outcome }
  const account = accountNamed(read, naming)
  if (ended(account))
    return { refused: account.outcome === 'unclear-target' ? account.flaw : account.outcome }
  const destination = destinationOf(upstream, target, naming)
  if ('outcome' in destination)
    return { refused: destination.outcome === 'unclear-target' ? destination.flaw : destination.outcome }
  return { account, path: destination.path }
}

/** Whether the place where a server would look is the account's, whose paths all begin with `root` there. */
export function staysWithin(read: string | number, root: string): boolean {
  if (typeof read === 'number') return true // refused there
  const path = read.toLowerCase()
  return path === root || path.startsWith(`${root}/`) || path.startsWith(`${root}?`)
}

/** What each server makes of the path that Altgate would send. */
export async function readByAll(
  parsers: readonly Parser[],
  path: string,
): Promise<readonly { readonly name: string; readonly read: string | number }[]> {
  return Promise.all(parsers.map(async ({ name, read }) => ({ name, read: await read(path) })))
}
