import { Interrupted } from './failure.ts'
import { clearProgress, note } from './say.ts'

/** What Ctrl-C does to a command that changes everything or nothing. */
export interface Interruption {
  /** Rejects with `Interrupted`, once nothing will be changed. */
  readonly happened: Promise<never>
  /** Throws `Interrupted` after Ctrl-C. */
  check(): void
  /** From now on Ctrl-C is answered, and changes nothing. */
  tooLate(): void
  stop(): void
}

/** `what`: what is put into force at the end, such as `the import`. */
export function catchInterrupts(what: string): Interruption {
  const { promise: happened, reject } = Promise.withResolvers<never>()
  happened.catch(() => {})
  let isInterrupted = false
  let isLate = false
  const hear = () => {
    clearProgress()
    if (isLate) return note(`Too late to stop: ${what} is being put into force in every gateway.`)
    if (!isInterrupted) note('Stopped. Nothing was changed.')
    isInterrupted = true
    process.stdin.destroy() // or the command would wait for its end
    reject(new Interrupted())
  }
  process.on('SIGINT', hear)
  return {
    happened,
    check() {
      if (isInterrupted) throw new Interrupted()
    },
    tooLate: () => (isLate = true),
    stop: () => process.off('SIGINT', hear),
  }
}
