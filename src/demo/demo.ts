import { join, relative, resolve } from 'node:path'
import { readPassword } from '../gateway/credential.ts'
import type { AccountName, Scope } from '../gateway/names.ts'
import type { PasswordHasher } from '../gateway/ports.ts'
import type { Directory, Problem, Registry } from '../gateway/registry.ts'
import { makeRepository, startGitUpstream } from './git-upstream.ts'
import { describeDemo, type GuideLooks } from './guide.ts'
import type { IdentityProvider } from './identity-provider.ts'
import {
  accounts,
  anna,
  contosoDirectory,
  DemoCannotStart,
  northwindDirectory,
  passwords,
  repository,
  scopes,
} from './people.ts'

interface DemoOptions extends Pick<SeedParts, 'registry' | 'hasher' | 'publicUrl'> {
  /** The settings file of the gateway; without it, only the environment has settings. */
  readonly configFile?: string | undefined
  readonly settings: {
    readonly upstreamPort: number
    /** A running upstream; without it, one is started. */
    readonly upstreamUrl?: string
    /** Where the demo keeps its repositories; created if missing. */
    readonly dataDirectory: string
    /** Where the identity provider listens; without it there is none. */
    readonly identityPort?: number
  }
}

interface Demo {
  /** What to print: commands to paste, and what they show. */
  readonly guide: string
  /** Stops the upstream; the data stay. */
  readonly close: () => Promise<void>
}

/** Starts a demo upstream and fills the store. Throws `DemoCannotStart` and `Outage`. */
export async function startDemo(options: DemoOptions): Promise<Demo> {
  const { settings, publicUrl, registry, hasher } = options
  await using opening = new AsyncDisposableStack()
  const upstream = await openUpstream(settings)
  opening.defer(upstream.close)
  const identity = await openIdentity(settings, `${publicUrl}/_altgate/callback`)
  if (typeof identity === 'object') opening.defer(identity.close)
  const seeded = await seedDemo({ registry, hasher, publicUrl, upstreamUrl: upstream.url })
  const looks = { colours: process.stdout.isTTY === true, place: placeOf(options) }
  const signIn = typeof identity === 'object' ? 'ready' : identity
  const open = opening.move()
  return { guide: describeDemo({ ...seeded, signIn }, looks), close: () => open.disposeAsync() }
}

/** An upstream that is already running is the one in the compose file. */
function placeOf({ settings, configFile }: DemoOptions): GuideLooks['place'] {
  if (settings.upstreamUrl !== undefined) return { composeFile: 'docker/compose.yaml' }
  const checkout = join(import.meta.dirname, '../..')
  // npm runs the command in the checkout, so a name that is relative to this folder would mean another file there.
  const file = configFile === undefined ? undefined : resolve(configFile)
  return { checkout, configFile: file?.startsWith(`${checkout}/`) ? relative(checkout, file) : file }
}

/** Loaded only here: its package is for development, and the demo works without it. */
async function openIdentity(
  { identityPort: port }: DemoOptions['settings'],
  redirectUri: string,
): Promise<IdentityProvider | 'none' | 'not-installed'> {
  if (port === undefined) return 'none'
  const { startIdentityProvider } = await import('./identity-provider.ts')
  try {
    return await startIdentityProvider({ port, redirectUri })
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (code === 'ERR_MODULE_NOT_FOUND') return 'not-installed'
    throw error
  }
}

async function openUpstream({ upstreamPort, upstreamUrl, dataDirectory }: DemoOptions['settings']): Promise<{
  readonly url: string
  readonly close: () => Promise<void>
}> {
  if (upstreamUrl !== undefined) return { url: upstreamUrl, close: async () => {} }
  const directory = resolve(dataDirectory)
  const upstream = await startGitUpstream({ directory, host: '127.0.0.1', port: upstreamPort })
  for (const account of Object.values(accounts)) await makeRepository(directory, `${account}/${repository}`)
  return upstream
}

/** What the guide can promise. */
export interface DemoGuide {
  readonly publicUrl: string
  /** `reset`: the northwind credential has already been set, on an earlier start. */
  readonly northwind: 'reset-needed' | 'reset'
}

interface SeedParts {
  readonly registry: Registry
  readonly hasher: Pick<PasswordHasher, 'hash'>
  /** Where the accounts' requests go. */
  readonly upstreamUrl: string
  readonly publicUrl: string
}

/** The actor of the demo's changes. */
const actor = 'demo'

/**
 * Puts the demo's directories, accounts and credentials into the store, and leaves existing ones unchanged. Throws `DemoCannotStart` and `Outage`.
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
      `The account ${name} in this store goes to ${known.upstream}, but the demo upstream is ${upstreamUrl}. ` +
        'Restore demo.upstreamPort, or use an empty store.',
    )
  }
}

/** Only an account that never moved: one that was disconnected to try that out stays disconnected. */
async function moveNorthwind({ registry }: SeedParts): Promise<void> {
  const northwind = await registry.account(accounts.northwind)
  if (northwind === undefined || northwind.history.length > 1) return
  settled(await registry.connect(actor, accounts.northwind, northwindDirectory.id))
}

async function addCredential({ registry, hasher }: SeedParts, scope: Scope, password: string): Promise<void> {
  if (await hasAnna(registry, scope)) return
  const hash = await hasher.hash(readPassword(password))
  if (hash === 'busy')
    throw new DemoCannotStart('The machine is too busy to set up the demo. Start it again.')
  settled(await registry.setCredential(actor, scope, { ...anna, hash }))
}

async function hasAnna(registry: Registry, scope: Scope): Promise<boolean> {
  const there = await registry.credentials(scope)
  return there.some(({ username }) => username === anna.username)
}

/** A problem here means that the store has entries with the demo's names that are not the demo's. */
function settled(problem: Problem | undefined): void {
  if (problem === undefined) return
  throw new DemoCannotStart(`The demo cannot be set up in this store (${problem.problem}). Use an empty one.`)
}
