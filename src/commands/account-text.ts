import { describe, scopeOf, type Connection } from '../gateway/connection.ts'
import type { AccountRecord } from '../gateway/registry.ts'
import type { Settings } from '../settings/schema.ts'
import { addressOf, destinationOf } from './route.ts'
import { moment, say, sayTable, strong } from './say.ts'

/** What an account signs in with, with the id that commands ask for. */
export function connectionText(connection: Connection): string {
  const id = connection.kind === 'entra' ? ` (${connection.directoryId})` : ''
  return describe(connection) + id
}

/** An account for people. */
export function sayAccount(record: AccountRecord, settings: Settings): void {
  const facts = [
    ['signs in with', connectionText(record.connection)],
    ['scope', scopeOf(record.connection)],
    ['upstream', record.upstream],
    ['requests', `${addressOf(record.name, settings)}... go to ${destinationOf(record, settings)}...`],
  ] as const
  say(strong(record.name))
  for (const [label, fact] of facts) say(`  ${label.padEnd(14)} ${fact}`)
  say('')
  sayTable(
    ['SINCE', 'SIGNED IN WITH', 'BY'],
    record.history.map(({ since, connection, actor }) => [moment(since), connectionText(connection), actor]),
  )
}

/** An account for programs; times are ISO 8601 in UTC. */
export function accountJson(record: AccountRecord, settings: Settings): object {
  return {
    name: record.name,
    address: addressOf(record.name, settings),
    upstream: record.upstream,
    destination: destinationOf(record, settings),
    scope: scopeOf(record.connection),
    connection: record.connection,
    history: record.history.map(({ connection, since, actor }) => ({
      connection,
      since: new Date(since).toISOString(),
      actor,
    })),
  }
}
