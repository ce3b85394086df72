import type { Command } from 'commander'
import { exportCredentials, type Exported, exportEverything, linesOf } from '../administration/exports.ts'
import type { Scope } from '../gateway/names.ts'
import { scope as readScope } from './arguments.ts'
import { insistOnScope } from './failure.ts'
import { examples } from './help.ts'
import type { Toolbox } from './tools.ts'

const about = `
A JSON object on each line, told apart by "kind". No passwords, no hashes and no
sign-ins: users that are imported elsewhere have to set a password there. Named
and generated passwords are never text to export: altgate backup carries them.`

/** `altgate credential export`. */
export function addCredentialExport(credential: Command, toolbox: Toolbox): void {
  credential
    .command('export')
    .description('print the credentials of a scope as JSON lines, without passwords')
    .requiredOption('--scope <S>', 'msa, or the id of a directory', readScope)
    .addHelpText('after', about)
    .addHelpText(
      'after',
      examples(
        'credential export --scope msa > users.jsonl',
        'credential import users.jsonl --scope msa --dry-run',
      ),
    )
    .action(({ scope }: { scope: Scope }) =>
      toolbox.use(async ({ registry }) => {
        await insistOnScope(registry, scope)
        await print(exportCredentials(registry, scope))
      }),
    )
}

/** `altgate store export`. */
export function addStoreExport(store: Command, toolbox: Toolbox): void {
  store
    .command('export')
    .description('print everything but secrets as JSON lines: directories, accounts, members, credentials')
    .addHelpText('after', about)
    .addHelpText('after', examples('store export > altgate.jsonl'))
    .action(() => toolbox.use(({ registry }) => print(exportEverything(registry))))
}

async function print(pages: AsyncIterable<readonly Exported[]>): Promise<void> {
  for await (const page of pages) process.stdout.write(linesOf(page))
}
