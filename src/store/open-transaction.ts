type Send<Result> = (text: string, values: readonly unknown[]) => Promise<Result>

/** The statements of one connection, for as long as it is lent. */
export interface Statements<Result> {
  readonly query: Send<Result>
  /** No statement follows. */
  end(): void
}

/** Milliseconds. Others wait for a change that is under way `statement_timeout`, which is longer. */
const silence = { limit: 3000, pause: 1000 }

/**
 * A process that is cut off, stopped or hung in a transaction must not hold what others wait for until TCP gives up: the
 * server ends the transaction of a process that says nothing. One that waits for gateways says now and then that it is
 * there. The limits are set in the transaction, because PgBouncer takes them nowhere else.
 */
export function keepTransactions<Result>(send: Send<Result>, statementTimeout: number): Statements<Result> {
  let timer: NodeJS.Timeout | undefined
  let beat: Promise<void> | undefined
  let isOpen = false

  function later(): void {
    clearTimeout(timer)
    timer = setTimeout(() => {
      beat = send('select 1', []).then(later)
      beat.catch(() => {}) // the next statement tells of it
    }, silence.pause).unref()
  }

  async function within(text: string, values: readonly unknown[]): Promise<Result> {
    await beat
    clearTimeout(timer)
    const result = await send(text, values)
    if (text === 'begin') await send(limits, [])
    isOpen = text !== 'commit' && text !== 'rollback'
    if (isOpen) later()
    return result
  }

  const limits = `select set_config('idle_in_transaction_session_timeout', '${silence.limit}', true), set_config('statement_timeout', '${statementTimeout}', true)`
  return {
    query: (text, values) => (isOpen || text === 'begin' ? within(text, values) : send(text, values)),
    end: () => clearTimeout(timer),
  }
}
