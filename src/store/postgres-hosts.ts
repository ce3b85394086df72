import pg from 'pg'
import type { Secret } from '../gateway/secret.ts'
import { ContainedClient } from './postgres.ts'

/** The servers of one address, of which one is used: libpq's syntax for several hosts, which pg does not support. */
export interface PostgresHosts {
  /** For `pg.Pool`: a client of the current server. */
  readonly Client: typeof pg.Client
  readonly count: number
  /**
   * A connection to the first server, beginning with the current one, that accepts connections and changes. Pooled
   * connections from before the last failure are not used again: what broke one has broken all.
   */
  connect(pool: pg.Pool): Promise<pg.PoolClient>
  /** Whether the connection is not to be used again after this error. */
  isBroken(client: pg.PoolClient, error: unknown): boolean
}

/** Milliseconds for one of several servers to accept a connection. */
const patience = 1000

/** What a server must accept. `any`: connections. */
type Session = 'any' | 'read-write' | 'primary'

interface Address {
  /** One URL for each server, in the form that pg reads. */
  readonly urls: readonly string[]
  readonly session: Session
}

/** `undefined`: it cannot be read. The driver's error would contain the address with its password. */
export function readPostgresHosts(url: Secret): PostgresHosts | undefined {
  try {
    const address = readAddress(url.reveal())
    for (const each of address?.urls ?? []) new pg.Client({ connectionString: each })
    return address && createHosts(address)
  } catch {
    return undefined
  }
}

/** `postgres://user:password@host:port,host:port/database?…`, or with `host` and `port` among the parameters. */
function readAddress(text: string): Address | undefined {
  const [, scheme = '', user = '', authority = '', path = '', query = ''] =
    /^(postgres(?:ql)?:\/\/)(?:([^/?#]*)@)?([^/?#@]*)([^?#]*)(?:\?([^#]*))?$/.exec(text) ?? []
  if (scheme === '') return undefined
  const parameters = new URLSearchParams(query)
  const session = parameters.get('target_session_attrs') ?? 'read-write'
  // The store must accept changes, so the values for a standby are refused.
  if (session !== 'any' && session !== 'read-write' && session !== 'primary') return undefined
  const balance = parameters.get('load_balance_hosts') ?? 'disable'
  const named = parameters.get('host')?.split(',') ?? []
  const hosts = named.length > 1 ? named.map(encodeURIComponent) : authority.split(',')
  const ports = parameters.get('port')?.split(',') ?? []
  if (hosts.length > 1 && hosts.includes('')) return undefined
  if (ports.length > 1 && ports.length !== hosts.length) return undefined
  for (const ours of ['target_session_attrs', 'load_balance_hosts']) parameters.delete(ours)
  // A single `host` parameter, as for a socket's folder, is left to pg.
  if (hosts.length > 1) for (const ours of ['host', 'port']) parameters.delete(ours)
  const rest = parameters.size === 0 ? '' : `?${parameters.toString()}`
  const urls = hosts.map((host, at) => {
    const port = hosts.length > 1 ? (ports[at] ?? ports[0]) : undefined
    return `${scheme}${user && `${user}@`}${host}${port ? `:${port}` : ''}${path}${rest}`
  })
  return { urls: balance === 'random' ? urls.sort(() => Math.random() - 0.5) : urls, session }
}

function createHosts({ urls, session }: Address): PostgresHosts {
  /** The index of the current server, and how often it has been put in question. */
  let at = 0
  let turn = 0
  /** PgBouncer refuses session settings; the client's own limits remain then. */
  let takesSettings = true
  const turnOf = new WeakMap<pg.ClientBase, number>()
  const checked = new WeakSet<pg.ClientBase>()

  class HostClient extends ContainedClient {
    constructor(config?: string | pg.ClientConfig) {
      const given = typeof config === 'object' ? config : {}
      super({
        ...given,
        connectionString: urls[at],
        ...(!takesSettings && { statement_timeout: 0 }),
        ...(urls.length > 1 && { connectionTimeoutMillis: patience }),
      })
      turnOf.set(this, turn)
    }
  }

  /** Only the first failure in a turn moves on; later ones in the same turn have no effect. */
  function doubt(seen: number | undefined, step: 0 | 1): void {
    if (seen !== turn) return
    turn += 1
    at = (at + step) % urls.length
  }

  async function check(client: pg.PoolClient): Promise<void> {
    if (session === 'any' || checked.has(client)) return
    const { rows } = await client.query<{ standby: boolean; readonly: string }>(checking)
    const [state] = rows
    if (state?.standby !== false || (session === 'read-write' && state.readonly !== 'off'))
      throw new Error('the server accepts no changes: it is a standby, or read-only')
    checked.add(client)
  }

  return {
    Client: HostClient,
    count: urls.length,
    async connect(pool) {
      for (let left = urls.length; ; ) {
        const [seen, withSettings] = [turn, takesSettings]
        let client: pg.PoolClient | undefined
        try {
          client = await pool.connect()
          if (turnOf.get(client) === turn) {
            await check(client)
            return client
          }
          client.release(true)
        } catch (error) {
          client?.release(true)
          if (withSettings && isRefusedSetting(error)) takesSettings = false
          else {
            left -= 1
            if (isOfAllHosts(error)) throw error
            doubt(seen, 1)
            if (left === 0) throw error
          }
        }
      }
    },
    isBroken(client, error) {
      if (error instanceof pg.DatabaseError && !isOfServer(error)) return false
      doubt(turnOf.get(client), 0)
      return true
    },
  }
}

const checking = `select pg_is_in_recovery() as standby, current_setting('transaction_read_only') as readonly`

/** The server stops, starts, no longer accepts changes, has ended the session, or PgBouncer has lost it. */
function isOfServer({ code = '' }: pg.DatabaseError): boolean {
  return /^(?:25006|25P0[34]|57P0[1-5]|08...)$/.test(code)
}

function isRefusedSetting(error: unknown): boolean {
  return error instanceof pg.DatabaseError && /unsupported startup parameter/.test(error.message)
}

/** A wrong password or database is wrong on every host, and a timeout in our own pool says nothing about a host. */
function isOfAllHosts(error: unknown): boolean {
  if (error instanceof pg.DatabaseError) return /^(?:28|3D)/.test(error.code ?? '')
  return error instanceof Error && error.message === 'timeout exceeded when trying to connect'
}
