import { join } from 'node:path'
import type { Test } from 'tap'
import type { UpstreamOptions } from '../../src/proxying/upstream-connections.ts'
import { gitLab, type GitLab } from '../support/git.ts'
import { anna, runningServer, type RunningServer } from '../support/public-server.ts'
import { aWorld, type CredentialInTheWorld, type World } from '../support/world.ts'
import type { LargeFilesOptions } from './large-files.ts'
import { laboratoryUpstream, repositoryPath, type LaboratoryUpstream } from './upstream.ts'

/** Real git, with Anna's credential in its helper, before a gateway before a real repository. */
export interface Setting {
  readonly lab: GitLab
  readonly server: RunningServer
  readonly world: World
  readonly upstream: LaboratoryUpstream
  /** The repository, through the gateway. */
  readonly remote: string
  /** The same with this between scheme and host: `user@`. */
  readonly remoteWith: (userinfo: string) => string
  /** Connections that clients have opened to the gateway. */
  readonly connections: () => number
}

/** Anna alone may come in, and the gateway waits as long as it does elsewhere, unless told otherwise. */
export async function setTheStage(
  t: Test,
  {
    credentials = [anna],
    patience = {},
    largeFiles = {},
  }: {
    readonly credentials?: readonly CredentialInTheWorld[]
    readonly patience?: Partial<UpstreamOptions>
    readonly largeFiles?: LargeFilesOptions
  } = {},
): Promise<Setting> {
  const upstream = await laboratoryUpstream(t, { largeFiles })
  const world = aWorld({ accounts: [{ name: 'fabrikam', upstream: upstream.url }], credentials })
  const server = await runningServer(t, { upstream: upstream.url, world, patience })
  let connections = 0
  server.app.server.on('connection', () => connections++)
  const lab = gitLab(t)
  lab.setCredential(anna.username, anna.password)
  const remote = server.url + repositoryPath
  return {
    lab,
    server,
    world,
    upstream,
    remote,
    remoteWith: userinfo => remote.replace('://', `://${userinfo}`),
    connections: () => connections,
  }
}

/** Clones into the laboratory's folder; gives the clone's place. */
export async function cloned({ lab, remote }: Setting, name = 'clone'): Promise<string> {
  await lab.must(['clone', '--quiet', remote, name])
  return join(lab.directory, name)
}
