import type { Command } from 'commander'
import { isoTime } from '../administration/times.ts'
import { lastUsedField, publicFieldsOf } from '../administration/views.ts'
import { msaScope, type Scope } from '../gateway/names.ts'
import type { AccountRecord } from '../gateway/registry.ts'
import { scope as readScope } from './arguments.ts'
import { insistOnScope } from './failure.ts'
import { examples } from './help.ts'
import { say } from './say.ts'
import type { Toolbox, Tools } from './tools.ts'

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
        await exportCredentials(registry, scope)
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
    .action(() => toolbox.use(({ registry }) => exportEverything(registry)))
}

type Registry = Tools['registry']

async function exportEverything(registry: Registry): Promise<void> {
  const directories = await registry.directories()
  const accounts = await registry.accounts()
  for (const { id, name, issuer } of directories) sayLine('directory', { id, name, issuer })
  for (const account of accounts) sayLine('account', fieldsOf(account))
  for (const { name } of accounts)
    for (const { scope, username } of await registry.members(name))
      sayLine('member', { account: name, scope, username })
  // The id of a directory is its scope.
  for (const scope of [msaScope, ...directories.map(({ id }) => id as string as Scope)])
    await exportCredentials(registry, scope)
}

async function exportCredentials(registry: Registry, scope: Scope): Promise<void> {
  for (const record of await registry.credentials(scope))
    sayLine('credential', { ...publicFieldsOf(record), owner: record.owner, ...lastUsedField(record) })
}

function sayLine(kind: string, fields: object): void {
  say(JSON.stringify({ kind, ...fields }))
}

function fieldsOf({ name, upstream, connection, membersOnly, history }: AccountRecord): object {
  return {
    name,
    upstream,
    connection,
    membersOnly: membersOnly ?? false,
    history: history.map(({ since, bridgedUntil, ...rest }) => ({
      ...rest,
      since: isoTime(since),
      ...(bridgedUntil !== undefined && { bridgedUntil: isoTime(bridgedUntil) }),
    })),
  }
}
