import { pino, type DestinationStream, type Level, type Logger } from 'pino'

export type { Logger } from 'pino'

/**
 * Where secrets would be if somebody logged a whole request, header set or settings tree. `Secret` is the first
 * net, this is the second.
 */
const redacted = ['authorization', 'Authorization', 'password', 'cookie', 'set-cookie', 'hash']
const paths = redacted.flatMap(key => [`["${key}"]`, `*["${key}"]`, `*.*["${key}"]`])

/** JSON lines to standard output, or appended to `file`. */
export function createLog({ level, file }: { readonly level: Level; readonly file?: string }): Logger {
  return pino(
    { level, base: null, redact: { paths, censor: '[secret]' }, timestamp },
    atTheEndOfTheTurn(pino.destination({ dest: file ?? 1, mkdir: true, sync: true })),
  )
}

/**
 * The same log for lines whose every field was chosen by name: looking for secrets in them would cost more than all
 * the rest of a decision.
 */
export function withoutRedaction(log: Logger): Logger {
  return log.child({}, { redact: [] })
}

let stamped = 0
let stamp = ''

/** RFC 3339 in UTC; written once for all lines of one millisecond. */
function timestamp(): string {
  const now = Date.now()
  if (now !== stamped) {
    stamped = now
    stamp = `,"time":"${new Date(now).toISOString()}"`
  }
  return stamp
}

/**
 * One write for all lines of one turn of the event loop: a gateway under load decides a dozen requests in each. They
 * are written before the next turn, and when the process ends, so that a crash of our own loses none.
 */
function atTheEndOfTheTurn(file: DestinationStream): DestinationStream {
  let lines = ''
  const flush = (): void => {
    if (lines !== '') file.write(lines)
    lines = ''
  }
  process.on('exit', flush)
  return {
    write(line) {
      if (lines === '') setImmediate(flush)
      lines += line
    },
  }
}
