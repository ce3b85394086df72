import type { Command } from 'commander'
import { connectionText, namedAuth, upstreamAuthText, whereTo } from '../administration/accounts.ts'
import { accountJson } from '../administration/views.ts'
import { Failure } from '../common/failure.ts'
import type { AccountName } from '../gateway/names.ts'
import type { AccountRecord } from '../gateway/registry.ts'
import type { Settings } from '../settings/schema.ts'
import { accountName, addressOf, authName, upstreamUrl } from './arguments.ts'
import { insistOnYes, isConfirmed } from './confirmation.ts'
import { insist, known, sentenceOf } from './failure.ts'
import { examples } from './help.ts'
import { note, say, sayChange, sayJson } from './say.ts'
import { actor, type Toolbox, type Tools } from './tools.ts'

/** For the help of commands that take one. */
export const aboutUpstream = `
An upstream without a path gets every request with its path unchanged: with
--upstream https://host, /fabrikam/x goes to https://host/fabrikam/x. A path,
even a lone /, replaces the account's segment, as in nginx's proxy_pass: with
--upstream https://host/, /fabrikam/x goes to https://host/x.`

const aboutSet = `
With a new name, members, uses and history follow; credentials belong to a scope
and stay as they are. The old address answers "no such account" from then on, and
users have to change it in their tools. Where accounts come from Azure DevOps, a
request for the old name adds it again if there is still such an account there.
Settings that name the account, such as upstreamAuthByAccount, have to be changed,
too.

--upstream-auth names a method of the settings (upstreamAuthByName), by which the
upstream learns who the user is; "default" takes the name away again. Secrets stay
in the settings. Reload all gateways with a new method before an account names it:
requests for an account whose method a gateway does not have get 503.`

interface SetOptions {
  readonly upstream?: string
  readonly rename?: AccountName
  readonly upstreamAuth?: string
  readonly yes?: true
  readonly json?: true
}

/** `altgate account set`. */
export function addSet(account: Command, toolbox: Toolbox): void {
  account
    .command('set')
    .description(
      'change the upstream, its method or the name of an account, in every running gateway at once',
    )
    .argument('<NAME>', 'the account', accountName)
    .option('--upstream <URL>', 'where to forward its requests', upstreamUrl)
    .option('--rename <NEW>', 'what the host or the path will name', accountName)
    .option('--upstream-auth <METHOD>', 'a name in upstreamAuthByName, or default', authName)
    .option('--yes', 'do not ask for confirmation')
    .option('--json', 'print a JSON object: result (changed), and those of `account show --json`')
    .addHelpText('after', aboutUpstream)
    .addHelpText('after', aboutSet)
    .addHelpText(
      'after',
      examples(
        'account set fabrikam --upstream https://tfs2.internal.example',
        'account set fabrikam --rename fabrikam-archive',
        'account set fabrikam --upstream-auth tfs',
      ),
    )
    .action((name: AccountName, options: SetOptions, command: Command) => {
      const { upstream, rename, upstreamAuth } = options
      if (upstream === undefined && rename === undefined && upstreamAuth === undefined)
        command.error('error: nothing to change: give --upstream, --rename or --upstream-auth.', {
          exitCode: 2,
        })
      insistOnYes(options, command)
      return toolbox.use(({ registry }, settings) => set(registry, name, options, settings))
    })
}

type Registry = Tools['registry']

async function set(
  registry: Registry,
  name: AccountName,
  { upstream, rename, upstreamAuth: given, yes, json }: SetOptions,
  settings: Settings,
): Promise<void> {
  const before = await known(registry, name)
  const upstreamAuth = given === undefined ? undefined : namedAuth(given, settings)
  const after = afterChanges(before, { upstream, rename, upstreamAuth })
  if (rename !== undefined && rename !== name && (await registry.account(rename)) !== undefined)
    throw new Failure(sentenceOf({ problem: 'account-exists', name: rename }))
  if (after.name !== name)
    note(`Its address changes from ${addressOf(name, settings)} to ${addressOf(after.name, settings)}`)
  if (upstream !== undefined)
    note(`Its requests go to ${whereTo(after, settings)} instead of ${whereTo(before, settings)}`)
  if (upstreamAuth !== undefined)
    note(
      `Its upstream learns who the user is by ${upstreamAuthText(after, settings)} instead of ${upstreamAuthText(before, settings)}`,
    )
  for (const line of await hangingOn(registry, before)) note(line)
  if (!yes && !(await isConfirmed(`Change the account ${name}?`))) throw new Failure('Nothing was changed.')
  const changes = {
    ...(upstream !== undefined && { upstream }),
    ...(rename !== undefined && { rename }),
    ...(upstreamAuth !== undefined && { upstreamAuth }),
  }
  await insist(registry.setAccount(actor(), name, changes))
  if (json) return sayJson({ result: 'changed', ...accountJson(await known(registry, after.name), settings) })
  const renamed =
    after.name === name ? '' : ` It is called ${after.name} now; ${name} is no account any more.`
  say(
    `${name} was changed, in every running gateway.${renamed} ${addressOf(after.name, settings)} goes to ${whereTo(after, settings)}`,
  )
}

function afterChanges(
  { upstreamAuth: named, ...before }: AccountRecord,
  {
    upstream = before.upstream,
    rename = before.name,
    upstreamAuth = named ?? null,
  }: {
    readonly upstream: string | undefined
    readonly rename: AccountName | undefined
    readonly upstreamAuth: string | null | undefined
  },
): AccountRecord {
  return { ...before, name: rename, upstream, ...(upstreamAuth !== null && { upstreamAuth }) }
}

const aboutRemove = `
Removes the account with its list of members, its uses and its history of
connections. Credentials belong to a scope, not to an account: they stay. The log
of changes keeps that it was there. Where accounts come from Azure DevOps, a
request adds it again if there is still such an account there.`

/** `altgate account remove`. */
export function addRemove(account: Command, toolbox: Toolbox): void {
  account
    .command('remove')
    .description('remove an account, in every running gateway at once')
    .argument('<NAME>', 'the account', accountName)
    .option('--yes', 'do not ask for confirmation')
    .option('--json', 'print a JSON object: result (removed), name')
    .addHelpText('after', aboutRemove)
    .addHelpText('after', examples('account remove fabrikam', 'account remove fabrikam --yes'))
    .action((name: AccountName, options: { readonly yes?: true; readonly json?: true }, command: Command) => {
      insistOnYes(options, command)
      return toolbox.use(async ({ registry }, settings) => {
        const record = await known(registry, name)
        note(`${addressOf(name, settings)} goes to ${whereTo(record, settings)}`)
        for (const line of await hangingOn(registry, record)) note(line)
        if (!options.yes && !(await isConfirmed(`Remove the account ${name}?`)))
          throw new Failure('Nothing was changed.')
        await insist(registry.removeAccount(actor(), name))
        sayChange(options.json, `${name} was removed, in every running gateway. Requests for it get 404.`, {
          result: 'removed',
          name,
        })
      })
    })
}

/** What depends on an account. */
async function hangingOn(registry: Registry, record: AccountRecord): Promise<readonly string[]> {
  const { name, connection, membersOnly, history } = record
  const members = (await registry.members(name)).length
  const users = (await registry.usesOf(name)).length
  const list = membersOnly ? `members: ${members}` : 'no list of members'
  return [
    `It signs in with ${connectionText(connection)}.`,
    `Affected: ${list}, users who have used it: ${users}, entries of its history: ${history.length}.`,
  ]
}
