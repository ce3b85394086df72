import type { Command } from 'commander'
import { Failure } from '../common/failure.ts'
import { countByKey, rotate, type Rotated } from '../delegation/rotation.ts'
import { createSealing } from '../delegation/sealing.ts'
import type { Settings } from '../settings/schema.ts'
import { examples } from './help.ts'
import { clearProgress, say, showProgress } from './say.ts'
import type { Toolbox } from './tools.ts'

const aboutRotate = `
Seals everything with the first key of secrets.sealingKeys, so that the others
can be removed. Gateways may go on meanwhile, if they have been restarted with
the new key in front. Ctrl-C is safe: run it again to go on.`

/** `altgate keys`. */
export function addKeysCommands(program: Command, toolbox: Toolbox): void {
  const keys = program.command('keys').description('the keys that seal what sign-ins give')
  keys
    .command('list')
    .description('show the keys of the settings, and how many sign-ins each one seals')
    .option('--json', 'print JSON')
    .addHelpText('after', examples('keys list'))
    .action(({ json }: { json?: true }) =>
      toolbox.use(async ({ store }, settings) => {
        const listed = listedKeys(settings, await countByKey(store.grants))
        say(json ? JSON.stringify(listed, null, 2) : tableOf(listed))
      }),
    )
  keys
    .command('rotate')
    .description('seal all sign-ins with the first key')
    .addHelpText('after', aboutRotate)
    .addHelpText('after', examples('keys rotate'))
    .action(() =>
      toolbox.use(async ({ store }, { secrets: { sealingKeys } }) => {
        if (sealingKeys.length === 0)
          throw new Failure('The settings have no sealing key. Add one: secrets.sealingKeys')
        const { active } = await store.grants.count()
        const sealing = createSealing(sealingKeys)
        try {
          report(await rotate(store.grants, sealing, showProgress(active, 100)), sealing.first)
        } finally {
          clearProgress()
        }
      }),
    )
}

interface ListedKey {
  readonly id: string
  /** What the settings say of it. */
  readonly use: 'seals' | 'opens' | 'missing'
  readonly signIns: number
}

/** The keys of the settings in their order, then those that only the store knows. */
function listedKeys({ secrets }: Settings, counts: ReadonlyMap<string, number>): readonly ListedKey[] {
  const known = secrets.sealingKeys.map(({ id }) => id)
  const missing = [...counts.keys()].filter(id => !known.includes(id)).sort()
  return [
    ...known.map(
      (id, at) => ({ id, use: at === 0 ? 'seals' : 'opens', signIns: counts.get(id) ?? 0 }) as const,
    ),
    ...missing.map(id => ({ id, use: 'missing', signIns: counts.get(id) ?? 0 }) as const),
  ]
}

const uses: Readonly<Record<ListedKey['use'], string>> = {
  seals: 'seals and opens',
  opens: 'opens',
  missing: 'not in the settings: these users have to sign in again',
}

function tableOf(keys: readonly ListedKey[]): string {
  if (keys.length === 0) return 'The settings have no sealing key, and nothing is sealed.'
  const width = Math.max(...keys.map(({ id }) => id.length))
  return keys
    .map(
      ({ id, use, signIns }) => `${id.padEnd(width)}  ${String(signIns).padStart(7)} sign-ins  ${uses[use]}`,
    )
    .join('\n')
}

/** Throws `Failure` if something is not sealed with the first key: removing the others would lose it. */
function report({ resealed, lost, left }: Rotated, first: string): void {
  clearProgress()
  const sealed = resealed === 1 ? '1 sign-in was' : `${resealed} sign-ins were`
  say(`${sealed} sealed with the key ${first}.`)
  if (left > 0)
    throw new Failure(
      'Gateways still seal with another key. Restart all of them with the new key in front, then run the command again.',
    )
  if (lost > 0)
    throw new Failure(
      `${lost} are sealed with keys that the settings do not have (altgate keys list). Put the keys back and run the command again, or these users have to sign in again.`,
    )
}
