import { join, resolve } from 'node:path'
import { accounts, repository } from './cast.ts'
import { startGitUpstream } from './git-upstream.ts'
import { describeDemo, type GuideLooks } from './guide.ts'
import type { IdentityProvider } from './identity-provider.ts'
import { makeRepository } from './repository.ts'
import { seedDemo, type SeedParts } from './seed.ts'

export interface DemoOptions extends Pick<SeedParts, 'registry' | 'hasher' | 'publicUrl'> {
  readonly settings: {
    readonly upstreamPort: number
    /** An upstream that runs already; without it one is started. */
    readonly upstreamUrl?: string
    /** Where the demo keeps its repositories; made if it is not there. */
    readonly dataDirectory: string
    /** Where the identity provider listens; without it there is none. */
    readonly identityPort?: number
  }
}

export interface Demo {
  /** What to print: commands to paste, and what they will show. */
  readonly guide: string
  /** Stops the upstream; the data stay. */
  readonly close: () => Promise<void>
}

/** Starts an upstream to look at, and fills the store. Throws `DemoCannotStart` and `Outage`. */
export async function startDemo({ settings, publicUrl, registry, hasher }: DemoOptions): Promise<Demo> {
  await using opening = new AsyncDisposableStack()
  const upstream = await openUpstream(settings)
  opening.defer(upstream.close)
  const identity = await openIdentity(settings, `${publicUrl}/_altgate/callback`)
  if (typeof identity === 'object') opening.defer(identity.close)
  const seeded = await seedDemo({ registry, hasher, publicUrl, upstreamUrl: upstream.url })
  const looks = { colours: process.stdout.isTTY === true, place: placeOf(settings) }
  const signIn = typeof identity === 'object' ? 'ready' : identity
  const open = opening.move()
  return { guide: describeDemo({ ...seeded, signIn }, looks), close: () => open.disposeAsync() }
}

/** An upstream that runs already is that of the compose file. */
function placeOf({ upstreamUrl }: DemoOptions['settings']): GuideLooks['place'] {
  return upstreamUrl === undefined
    ? { checkout: join(import.meta.dirname, '../..') }
    : { composeFile: 'docker/compose.yaml' }
}

/** Loaded here and nowhere else: its package is for development, and the demo does without it where it is missing. */
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
