import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { stringify } from 'yaml'
import { temporaryDirectory } from '../support/directory.ts'
import { altgate, checkout, start, type Running } from '../support/program.ts'
import type { Ran } from '../support/run.ts'

/** A folder with a settings file for one target, `here`. */
export interface BenchFolder {
  readonly directory: string
  readonly file: string
  /** Runs `altgate bench` on it to the end. */
  run(words: readonly string[]): Promise<Ran>
  /** Starts it. */
  start(words: readonly string[]): Running
}

export interface BenchFile {
  readonly url: string
  readonly callers: Readonly<Record<string, object>>
  readonly load?: object
  readonly thresholds?: object
  /** More about the target. */
  readonly target?: object
  readonly env?: Readonly<Record<string, string>>
}

/** Writes the settings file: without a warm-up, for one second, unless `load` says otherwise. */
export function aBenchFolder(
  t: Test,
  { url, callers, load, thresholds = {}, target, env }: BenchFile,
): BenchFolder {
  const directory = temporaryDirectory(t)
  const file = join(directory, 'bench.yaml')
  const targets = { here: { url, callers, ...target } }
  const all = { targets, load: { warmUpSeconds: 0, durationSeconds: 1, ...load }, thresholds }
  writeFileSync(file, stringify(all))
  const environment = { ...process.env, ...env }
  const wordsOf = (words: readonly string[]) => ['bench', ...words, '--config', file]
  return {
    directory,
    file,
    run: words => altgate(wordsOf(words), environment),
    start: words => start(t, [join(checkout, 'src/altgate.js'), ...wordsOf(words)], environment),
  }
}
