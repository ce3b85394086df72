import { join, resolve } from 'node:path'
import { accounts, repository } from './cast.ts'
import { startGitUpstream } from './git-upstream.ts'
import { describeDemo } from './guide.ts'
import { makeRepository } from './repository.ts'
import { seedDemo, type SeedParts } from './seed.ts'

export interface DemoOptions extends Pick<SeedParts, 'registry' | 'hasher' | 'publicUrl'> {
  readonly settings: {
    readonly upstreamPort: number
    /** Where the demo keeps its repositories; made if it is not there. */
    readonly dataDirectory: string
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
  const directory = resolve(settings.dataDirectory)
  const upstream = await startGitUpstream({ directory, host: '127.0.0.1', port: settings.upstreamPort })
  try {
    for (const account of Object.values(accounts)) await makeRepository(directory, `${account}/${repository}`)
    const guide = await seedDemo({ registry, hasher, publicUrl, upstreamUrl: upstream.url })
    const looks = { colours: process.stdout.isTTY === true, home: join(import.meta.dirname, '../..') }
    return { guide: describeDemo(guide, looks), close: upstream.close }
  } catch (error) {
    await upstream.close()
    throw error
  }
}
