import type { Command } from 'commander'
import { Failure } from '../common/failure.ts'
import { type Connection, scopeOf } from '../gateway/account.ts'
import type { DirectoryId, Scope } from '../gateway/names.ts'
import type { Directory } from '../gateway/registry.ts'
import { examples } from './help.ts'
import { insistOnYes, isConfirmed } from './confirmation.ts'
import { insist, sentenceOf } from './failure.ts'
import { note, say, sayChange, sayJson, sayTable } from './say.ts'
import { actor, type Toolbox, type Tools } from './tools.ts'
import { directoryId, directoryName, issuerUrl } from './arguments.ts'

/** `altgate directory ...`: the Entra directories that accounts can be connected to. */
export function addDirectoryCommands(program: Command, toolbox: Toolbox): void {
  const directory = program
    .command('directory')
    .description('the Microsoft Entra directories that accounts can be connected to')
    .addHelpText('after', examples('directory list'))

  directory
    .command('add')
    .description('add a directory')
    .argument('<ID>', 'the id of the directory (tenant), a GUID', directoryId)
    .requiredOption('--name <TEXT>', 'its name, as users know it', directoryName)
    .option('--issuer <URL>', 'OpenID Connect issuer where its users sign in', issuerUrl)
    .option('--json', 'print a JSON object: result (added), id, name, issuer (if there is one)')
    .addHelpText('after', examples('directory add 72f988bf-86f1-41af-91ab-2d7cd011db47 --name Fabrikam'))
    .action((id: DirectoryId, { name, issuer, json }: { name: string; issuer?: string; json?: true }) =>
      toolbox.use(async ({ registry }) => {
        await insist(registry.addDirectory(actor(), { id, name, ...(issuer !== undefined && { issuer }) }))
        sayChange(
          json,
          `Directory "${name}" (${id}) was added. Next: altgate account connect NAME --directory ${id}`,
          { result: 'added', id, name, issuer },
        )
      }),
    )

  addSet(directory, toolbox)
  addRemove(directory, toolbox)

  directory
    .command('list')
    .description('list all directories')
    .option('--json', 'print a JSON array of objects: id, name, issuer (if there is one)')
    .addHelpText('after', examples('directory list', 'directory list --json'))
    .action(({ json }: { json?: true }) =>
      toolbox.use(async ({ registry }) => {
        const all = await registry.directories()
        if (json) return sayJson(all.map(({ id, name, issuer }) => ({ id, name, issuer })))
        if (all.length === 0)
          return say('There are no directories yet. Add one: altgate directory add ID --name TEXT')
        sayTable(
          ['ID', 'NAME', 'ISSUER'],
          all.map(({ id, name, issuer }) => [id, name, issuer ?? '-']),
          { shorten: ['ISSUER', 'NAME'] },
        )
      }),
    )
}

interface SetOptions {
  readonly name?: string
  readonly issuer?: string | false
  readonly yes?: true
  readonly json?: true
}

/** `altgate directory set`. */
function addSet(directory: Command, toolbox: Toolbox): void {
  directory
    .command('set')
    .description('change the name or the issuer of a directory, in every running gateway at once')
    .argument('<ID>', 'the id of the directory', directoryId)
    .option('--name <TEXT>', 'its name, as users know it', directoryName)
    .option('--issuer <URL>', 'OpenID Connect issuer where its users sign in', issuerUrl)
    .option('--no-issuer', 'take the issuer away: users sign in where the settings say')
    .option('--yes', 'do not ask for confirmation')
    .option('--json', 'print a JSON object: result (changed), id, name, issuer (if there is one)')
    .addHelpText(
      'after',
      examples('directory set 72f988bf-86f1-41af-91ab-2d7cd011db47 --name "Fabrikam Inc."'),
    )
    .action((id: DirectoryId, options: SetOptions, command: Command) => {
      const { name } = options
      // Commander makes `true` of an option that is only ever negated, where it is left out.
      const issuer = options.issuer === false ? null : textOf(options.issuer)
      if (name === undefined && issuer === undefined)
        command.error('error: nothing to change: give --name, --issuer or --no-issuer.', { exitCode: 2 })
      insistOnYes(options, command)
      return toolbox.use(async ({ registry }) => {
        const before = await knownDirectory(registry, id)
        const changes = { ...(name !== undefined && { name }), ...(issuer !== undefined && { issuer }) }
        if (name !== undefined) note(`Its name changes from "${before.name}" to "${name}".`)
        if (issuer !== undefined)
          note(
            `Its issuer changes from ${before.issuer ?? 'none'} to ${issuer ?? 'none'}: users sign in there.`,
          )
        note(await hangingOn(registry, id))
        if (!options.yes && !(await isConfirmed(`Change the directory "${before.name}"?`)))
          throw new Failure('Nothing was changed.')
        await insist(registry.setDirectory(actor(), id, changes))
        const now = {
          id,
          name: name ?? before.name,
          issuer: (issuer === undefined ? before.issuer : issuer) ?? undefined,
        }
        sayChange(options.json, `Directory "${now.name}" (${id}) was changed, in every running gateway.`, {
          result: 'changed',
          ...now,
        })
      })
    })
}

function textOf(issuer: string | true | undefined): string | undefined {
  return typeof issuer === 'string' ? issuer : undefined
}

const aboutRemove = `
Refused while accounts are connected to it. Removes all credentials of its scope
with everything that belongs to them. Accounts that were connected to it keep
its name in their history, but its old passwords are no longer known there: they
are refused, instead of being told that a reset is needed.`

/** `altgate directory remove`. */
function addRemove(directory: Command, toolbox: Toolbox): void {
  directory
    .command('remove')
    .description('remove a directory and its credentials, in every running gateway at once')
    .argument('<ID>', 'the id of the directory', directoryId)
    .option('--yes', 'do not ask for confirmation')
    .option('--json', 'print a JSON object: result (removed), id, name')
    .addHelpText('after', aboutRemove)
    .addHelpText('after', examples('directory remove 72f988bf-86f1-41af-91ab-2d7cd011db47'))
    .action((id: DirectoryId, options: { readonly yes?: true; readonly json?: true }, command: Command) => {
      insistOnYes(options, command)
      return toolbox.use(async ({ registry }) => {
        const { name } = await knownDirectory(registry, id)
        const accounts = await registry.accountsIn(id as string as Scope)
        if (accounts.length > 0)
          throw new Failure(sentenceOf({ problem: 'directory-in-use', directoryId: id, accounts }))
        note(await hangingOn(registry, id))
        if (!options.yes && !(await isConfirmed(`Remove the directory "${name}" and all its credentials?`)))
          throw new Failure('Nothing was changed.')
        await insist(registry.removeDirectory(actor(), id))
        sayChange(options.json, `Directory "${name}" (${id}) was removed, in every running gateway.`, {
          result: 'removed',
          id,
          name,
        })
      })
    })
}

type Registry = Tools['registry']

async function knownDirectory(registry: Registry, id: DirectoryId): Promise<Directory> {
  const found = (await registry.directories()).find(each => each.id === id)
  if (found !== undefined) return found
  throw new Failure(
    `There is no directory ${id}. Nothing was changed. List all directories: altgate directory list`,
  )
}

/** What depends on a directory. */
async function hangingOn(registry: Registry, id: DirectoryId): Promise<string> {
  const scope = id as string as Scope // the id of a directory is its scope
  const accounts = await registry.accounts()
  const isOfIt = ({ connection }: { readonly connection: Connection }) => scopeOf(connection) === scope
  const now = accounts.filter(isOfIt).length
  const before = accounts.filter(each => !isOfIt(each) && each.history.some(isOfIt)).length
  const credentials = (await registry.credentials(scope)).length
  return `Affected: accounts: ${now}, accounts that were connected to it: ${before}, credentials: ${credentials}.`
}
