import { type Level, type Logger, pino } from 'pino'
import { type LineSink, Sink, type SinkEvents, type SinkOptions } from './sink.ts'

/**
 * Where secrets would be if a whole request, header set or settings tree were logged. `Secret` is the first safeguard, this
 * is the second.
 */
const redacted = ['authorization', 'Authorization', 'password', 'cookie', 'set-cookie', 'hash']
const paths = redacted.flatMap(key => [`["${key}"]`, `*["${key}"]`, `*.*["${key}"]`])

/** A log, and where its lines go. */
export interface OpenLog<To extends LineSink = Sink> {
  readonly log: Logger
  readonly sink: To
}

/**
 * JSON lines to standard output, or appended to `file`. Never throws: `sink.trouble` says why they cannot be written.
 * `dropped` is told of each lost line; the log itself states how many, once lines can be written again.
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
  const log = logTo(sink, level)
  return { log, sink }
}

/** JSON lines to a sink. */
export function logTo(sink: LineSink, level: Level): Logger {
  return pino({ level, base: null, redact: { paths, censor: '[secret]' }, timestamp }, sink)
}

let stamped = 0
let stamp = ''
let second = -1
let secondText = ''

/** The member of a line that says when: RFC 3339 in UTC, made once a millisecond, and its part up to the second once a second. */
export function timestamp(): string {
  const now = Date.now()
  if (now === stamped) return stamp
  stamped = now
  const ms = now % 1000
  if (now - ms !== second) {
    second = now - ms
    secondText = `,"time":"${new Date(second).toISOString().slice(0, -4)}`
  }
  stamp = `${secondText}${String(ms).padStart(3, '0')}Z"`
  return stamp
}
