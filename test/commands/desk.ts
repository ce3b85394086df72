import { join } from 'node:path'
import type { Test } from 'tap'
import { temporaryDirectory } from '../support/directory.ts'
import { altgate } from '../support/program.ts'
import { succeeded, type Ran } from '../support/run.ts'

/** Where commands are given: the real program on a store of its own. */
export interface Desk {
  readonly directory: string
  /** The settings, as the program sees them. */
  readonly env: Readonly<Record<string, string | undefined>>
  /** Makes the store, as the first start of a gateway does; every command that the desk gives does so first. */
  ready(): Promise<unknown>
  run(words: readonly string[], stdin?: string): Promise<Ran>
  /** What a command printed; throws unless it succeeded. */
  must(words: readonly string[], stdin?: string): Promise<string>
  /** What `--json` printed. */
  json(words: readonly string[], stdin?: string): Promise<unknown>
  /** Everything in the store, for "nothing was changed". */
  everything(): Promise<unknown>
}

/** A desk on an embedded store; `isMade`: false for one without. */
export function aDesk(
  t: Test,
  settings: Readonly<Record<string, string>> = {},
  { isMade = true }: { readonly isMade?: boolean } = {},
): Desk {
  const directory = temporaryDirectory(t)
  const env = { ...process.env, ALTGATE__STORE__URL: `sqlite:${join(directory, 'altgate.db')}`, ...settings }
  let made: Promise<Ran | undefined> | undefined = isMade ? undefined : Promise.resolve(undefined)
  const ready = () => (made ??= altgate(['store', 'init'], env))
  const run: Desk['run'] = async (words, stdin = '') => {
    await ready()
    return altgate(words, env, { stdin })
  }
  const must: Desk['must'] = async (words, stdin) => succeeded(words.join(' '), await run(words, stdin))
  const json: Desk['json'] = async (words, stdin) => JSON.parse(await must([...words, '--json'], stdin))
  return {
    directory,
    env,
    ready,
    run,
    must,
    json,
    everything: async () => [
      await json(['directory', 'list']),
      await json(['account', 'list']),
      await json(['credential', 'list', '--scope', 'msa']),
    ],
  }
}

export const fabrikamId = '72f988bf-86f1-41af-91ab-2d7cd011db47'
export const contosoId = '5f0c2a9e-3b1d-4c66-9d0a-7a51c3e8f214'
