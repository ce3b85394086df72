import { join } from 'node:path'
import type { Test } from 'tap'
import { msaScope } from '../../src/gateway/names.ts'
import { Secret } from '../../src/gateway/secret.ts'
import { openStore } from '../../src/store/store.ts'
import { temporaryDirectory } from '../support/directory.ts'
import { openOperator } from '../support/operator.ts'
import { altgate } from '../support/program.ts'
import { succeeded, type Ran } from '../support/run.ts'

/** Where commands are given: the real program on a store of its own. */
export interface Desk {
  readonly directory: string
  /** The settings, as the program sees them. */
  readonly env: Readonly<Record<string, string | undefined>>
  /** Waits until there is a store. */
  isReady(): Promise<void>
  run(words: readonly string[], stdin?: string): Promise<Ran>
  /** What a command printed; throws unless it succeeded. */
  must(words: readonly string[], stdin?: string): Promise<string>
  /** What `--json` printed. */
  json(words: readonly string[], stdin?: string): Promise<unknown>
  /** Everything in the store, for "nothing was changed". */
  everything(): Promise<unknown>
}

/**
 * A desk on an embedded store, which is made before its first command, as the first start of a gateway does. `isMade`: false
 * for a desk without one.
 */
export function aDesk(
  t: Test,
  settings: Readonly<Record<string, string>> = {},
  { isMade = true }: { readonly isMade?: boolean } = {},
): Desk {
  const directory = temporaryDirectory(t)
  const url = settings['ALTGATE__STORE__URL'] ?? `sqlite:${join(directory, 'altgate.db')}`
  const env = { ...process.env, ...settings, ALTGATE__STORE__URL: url }
  let making = isMade && url.startsWith('sqlite:') ? undefined : Promise.resolve()
  const isReady = () => (making ??= makeStore(url))
  const run: Desk['run'] = async (words, stdin = '') => {
    await isReady()
    return altgate(words, env, { stdin })
  }
  const must: Desk['must'] = async (words, stdin) => succeeded(words.join(' '), await run(words, stdin))
  const json: Desk['json'] = async (words, stdin) => JSON.parse(await must([...words, '--json'], stdin))
  return {
    directory,
    env,
    isReady,
    run,
    must,
    json,
    async everything() {
      const operator = await openOperator(undefined, env)
      const { registry } = operator
      const all = [registry.directories(), registry.accounts(), registry.credentials(msaScope)]
      return await Promise.all(all).finally(() => operator.close())
    },
  }
}

async function makeStore(url: string): Promise<void> {
  const store = await openStore({ url: new Secret(url) })
  await store.close()
}

export const fabrikamId = '72f988bf-86f1-41af-91ab-2d7cd011db47'
export const contosoId = '5f0c2a9e-3b1d-4c66-9d0a-7a51c3e8f214'
