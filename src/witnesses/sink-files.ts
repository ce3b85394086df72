import { constants, fstatSync, mkdirSync, openSync, statSync, type Stats } from 'node:fs'
import { dirname } from 'node:path'

/** Never waits for whoever reads a pipe. Only the user of this process may read what it makes. */
export function openToAppend(file: string): number {
  const { O_WRONLY, O_APPEND, O_CREAT, O_NONBLOCK, O_NOCTTY } = constants
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
  return openSync(file, O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK | O_NOCTTY, 0o600)
}

/**
 * A descriptor of standard output whose writes do not wait. Node makes a pipe or a socket so, for all that share it, when it
 * opens it as a stream; anything else is opened once more.
 */
export function withoutWaiting(descriptor: number): number {
  const kind = fstatSync(descriptor)
  if (kind.isCharacterDevice())
    try {
      const { O_WRONLY, O_NONBLOCK, O_NOCTTY } = constants
      return openSync(`/proc/self/fd/${descriptor}`, O_WRONLY | O_NONBLOCK | O_NOCTTY)
    } catch {
      return descriptor // not Linux, or somebody else's terminal
    }
  if (descriptor === 1 && !kind.isFile()) void process.stdout
  return descriptor
}

/** Whether a file that was opened is still the one of that name. */
export function isNamed(file: string, opened: Stats): boolean {
  const named = statSync(file, { throwIfNoEntry: false })
  return named !== undefined && named.ino === opened.ino && named.dev === opened.dev
}
