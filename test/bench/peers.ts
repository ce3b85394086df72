import { availableParallelism } from 'node:os'
import { freePort } from '../support/ports.ts'
import { account } from './people.ts'
import { pathOf, type Program } from './programs.ts'
import type { Server } from './server.ts'
import { startService } from './spawned.ts'
import type { Stage } from './stage.ts'
import { configured } from './template.ts'
import type { Upstream } from './upstream.ts'

/** How another server is set up. */
interface Setup {
  readonly name: string
  readonly program: Program
  /** Of the folder `peers`. */
  readonly file: string
  readonly args: (config: string) => readonly string[]
  readonly values?: Readonly<Record<string, string>>
  readonly guarded: boolean
  readonly slow: boolean
}

const nginx = { program: 'nginx', args: (config: string) => ['-c', config] } as const

const setups = {
  open: { ...nginx, name: 'nginx, no password', file: 'nginx/open.conf', guarded: false, slow: false },
  nginx: {
    ...nginx,
    name: 'nginx auth_basic, bcrypt',
    file: 'nginx/basic.conf',
    values: { hash: 'bcrypt' },
    guarded: true,
    slow: true,
  },
  apr1: {
    ...nginx,
    name: 'nginx auth_basic, apr1',
    file: 'nginx/basic.conf',
    values: { hash: 'apr1' },
    guarded: true,
    slow: true,
  },
  caddy: {
    name: 'Caddy basicauth, bcrypt cached',
    program: 'caddy',
    file: 'caddy/Caddyfile',
    args: config => ['run', '--config', config, '--adapter', 'caddyfile'],
    guarded: true,
    slow: false,
  },
  haproxy: {
    name: 'HAProxy http_auth, SHA-256',
    program: 'haproxy',
    file: 'haproxy/haproxy.cfg',
    args: config => ['-db', '-f', config],
    guarded: true,
    slow: true,
  },
  apache: {
    name: 'Apache socache, bcrypt',
    program: 'apache2',
    file: 'apache/httpd.conf',
    args: config => ['-D', 'FOREGROUND', '-f', config],
    guarded: true,
    slow: true,
  },
} satisfies Readonly<Record<string, Setup>>

export type Peer = keyof typeof setups

/** The programs that these peers are. */
export function programsOf(peers: readonly Peer[]): readonly Program[] {
  return [...new Set(peers.map(peer => setups[peer].program))]
}

/** One of them, running. */
export interface PeerServer extends Server {
  readonly peer: Peer
}

/** Starts other servers in front of the upstream. In a quick run those that are not installed are left out. */
export async function startPeers(
  stage: Stage,
  upstream: Upstream,
  peers: readonly Peer[],
): Promise<readonly PeerServer[]> {
  const servers: PeerServer[] = []
  for (const peer of peers) {
    const setup: Setup = setups[peer]
    if (pathOf(setup.program) !== undefined)
      servers.push({ peer, ...(await startPeer(stage, upstream, setup)) })
    else stage.say(`${setup.name}: left out, ${setup.program} is not installed`)
  }
  return servers
}

async function startPeer(stage: Stage, { port: upstreamPort }: Upstream, setup: Setup): Promise<Server> {
  const { name, program, file, args, values = {}, guarded, slow } = setup
  stage.say(`starting ${name}`)
  const folder = stage.folder()
  const port = await freePort()
  const config = configured(file, folder, { port, upstreamPort, workers: availableParallelism(), ...values })
  // Caddy takes the place of its files from the environment.
  const env = { HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder }
  const pid = await startService(stage, { program, args: args(config), folder, port, env })
  return { name, url: `http://127.0.0.1:${port}/${account}/hello`, pid, headers: {}, guarded, slow }
}
