/** The parts of a message, as parsed by pg, that decide whether it may arrive now. */
export interface Message {
  readonly name: string
  /** In the end of a statement: `SELECT 3`. */
  readonly text?: string | undefined
  /** In an error of PostgreSQL; pg's own error, for an unknown message, has none. */
  readonly code?: string | undefined
}

/** Verifies the order of messages on one connection: pg does not, and could give rows to the wrong statement. */
export interface MessageOrder {
  /** A statement is sent, in one message or as parse, bind, describe and execute. */
  asked(how: 'at once' | 'in parts'): void
  /** Throws if the message is out of order: later ones can no longer be assigned. */
  heard(message: Message): void
}

const [bound, described, done] = [2, 3, 5]

/** The answer to a statement sent in parts: one message of each in this order, but any number of rows. */
const places: Readonly<Record<string, number>> = {
  parseComplete: 1,
  bindComplete: bound,
  noData: described,
  rowDescription: described,
  dataRow: 4,
  commandComplete: done,
  emptyQuery: done,
  readyForQuery: 6,
}

/** Messages that the server may send at any time. */
const atAnyTime: ReadonlySet<string> = new Set(['notice', 'notification', 'parameterStatus'])

export function createMessageOrder(): MessageOrder {
  let state: 'signing in' | 'signed in' | 'ready' | 'asked' | 'over' = 'signing in'
  let place = 0
  let atOnce = false
  let rows: number | undefined // since they were described

  function refuse({ name }: Message): never {
    state = 'over'
    throw new Error(`PostgreSQL sent a message out of order: ${name}`)
  }

  function starting(message: Message): void {
    const { name } = message
    if (name === 'error')
      state = 'over' // later messages would be taken for success
    else if (name === 'authenticationOk' && state === 'signing in') state = 'signed in'
    else if (name === 'readyForQuery' && state === 'signed in') state = 'ready'
    else if (name === 'backendKeyData' && state === 'signed in') return
    else if (!name.startsWith('authentication') || state !== 'signing in') refuse(message)
  }

  function answering(message: Message): void {
    const { name, text = '', code } = message
    // Also after the end of a statement: some checks are made at the commit.
    if (name === 'error' && code !== undefined) return void (place = done)
    if (!mayFollow(name)) refuse(message)
    place = places[name] ?? 0
    if (name === 'rowDescription') rows = 0
    if (name === 'dataRow' && rows !== undefined) rows += 1
    if (name === 'readyForQuery') state = 'ready'
    // A lost row must not look like a missing one.
    const count = rows === undefined ? undefined : /\d+$/.exec(text)?.[0]
    if (name === 'commandComplete' && count !== undefined && Number(count) !== rows) refuse(message)
  }

  function mayFollow(name: string): boolean {
    const next = places[name]
    if (name === 'dataRow') return rows !== undefined && place < done
    if (next === done) return (place >= described && place < done) || (atOnce && place === bound)
    return next === place + 1
  }

  return {
    asked(how) {
      if (state === 'ready') state = 'asked'
      atOnce = how === 'at once'
      place = atOnce ? bound : 0
      rows = undefined
    },
    heard(message) {
      if (state === 'over') return refuse(message)
      if (atAnyTime.has(message.name)) return
      if (state === 'asked') answering(message)
      else if (state !== 'ready') starting(message)
      // The server ends the connection after an error outside a statement, and pg does not use it again.
      else if (message.name !== 'error') refuse(message)
    },
  }
}
