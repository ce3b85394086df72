import type { EventEmitter } from 'node:events'
import { Kysely, PostgresDialect, type PostgresPool, type PostgresPoolClient, sql } from 'kysely'
import pg from 'pg'
import { type Database, type OpenHow, type Schema, storeOutage } from './database.ts'
import { createMessageOrder, type Message } from './message-order.ts'
import { keepTransactions } from './open-transaction.ts'
import type { PostgresHosts } from './postgres-hosts.ts'

/** Connections of one process. */
const connections = { reading: 8, watching: 1, writing: 1 }

/** Milliseconds. The server cancels a statement first; the client's limit is for servers that do not respond. */
const limits = { connectionTimeoutMillis: 2000, statement_timeout: 5000, query_timeout: 6000 }

/**
 * For look-ups that a request waits for, which take a millisecond. Lost packets are noticed soon, so that requests succeed
 * again two seconds after the network has recovered.
 */
const impatient = { connectionTimeoutMillis: 1000, statement_timeout: 1200, query_timeout: 1500 }

/** Milliseconds that a change waits for others of this process; `statement_timeout` limits the wait for other processes. */
const writingPatience = 5000

/** An arbitrary number: the holder of this lock is migrating. */
const migrationLock = 4_707_198_342

/** Connects at the first statement, and again after each lost connection. */
export function openPostgres(hosts: PostgresHosts, how: OpenHow): Database {
  const settings = {
    application_name: 'altgate',
    keepAlive: true,
    types,
    Client: hosts.Client,
  }
  const patience = how === 'serve' ? impatient : limits
  const reading = new pg.Pool({ ...settings, ...patience, max: connections.reading })
  const watching = new pg.Pool({ ...settings, ...patience, max: connections.watching })
  const writing = new pg.Pool({
    ...settings,
    ...limits,
    max: connections.writing,
    connectionTimeoutMillis: writingPatience,
  })
  return {
    reading: kyselyOn(reading, hosts),
    watching: kyselyOn(watching, hosts),
    writing: kyselyOn(writing, hosts),
    dataVersion: () => undefined,
    async exclusively(work) {
      const patient = new pg.Pool({ ...settings, ...limits, statement_timeout: 0, query_timeout: 0, max: 1 })
      try {
        await kyselyOn(patient, hosts)
          .transaction()
          .execute(async transaction => {
            await sql`select pg_advisory_xact_lock(${sql.lit(migrationLock)})`.execute(transaction)
            await work(transaction)
          })
      } finally {
        await patient.end()
      }
    },
    async snapshot(work) {
      const patient = new pg.Pool({ ...settings, ...limits, statement_timeout: 0, query_timeout: 0, max: 1 })
      try {
        return await kyselyOn(patient, hosts)
          .transaction()
          .setIsolationLevel('repeatable read')
          .setAccessMode('read only')
          .execute(async transaction => {
            // Where it is written to may be slow.
            await sql`select set_config('idle_in_transaction_session_timeout', '0', true)`.execute(
              transaction,
            )
            return await work(transaction)
          })
      } finally {
        await patient.end()
      }
    },
    async close() {
      await Promise.all([reading.end(), watching.end(), writing.end()])
    },
  }
}

/** `int8`, which the driver returns as text. Times and revisions are far below 2^53. */
const int8 = 20
const types: pg.CustomTypesConfig = {
  getTypeParser: (id, format) => (Number(id) === int8 ? Number : pg.types.getTypeParser(id, format)),
}

function kyselyOn(pool: pg.Pool, hosts: PostgresHosts): Kysely<Schema> {
  // A connection that dies while idle, or between two statements of a transaction, emits an `error` that would end the
  // process without a listener. The next statement on it fails.
  pool.on('error', () => {})
  pool.on('connect', client => client.on('error', () => {}))
  return new Kysely<Schema>({ dialect: new PostgresDialect({ pool: guardedPool(pool, hosts) }) })
}

/**
 * Turns the driver's errors into outages. Does not use a connection again after a failure other than an error reply: after
 * a time-out it would still wait for the old answer. Nor one whose server shuts down.
 */
function guardedPool(pool: pg.Pool, hosts: PostgresHosts): PostgresPool {
  return {
    options: pool.options,
    end: () => pool.end(),
    async connect() {
      const client = await hosts.connect(pool).catch(fail)
      let broken = false
      async function send(text: string, values: readonly unknown[]) {
        // It would wait behind a statement that is never answered.
        if (broken) throw storeOutage(new Error('the connection is lost'))
        return await client.query(text, [...values]).catch((error: unknown) => {
          broken = hosts.isBroken(client, error) || broken
          return fail(error)
        })
      }
      const statements = keepTransactions(send, Number(pool.options.statement_timeout))
      return {
        // Kysely's other form of `query` is for cursors, which only streams use.
        query: statements.query as unknown as PostgresPoolClient['query'],
        release(destroy = false) {
          statements.end()
          client.release(destroy || broken)
        },
      }
    },
  }
}

function fail(error: unknown): never {
  throw storeOutage(error)
}

/** Bytes that the server may send for one statement: an endless answer must not fill memory. */
const mostBytes = 512 * 1024 * 1024

interface Stream extends EventEmitter {
  destroy(error?: Error): void
  unref(): void
}

/** The parts of pg's connection that are replaced here; its own types omit them. */
interface Wire extends EventEmitter {
  readonly stream: Stream
  attachListeners: (this: Wire, stream: Stream) => void
  query: (this: Wire, text: string) => void
  sync: (this: Wire) => void
  end: (this: Wire) => void
}

/**
 * Nothing that PostgreSQL sends may end a process, or be taken for the answer to another statement. pg parses messages in
 * socket events, where no handler catches what it throws, and accepts them in any order. Here such a connection is ended
 * and its statements fail. pg would also leave a connection open after a failed sign-in.
 */
export class ContainedClient extends pg.Client {
  constructor(config?: string | pg.ClientConfig) {
    super(config)
    const wire = this.connection as unknown as Wire
    const order = createMessageOrder()
    const { query, sync, end } = wire
    wire.query = text => {
      order.asked('at once')
      query.call(wire, text)
    }
    wire.sync = () => {
      order.asked('in parts')
      sync.call(wire)
    }
    wire.end = () => {
      // Without a network the closing message is never answered, and a finished command would not exit.
      wire.stream.unref()
      end.call(wire)
    }
    wire.on('message', (message: Message) => order.heard(message))
    wire.on('error', () => wire.stream.destroy())
    let signedIn = false
    wire.on('errorMessage', () => signedIn || wire.stream.destroy())

    const attach = wire.attachListeners
    let sent = 0
    wire.on('readyForQuery', () => {
      signedIn = true
      sent = 0
    })
    wire.attachListeners = stream => {
      attach.call(wire, stream)
      const emit = stream.emit.bind(stream)
      stream.emit = (name, ...values) => {
        try {
          if (name === 'data') sent += (values[0] as Buffer).length // a Buffer, because the socket has no encoding
          if (sent > mostBytes) throw new Error('PostgreSQL sent too large an answer')
          return emit(name, ...values)
        } catch (error) {
          stream.destroy(error instanceof Error ? error : new Error(String(error)))
          return true
        }
      }
    }
  }
}
