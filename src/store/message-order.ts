/** What of a message says whether it may come now; pg has read it. */
export interface Message {
  readonly name: string
  /** Of the end of a statement: `SELECT 3`. */
  readonly text?: string | undefined
  /** Of an error; without one it is not PostgreSQL's but pg's own, for a message that it does not know. */
  readonly code?: string | undefined
}

/** The order of messages on one connection: pg takes each of them for what it waits for, and gives rows to the wrong statement. */
export interface MessageOrder {
  /** A statement is sent, in one message or by parse, bind, describe and execute. */
  asked(how: 'at once' | 'in parts'): void
  /** Throws if the message cannot come now: what comes after it belongs to nothing any more. */
  heard(message: Message): void
}

const [bound, described, done] = [2, 3, 5]

/** An answer to a statement that is sent in parts: one of each in this order, but as many rows as there are, if any. */
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

/** The server may say these whenever it likes. */
const atAnyTime: ReadonlySet<string> = new Set(['notice', 'notification', 'parameterStatus'])

export function createMessageOrder(): MessageOrder {
  let state: 'signing in' | 'signed in' | 'ready' | 'asked' | 'over' = 'signing in'
  let place = 0
  let atOnce = false
  let rows: number | undefined // since they were described

  function refuse({ name }: Message): never {
    state = 'over'
    throw new Error(`PostgreSQL sent a message that does not belong here: ${name}`)
  }

  function starting(message: Message): void {
    const { name } = message
    if (name === 'error')
      state = 'over' // what follows would be taken for success
    else if (name === 'authenticationOk' && state === 'signing in') state = 'signed in'
    else if (name === 'readyForQuery' && state === 'signed in') state = 'ready'
    else if (name === 'backendKeyData' && state === 'signed in') return
    else if (!name.startsWith('authentication') || state !== 'signing in') refuse(message)
  }

  function answering(message: Message): void {
    const { name, text = '', code } = message
    // Also after the end of a statement: what is checked at the commit is checked later.
    if (name === 'error' && code !== undefined) return void (place = done)
    if (!mayFollow(name)) refuse(message)
    place = places[name] ?? 0
    if (name === 'rowDescription') rows = 0
    if (name === 'dataRow' && rows !== undefined) rows += 1
    if (name === 'readyForQuery') state = 'ready'
    // A row that was lost on the way must not look like one that is not there.
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
      // It hangs up after an error that belongs to no statement, and says why: pg does not use it again.
      else if (message.name !== 'error') refuse(message)
    },
  }
}
