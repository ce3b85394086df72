import { readPassword } from '../gateway/credential.ts'
import type { AccountName, Scope } from '../gateway/names.ts'
import type { PasswordHasher } from '../gateway/ports.ts'
import type { Directory, Problem, Registry } from '../gateway/registry.ts'
import { DemoCannotStart } from './cannot-start.ts'
import { accounts, anna, contosoDirectory, northwindDirectory, passwords, scopes } from './cast.ts'

/** What the guide can promise. */
export interface DemoGuide {
  readonly publicUrl: string
  /** `reset`: somebody has already set the northwind credential, on an earlier start. */
  readonly northwind: 'reset-needed' | 'reset'
}

export interface SeedParts {
  readonly registry: Registry
  readonly hasher: Pick<PasswordHasher, 'hash'>
  /** Where the accounts' requests go. */
  readonly upstreamUrl: string
  readonly publicUrl: string
}

/** Who the store says made the demo. */
const actor = 'demo'

/**
 * Puts the demo's directories, accounts and credentials into the store, and leaves what is already there as it
 * is. Throws `DemoCannotStart` and `Outage`.
 */
export async function seedDemo(parts: SeedParts): Promise<DemoGuide> {
  const { registry, publicUrl } = parts
  await addDirectory(parts, contosoDirectory)
  await addDirectory(parts, northwindDirectory)
  await addAccount(parts, accounts.fabrikam)
  await addAccount(parts, accounts.contoso, contosoDirectory)
  await addAccount(parts, accounts.contosoLabs, contosoDirectory)
  await addAccount(parts, accounts.northwind)
  await moveNorthwind(parts)
  await addCredential(parts, scopes.msa, passwords.msa)
  await addCredential(parts, scopes.contoso, passwords.contoso)
  return { publicUrl, northwind: (await hasAnna(registry, scopes.northwind)) ? 'reset' : 'reset-needed' }
}

async function addDirectory({ registry }: SeedParts, directory: Directory): Promise<void> {
  const known = await registry.directories()
  if (known.some(({ id }) => id === directory.id)) return
  settled(await registry.addDirectory(actor, directory))
}

async function addAccount(
  { registry, upstreamUrl }: SeedParts,
  name: AccountName,
  directory?: Directory,
): Promise<void> {
  const known = await registry.account(name)
  if (known === undefined) {
    const connected = directory === undefined ? {} : { directoryId: directory.id }
    settled(await registry.addAccount(actor, { name, upstream: upstreamUrl, ...connected }))
  } else if (known.upstream !== upstreamUrl) {
    throw new DemoCannotStart(
      `The account ${name} in this store goes to ${known.upstream}, but the demo upstream is ${upstreamUrl}: ` +
        'set demo.upstreamPort back, or use an empty store.',
    )
  }
}

/** Only an account that never moved: whoever disconnected it to try that out finds it disconnected. */
async function moveNorthwind({ registry }: SeedParts): Promise<void> {
  const northwind = await registry.account(accounts.northwind)
  if (northwind === undefined || northwind.history.length > 1) return
  settled(await registry.connect(actor, accounts.northwind, northwindDirectory.id))
}

async function addCredential({ registry, hasher }: SeedParts, scope: Scope, password: string): Promise<void> {
  if (await hasAnna(registry, scope)) return
  const hash = await hasher.hash(readPassword(password))
  if (hash === 'busy') throw new DemoCannotStart('The machine is too busy to set up the demo: start again.')
  settled(await registry.setCredential(actor, scope, { ...anna, hash }))
}

async function hasAnna(registry: Registry, scope: Scope): Promise<boolean> {
  const there = await registry.credentials(scope)
  return there.some(({ username }) => username === anna.username)
}

/** A problem here means that the store holds something of the demo's names that is not the demo's. */
function settled(problem: Problem | undefined): void {
  if (problem === undefined) return
  throw new DemoCannotStart(`The demo does not fit into this store (${problem.problem}): use an empty one.`)
}
