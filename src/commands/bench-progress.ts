import { SingleBar } from 'cli-progress'
import type { Progress } from '../bench/bench.ts'
import { note } from './say.ts'

/** Shows how far a load test is, on standard error. */
export interface ProgressShow {
  readonly progress: (progress: Progress) => void
  readonly close: () => void
}

/** A bar on a terminal, a line for each tenth elsewhere, nothing if `quiet`. */
export function showProgress(quiet: boolean): ProgressShow {
  if (quiet) return { progress() {}, close() {} }
  return process.stderr.isTTY ? bar() : lines()
}

function bar(): ProgressShow {
  const bar = new SingleBar({
    format: '{bar} {percentage} % · {value} of {total} s · {done} requests · Ctrl-C ends it with a report',
    stream: process.stderr,
    barCompleteChar: '█',
    barIncompleteChar: '░',
    hideCursor: true,
    clearOnComplete: true,
    gracefulExit: false, // it would end the program at Ctrl-C, and there would be no report
  })
  let started = false
  return {
    progress({ at, of, done }) {
      const [value, total] = [Math.floor(at / 1000), Math.round(of / 1000)]
      if (started) bar.update(value, { done })
      else bar.start(total, value, { done })
      started = true
    },
    close: () => bar.stop(),
  }
}

function lines(): ProgressShow {
  let tenths = 0
  return {
    progress({ at, of, done }) {
      const reached = Math.floor((10 * at) / of)
      if (reached <= tenths) return
      tenths = reached
      note(`${reached * 10} % · ${Math.floor(at / 1000)} of ${Math.round(of / 1000)} s · ${done} requests`)
    },
    close() {},
  }
}
