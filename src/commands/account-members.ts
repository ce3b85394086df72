import type { Command } from 'commander'
import { scopeOf } from '../gateway/account.ts'
import type { AccountName, Scope, Username } from '../gateway/names.ts'
import type { Member } from '../gateway/registry.ts'
import { examples } from './help.ts'
import { insist, known } from './problems.ts'
import { note, say, sayJson, sayTable } from './say.ts'
import { actor, type Toolbox, type Tools } from './tools.ts'
import { accountName, anyName, scope as readScope } from './words.ts'

interface Options {
  readonly add?: readonly Username[]
  readonly remove?: readonly Username[]
  readonly open?: true
  readonly scope?: Scope
  readonly json?: true
}

const about = `
Without a list an account lets in everybody who has a credential in its scope.
The first --add makes a list, and from then on the account lets in nobody else;
whoever is none gets 403 and keeps the password. A member is a person: renames
and resets change nothing. An address that nobody has yet waits for whoever the
directory gives it to. When the account moves, the list of its new scope counts:
it can be made before, with --scope.`

/** `altgate account members`: whom an account lets in. */
export function addMembers(account: Command, toolbox: Toolbox): void {
  account
    .command('members')
    .description('whom an account lets in, in every running gateway at once')
    .argument('<NAME>', 'the account', accountName)
    .option('--add <USER...>', 'let them in: primary or secondary user names', several)
    .option('--remove <USER...>', 'no longer let them in, in whatever scope they are listed', several)
    .option('--open', 'forget the list, and let in everybody of the scope again')
    .option(
      '--scope <S>',
      "with --add: msa, or the id of a directory; the account's own if left out",
      readScope,
    )
    .option('--json', 'an object: account, membersOnly, members (scope, username, waiting)')
    .addHelpText('after', about)
    .addHelpText(
      'after',
      examples(
        'account members fabrikam',
        'account members fabrikam --add anna@example.com boris@example.com',
        'account members fabrikam --remove boris@example.com',
        'account members fabrikam --open',
      ),
    )
    .action((name: AccountName, options: Options, command: Command) => {
      const changes = options.add !== undefined || options.remove !== undefined
      if (options.open && changes)
        command.error('error: --open forgets the list: leave out --add and --remove.', { exitCode: 2 })
      if (options.scope !== undefined && options.add === undefined)
        command.error('error: --scope says where those behind --add have their credentials.', { exitCode: 2 })
      return toolbox.use(async ({ registry }) => {
        await change(registry, name, options)
        await show(registry, name, options)
      })
    })
}

async function change(
  registry: Tools['registry'],
  name: AccountName,
  { add, remove, open, scope }: Options,
): Promise<void> {
  if (open) await insist(registry.openToAll(actor(), name))
  if (add !== undefined) {
    const where = scope ?? scopeOf((await known(registry, name)).connection)
    await insist(registry.addMembers(actor(), name, where, add))
  }
  if (remove !== undefined) await insist(registry.removeMembers(actor(), name, remove))
}

async function show(registry: Tools['registry'], name: AccountName, { json }: Options): Promise<void> {
  const { membersOnly = false, connection } = await known(registry, name)
  const members = await registry.members(name)
  if (json) return sayJson({ account: name, membersOnly, members })
  const scope = scopeOf(connection)
  if (!membersOnly) return say(`${name} lets in everybody who has a credential in scope ${scope}.`)
  if (members.length > 0) sayTable(['SCOPE', 'USER', 'STATE'], members.map(rowOf))
  if (members.some(each => each.scope === scope)) return
  note(
    `${name} lets nobody in: it has no members in its scope, ${scope}. Let in everybody: altgate account members ${name} --open`,
  )
}

function rowOf({ scope, username, waiting }: Member): readonly string[] {
  return [scope, username, waiting ? 'has no credential yet' : 'let in']
}

/** Of an option that takes several words, one after the other. */
function several(text: string, before: readonly Username[] = []): readonly Username[] {
  return [...before, anyName(text)]
}
