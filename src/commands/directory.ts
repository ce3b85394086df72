import type { Command } from 'commander'
import type { DirectoryId } from '../gateway/names.ts'
import { examples } from './help.ts'
import { insist } from './failure.ts'
import { say, sayJson, sayTable } from './say.ts'
import { actor, type Toolbox } from './tools.ts'
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
    .addHelpText('after', examples('directory add 72f988bf-86f1-41af-91ab-2d7cd011db47 --name Fabrikam'))
    .action((id: DirectoryId, { name, issuer }: { name: string; issuer?: string }) =>
      toolbox.use(async ({ registry }) => {
        await insist(registry.addDirectory(actor(), { id, name, ...(issuer !== undefined && { issuer }) }))
        say(`Directory "${name}" (${id}) was added. Next: altgate account connect NAME --directory ${id}`)
      }),
    )

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
        )
      }),
    )
}
