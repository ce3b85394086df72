import type { Tools } from '../../src/commands/tools.ts'
import { readPassword } from '../../src/gateway/credential.ts'
import { type AccountName, foldUsername, msaScope, type Scope } from '../../src/gateway/names.ts'
import { loadSettings } from '../../src/settings/load.ts'
import { openTools } from '../../src/tools.ts'
import { checkout } from './program.ts'

/**
 * What commands work with, in this process: for changes that a test is not about, for a command takes half a second of a
 * processor. The caller closes it.
 */
export async function openOperator(
  config: string | undefined,
  env: Readonly<Record<string, string | undefined>> = {},
): Promise<Tools> {
  const loaded = loadSettings({ file: config, env, cwd: checkout })
  if ('complaints' in loaded)
    throw new Error(`the settings are refused: ${JSON.stringify(loaded.complaints)}`)
  return await openTools(loaded.settings)
}

/** Upstreams by the name of an account, and passwords by that of a user, of Microsoft accounts if no scope is given. */
export interface Arrangement {
  readonly scope?: Scope
  readonly accounts?: Readonly<Record<string, string>>
  readonly passwords?: Readonly<Record<string, string>>
}

/** Adds all of it as the commands would: in every running gateway when it resolves. */
export async function arrange(
  { registry, hasher }: Tools,
  { accounts = {}, scope = msaScope, passwords = {} }: Arrangement,
): Promise<void> {
  for (const [name, upstream] of Object.entries(accounts))
    made(await registry.addAccount('cli:test', { name: name as AccountName, upstream }))
  for (const [user, password] of Object.entries(passwords)) {
    const hash = await hasher.hash(readPassword(password))
    if (hash === 'busy') throw new Error('nothing else hashes here')
    made(await registry.setCredential('cli:test', scope, { username: foldUsername(user), hash }))
  }
}

function made(problem: { readonly problem: string } | undefined): void {
  if (problem !== undefined) throw new Error(`that cannot be arranged: ${problem.problem}`)
}
