import type { Command } from 'commander'
import {
  linksOf,
  readShown,
  removeCredential,
  type Shown,
  unlink as unlinkAll,
} from '../administration/credentials.ts'
import { Failure } from '../common/failure.ts'
import type { Scope, Username } from '../gateway/names.ts'
import { isBlocked } from '../gateway/registry.ts'
import { anyName, scope as readScope } from './arguments.ts'
import { insistOnYes, isConfirmed } from './confirmation.ts'
import { factsOf } from './credential-list.ts'
import { examples } from './help.ts'
import { note, sayChange } from './say.ts'
import { actor, type Toolbox, type Tools } from './tools.ts'

const aboutRemove = `
Removes the credential with everything that belongs to it: all its passwords,
memberships and uses of accounts, the sign-in by which the gateway acts as the
user, and links to other identities. A user name that passes to another person
brings nothing of that along. The log of changes keeps that it was there.

The user may set a new credential on the page. To prevent that, block the person:
altgate person block --user NAME`

interface Options {
  readonly scope: Scope
  readonly user: Username
  readonly with?: Scope
  readonly yes?: true
  readonly json?: true
}

/** `altgate credential remove`. */
export function addRemove(credential: Command, toolbox: Toolbox): void {
  credential
    .command('remove')
    .description('remove a credential with all that belongs to it, in every running gateway at once')
    .requiredOption('--scope <S>', 'msa, or the id of a directory', readScope)
    .requiredOption('--user <NAME>', 'primary or secondary user name', anyName)
    .option('--yes', 'do not ask for confirmation')
    .option('--json', 'print a JSON object: result (removed), scope, username')
    .addHelpText('after', aboutRemove)
    .addHelpText('after', examples('credential remove --scope msa --user anna@example.com'))
    .action((options: Options, command: Command) => {
      insistOnYes(options, command)
      return toolbox.use(tools => remove(tools, options))
    })
}

async function remove(tools: Tools, { scope, user, yes, json }: Options): Promise<void> {
  const shown = await readShown(tools, scope, user)
  note('This will be removed:')
  for (const fact of factsOf(shown, tools)) note(`  ${fact.join('')}`)
  if (!yes && !(await isConfirmed(`Remove the credential of ${shown.record.username} in scope ${scope}?`)))
    throw new Failure('Nothing was changed.')

  const revocation = await removeCredential(tools, actor(), shown.record)
  const { username } = shown.record
  sayChange(json, `The credential of ${username} in scope ${scope} was removed, in every running gateway.`, {
    result: 'removed',
    scope,
    username,
  })
  if (revocation !== undefined && revocation !== 'revoked')
    note(
      'The sign-in is deleted here, but not revoked at the identity provider: revoke it there if it may have been stolen.',
    )
  if (isBlocked(shown.record))
    note(
      `It was blocked. A new one is not, unless you block the person: altgate person block --user ${shown.record.username}`,
    )
}

const aboutUnlink = `
Ends the link between two identities of one person, which lets the old password
count while a move is bridged. The credentials stay as they are. The user can
link them again on the page, with a sign-in to both.`

/** `altgate credential unlink`. */
export function addUnlink(credential: Command, toolbox: Toolbox): void {
  credential
    .command('unlink')
    .description('end the links of a user to identities in other scopes')
    .requiredOption('--scope <S>', 'msa, or the id of a directory', readScope)
    .requiredOption('--user <NAME>', 'primary or secondary user name', anyName)
    .option('--with <S>', 'only the link to this scope', readScope)
    .option('--yes', 'do not ask for confirmation')
    .option('--json', 'print a JSON object: result (unlinked), scope, username, from (scope, username)')
    .addHelpText('after', aboutUnlink)
    .addHelpText('after', examples('credential unlink --scope msa --user anna@example.com'))
    .action((options: Options, command: Command) => {
      insistOnYes(options, command)
      return toolbox.use(tools => unlink(tools, options))
    })
}

async function unlink(tools: Tools, { scope, user, with: other, yes, json }: Options): Promise<void> {
  const shown = await readShown(tools, scope, user)
  const meant = linksOf(shown, other)
  const { username } = shown.record
  note('These links will end:')
  for (const each of meant) note(`  ${linkText(each)}`)
  if (
    !yes &&
    !(await isConfirmed(`End ${meant.length === 1 ? 'the link' : `${meant.length} links`} of ${username}?`))
  )
    throw new Failure('Nothing was changed.')
  await unlinkAll(tools, actor(), shown, other)
  sayChange(
    json,
    `${username} in scope ${scope} is no longer linked to ${meant.map(linkText).join(', ')}, in every running gateway.`,
    { result: 'unlinked', scope, username, from: meant },
  )
}

function linkText({ scope, username }: Shown['linked'][number]): string {
  return `${username ?? 'an identity without a credential'} in scope ${scope}`
}
