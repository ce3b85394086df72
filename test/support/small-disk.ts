import { execFileSync } from 'node:child_process'
import { appendFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { temporaryDirectory } from './directory.ts'

/** A file system of its own, and a way to fill it. */
export interface SmallDisk {
  readonly directory: string
  /** Takes all the room that is left. */
  fill(): void
  empty(): void
}

/** Mounts it; it goes with the test. */
export function smallDisk(t: Pick<Test, 'teardown'>, kib = 64): SmallDisk {
  const directory = temporaryDirectory(t)
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${kib}k`, 'altgate-test', directory])
  t.teardown(() => execFileSync('umount', ['--lazy', directory]))
  const ballast = join(directory, 'ballast')
  return {
    directory,
    fill() {
      try {
        for (;;) appendFileSync(ballast, Buffer.alloc(64 * 1024))
      } catch {
        // it is full, as it should be
      }
    },
    empty: () => rmSync(ballast),
  }
}
