import type { Command } from 'commander'
import type { Instant, Scope, Username } from '../gateway/names.ts'
import type { CredentialRecord } from '../gateway/registry.ts'
import { addImport } from './credential-import.ts'
import { addSet } from './credential-set.ts'
import { examples } from './help.ts'
import { insist } from './problems.ts'
import { moment, say, sayJson, sayTable } from './say.ts'
import { actor, type Toolbox } from './tools.ts'
import { anyName, scope as readScope } from './words.ts'

/** `altgate credential ...`: the alternate credentials of people. */
export function addCredentialCommands(program: Command, toolbox: Toolbox): void {
  const credential = program
    .command('credential')
    .description('alternate credentials of people')
    .addHelpText('after', examples('credential list --scope msa'))
  addSet(credential, toolbox)
  addSwitch(credential, toolbox, { name: 'enable', on: true, about: 'switch a credential on again' })
  addSwitch(credential, toolbox, {
    name: 'disable',
    on: false,
    about: 'switch a credential off, in every running gateway at once',
  })
  addList(credential, toolbox)
  addImport(credential, toolbox)
}

function addSwitch(
  credential: Command,
  toolbox: Toolbox,
  { name, on, about }: { readonly name: string; readonly on: boolean; readonly about: string },
): void {
  credential
    .command(name)
    .description(about)
    .requiredOption('--scope <S>', 'msa, or the id of a directory', readScope)
    .requiredOption('--user <NAME>', 'primary or secondary user name', anyName)
    .addHelpText('after', examples(`credential ${name} --scope msa --user anna@example.com`))
    .action(({ scope, user }: { scope: Scope; user: Username }) =>
      toolbox.use(async ({ registry }) => {
        await insist(registry.switchCredential(actor(), scope, user, on))
        say(`The credential of ${user} in scope ${scope} is ${on ? 'on' : 'off'}, in every running gateway.`)
      }),
    )
}

function addList(credential: Command, toolbox: Toolbox): void {
  credential
    .command('list')
    .description('all credentials of a scope, without their passwords')
    .requiredOption('--scope <S>', 'msa, or the id of a directory', readScope)
    .option(
      '--json',
      'a list of objects: scope, username, secondary (if there is one), enabled, algorithm, setAt, lastUsed (at, from; if it was)',
    )
    .addHelpText('after', examples('credential list --scope msa', 'credential list --scope msa --json'))
    .action(({ scope, json }: { scope: Scope; json?: true }) =>
      toolbox.use(async ({ registry }) => {
        const all = await registry.credentials(scope)
        if (json) return sayJson(all.map(credentialJson))
        if (all.length === 0)
          return say(
            `There are no credentials in scope ${scope}. Set one: altgate credential set --scope ${scope} --user NAME`,
          )
        sayTable(
          ['SCOPE', 'USER', 'SECONDARY', 'STATE', 'ALGORITHM', 'SET AT', 'LAST USED'],
          all.map(each => [
            each.scope,
            each.username,
            each.secondary ?? '-',
            each.enabled ? 'on' : 'off',
            each.algorithm,
            moment(each.setAt),
            lastUsedText(each),
          ]),
        )
      }),
    )
}

function lastUsedText({ lastUsed }: CredentialRecord): string {
  return lastUsed === undefined ? '-' : `${moment(lastUsed.at)} from ${lastUsed.from}`
}

/** Field by field: whatever the store may add to a record, a hash must never slip out. */
function credentialJson(record: CredentialRecord): object {
  const { scope, username, secondary, enabled, algorithm, lastUsed } = record
  return {
    scope,
    username,
    secondary,
    enabled,
    algorithm,
    setAt: isoTime(record.setAt),
    ...(lastUsed && { lastUsed: { at: isoTime(lastUsed.at), from: lastUsed.from } }),
  }
}

function isoTime(instant: Instant): string {
  return new Date(instant).toISOString()
}
