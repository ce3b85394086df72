import { pino, type DestinationStream, type Level, type Logger } from 'pino'

export type { Logger } from 'pino'

/**
 * Where secrets would be if somebody logged a whole request, header set or settings tree. `Secret` is the first
 * net, this is the second.
 */
const redacted = ['authorization', 'Authorization', 'password', 'cookie', 'set-cookie', 'hash']
const paths = redacted.flatMap(key => [`["${key}"]`, `*["${key}"]`, `*.*["${key}"]`])

/** JSON lines to standard output, or appended to `file`. Each line is written at once: a crash loses none. */
export function createLog({ level, file }: { readonly level: Level; readonly file?: string }): Logger {
  return pino(
    { level, base: null, redact: { paths, censor: '[secret]' }, timestamp: pino.stdTimeFunctions.isoTime },
    destination(file),
  )
}

function destination(file: string | undefined): DestinationStream {
  return pino.destination(
    file === undefined ? { dest: 1, sync: true } : { dest: file, mkdir: true, sync: true },
  )
}
