type Send<Result> = (text: string, values: readonly unknown[]) => Promise<Result>

/** The statements of one connection while it is checked out of its pool. */
export interface Statements<Result> {
  readonly query: Send<Result>
  /** The connection is returned to its pool. */
  end(): void
}

/** Milliseconds. Others wait for a pending change for `statement_timeout`, which is longer. */
const silence = { limit: 3000, pause: 1000 }

/**
 * A process that is disconnected, stopped or hung in a transaction must not hold its locks until TCP gives up: the server
 * ends a transaction that is idle for too long. One that waits for gateways sends a statement now and then. The limits
 * are set in the transaction, because PgBouncer accepts them nowhere else.
 */
export function keepTransactions<Result>(send: Send<Result>, statementTimeout: number): Statements<Result> {
  let timer: NodeJS.Timeout | undefined
  let beat: Promise<void> | undefined
  let isOpen = false

  function later(): void {
    clearTimeout(timer)
    timer = setTimeout(() => {
      beat = send('select 1', []).then(later)
      beat.catch(() => {}) // the next statement reports it
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
