import { randomUUID } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import type { Test } from 'tap'

/** A run from the command line that starts servers: Ctrl-C ends all of them. */
export interface LongRun {
  /** What parts of a test world end with. */
  readonly t: Pick<Test, 'teardown'>
  /** Ends what was started since the last time. */
  tearDown(): Promise<void>
  /** Whether Ctrl-C was pressed: what is found from then on is worth nothing. */
  interrupted(): boolean
  /** Ends the processes that are left, and this one. */
  exit(code: number): never
}

export function startLongRun(): LongRun {
  /** In the environment of every process that is started from here, and of those that they start. */
  const mark = `ALTGATE_LONG_RUN=${randomUUID()}`
  process.env['ALTGATE_LONG_RUN'] = mark.split('=')[1]
  const endings: (() => unknown)[] = []
  let interrupted = false

  async function tearDown(): Promise<void> {
    for (const ending of endings.splice(0)) {
      try {
        await ending()
      } catch (error) {
        process.stderr.write(`${String(error)}\n`)
      }
    }
  }

  function exit(code: number): never {
    endAllThatIsLeft(mark)
    process.exit(code)
  }

  async function interrupt(): Promise<void> {
    interrupted = true
    process.stdout.write('\nEnding what was started …\n')
    await Promise.race([tearDown(), delay(5000)])
    exit(130)
  }

  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => void interrupt())

  return {
    t: { teardown: (ending: () => unknown) => void endings.unshift(ending) },
    tearDown,
    interrupted: () => interrupted,
    exit,
  }
}

/** What was being started when its ending came, or was left behind by what was killed. */
function endAllThatIsLeft(mark: string): void {
  for (const pid of readdirSync('/proc').map(Number)) {
    if (Number.isNaN(pid) || pid === process.pid) continue
    try {
      if (readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0').includes(mark))
        process.kill(pid, 'SIGKILL')
    } catch {
      // it has ended, or is another user's
    }
  }
}
