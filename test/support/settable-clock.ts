import { globSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { temporaryDirectory } from './directory.ts'

/** A machine's clock that can be set while programs run by it. */
export interface SettableClock {
  /** The program, and its words, that makes another one, and all that it starts, see this clock. */
  readonly within: readonly string[]
  /** So many seconds before (`-300`) or after (`+86400`) the real one; `+0` is right. */
  set(offset: string): void
}

/** Only the time of day is another: what measures how long something took goes on, as it does when a clock is set. */
export function settableClock(t: Pick<Test, 'teardown'>, offset = '+0'): SettableClock {
  const [library] = globSync('/usr/lib/*/faketime/libfaketimeMT.so.1')
  if (library === undefined) throw new Error('faketime is not on this machine: npm test installs it')
  const file = join(temporaryDirectory(t), 'clock')
  const set: SettableClock['set'] = next => {
    writeFileSync(`${file}.new`, `${next}\n`)
    renameSync(`${file}.new`, file)
  }
  set(offset)
  return {
    within: [
      'env',
      `LD_PRELOAD=${library}`,
      `FAKETIME_TIMESTAMP_FILE=${file}`,
      'FAKETIME_NO_CACHE=1',
      'FAKETIME_DONT_FAKE_MONOTONIC=1',
    ],
    set,
  }
}
