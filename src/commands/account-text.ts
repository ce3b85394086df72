import { answerText, type Answer } from '../accounts/answer.ts'
import { describe, scopeOf, type Connection } from '../gateway/account.ts'
import type { AccountRecord } from '../gateway/registry.ts'
import type { Settings } from '../settings/schema.ts'
import { addressOf, destinationOf } from './route.ts'
import { moment, say, sayTable, strong } from './say.ts'

/** What an account signs in with, with the id that commands ask for. */
export function connectionText(connection: Connection): string {
  const id = connection.kind === 'entra' ? ` (${connection.directoryId})` : ''
  return describe(connection) + id
}

/** An account for people. `said`: what the directory source says of it now, where there is one. */
export function sayAccount(record: AccountRecord, settings: Settings, said?: Answer): void {
  const facts = [
    ['signs in with', connectionText(record.connection)],
    ...(said ? [['asked just now', answerText(said)] as const] : []),
    ['scope', scopeOf(record.connection)],
    ['lets in', record.membersOnly ? 'members only' : 'everybody of its scope'],
    ['upstream', record.upstream],
    ['requests', `${addressOf(record.name, settings)}... go to ${destinationOf(record, settings)}...`],
  ] as const
  say(strong(record.name))
  for (const [label, fact] of facts) say(`  ${label.padEnd(14)} ${fact}`)
  say('')
  sayTable(
    ['SINCE', 'SIGNED IN WITH', 'BY'],
    record.history.map(({ since, connection, actor, ...how }) => [
      moment(since),
      connectionText(connection) + manner(how),
      actor,
    ]),
  )
}

/** What is special about a move. */
function manner({ bridgedUntil, undo }: Pick<Entry, 'bridgedUntil' | 'undo'>): string {
  if (undo) return ', a move undone'
  return bridgedUntil === undefined ? '' : `, bridged until ${moment(bridgedUntil)}`
}

type Entry = AccountRecord['history'][number]

/** An account for programs; times are ISO 8601 in UTC. */
export function accountJson(record: AccountRecord, settings: Settings): object {
  return {
    name: record.name,
    address: addressOf(record.name, settings),
    upstream: record.upstream,
    destination: destinationOf(record, settings),
    scope: scopeOf(record.connection),
    connection: record.connection,
    membersOnly: record.membersOnly ?? false,
    history: record.history.map(({ connection, since, actor, bridgedUntil, undo }) => ({
      connection,
      since: new Date(since).toISOString(),
      actor,
      ...(bridgedUntil !== undefined && { bridgedUntil: new Date(bridgedUntil).toISOString() }),
      ...(undo && { undo }),
    })),
  }
}
