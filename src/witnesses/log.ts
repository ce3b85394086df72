import { pino, type Level, type Logger } from 'pino'
import { Sink, type SinkEvents, type SinkOptions } from './sink.ts'

export type { Logger } from 'pino'

/**
 * Where secrets would be if somebody logged a whole request, header set or settings tree. `Secret` is the first
 * net, this is the second.
 */
const redacted = ['authorization', 'Authorization', 'password', 'cookie', 'set-cookie', 'hash']
const paths = redacted.flatMap(key => [`["${key}"]`, `*["${key}"]`, `*.*["${key}"]`])

/** A log, and where its lines go. */
export interface OpenLog {
  readonly log: Logger
  readonly sink: Sink
}

/**
 * JSON lines to standard output, or appended to `file`. Never throws: what `sink` says is why they cannot be written, if so.
 * `dropped` is told of each line that is lost; how many it were is told in the log itself, when lines can be written again.
 */
export function openLog(
  { level, ...where }: { readonly level: Level } & SinkOptions,
  { dropped, failed }: Pick<SinkEvents, 'dropped' | 'failed'> = { dropped: () => {} },
): OpenLog {
  const sink = new Sink(where, {
    dropped,
    ...(failed && { failed }),
    resumed: lost => log.error({ dropped: lost }, 'lines could not be written for a while'),
  })
  const log = pino({ level, base: null, redact: { paths, censor: '[secret]' }, timestamp }, sink)
  return { log, sink }
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
