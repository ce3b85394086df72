import type { Command } from 'commander'
import { type Answer, answerText } from '../accounts/answer.ts'
import { connectionText, upstreamAuthOf, upstreamAuthText, whereTo } from '../administration/accounts.ts'
import { accountJson } from '../administration/views.ts'
import { scopeOf } from '../gateway/account.ts'
import type { AccountName, DirectoryId, Scope, Username } from '../gateway/names.ts'
import type { AccountRecord, Member } from '../gateway/registry.ts'
import type { Settings } from '../settings/schema.ts'
import {
  accountName,
  addressOf,
  anyName,
  directoryId,
  scope as readScope,
  resetPage,
  upstreamUrl,
} from './arguments.ts'
import { aboutUpstream, addRemove, addSet } from './account-changes.ts'
import { insist, known } from './failure.ts'
import { examples } from './help.ts'
import { moment, note, say, sayChange, sayJson, sayLabelled, sayTable, strong } from './say.ts'
import { actor, type Toolbox, type Tools } from './tools.ts'

/** `altgate account ...`: what a host or a path names, and what it signs in with. */
export function addAccountCommands(program: Command, toolbox: Toolbox): void {
  const account = program
    .command('account')
    .description('accounts, and what they sign in with')
    .addHelpText('after', examples('account list', 'account show fabrikam'))
  addAdd(account, toolbox)
  addSet(account, toolbox)
  addMoves(account, toolbox)
  addMembers(account, toolbox)
  addRemove(account, toolbox)
  addViews(account, toolbox)
}

interface AddOptions {
  readonly upstream: string
  readonly directory?: DirectoryId
  readonly json?: true
}

function addAdd(account: Command, toolbox: Toolbox): void {
  account
    .command('add')
    .description('add an account')
    .argument('<NAME>', 'what the host or the path names', accountName)
    .requiredOption('--upstream <URL>', 'where to forward its requests', upstreamUrl)
    .option(
      '--directory <ID>',
      'connect it to this directory; default: it signs in with Microsoft accounts',
      directoryId,
    )
    .option('--json', 'print a JSON object: result (added), and those of `account show --json`')
    .addHelpText('after', aboutUpstream)
    .addHelpText(
      'after',
      examples(
        'account add fabrikam --upstream https://tfs.internal.example',
        'account add contoso --upstream https://git.internal.example/contoso/ --directory 72f988bf-86f1-41af-91ab-2d7cd011db47',
      ),
    )
    .action((name: AccountName, { upstream, directory, json }: AddOptions) =>
      toolbox.use(async ({ registry }, settings) => {
        const added = { name, upstream, ...(directory !== undefined && { directoryId: directory }) }
        await insist(registry.addAccount(actor(), added))
        const record = await known(registry, name)
        sayChange(
          json,
          `${name} was added and signs in with ${connectionText(record.connection)}. ${addressOf(name, settings)} goes to ${whereTo(added, settings)}`,
          { result: 'added', ...accountJson(record, settings) },
        )
      }),
    )
}

const connectedJson = 'print a JSON object: result (connected), and those of `account show --json`'

function addMoves(account: Command, toolbox: Toolbox): void {
  account
    .command('connect')
    .description('connect an account to an Entra directory, in every running gateway at once')
    .argument('<NAME>', 'the account', accountName)
    .requiredOption('--directory <ID>', 'the directory that it will sign in with', directoryId)
    .option('--json', connectedJson)
    .addHelpText(
      'after',
      examples('account connect fabrikam --directory 72f988bf-86f1-41af-91ab-2d7cd011db47'),
    )
    .action((name: AccountName, { directory, json }: { directory: DirectoryId; json?: true }) =>
      move(toolbox, name, json, registry => registry.connect(actor(), name, directory)),
    )

  account
    .command('disconnect')
    .description('let an account sign in with Microsoft accounts again, in every running gateway at once')
    .argument('<NAME>', 'the account', accountName)
    .option('--json', connectedJson)
    .addHelpText('after', examples('account disconnect fabrikam'))
    .action((name: AccountName, { json }: { json?: true }) =>
      move(toolbox, name, json, registry => registry.disconnect(actor(), name)),
    )
}

function move(
  toolbox: Toolbox,
  name: AccountName,
  json: true | undefined,
  change: (registry: Tools['registry']) => ReturnType<Tools['registry']['connect']>,
): Promise<void> {
  return toolbox.use(async ({ registry }, settings) => {
    await insist(change(registry))
    const record = await known(registry, name)
    sayChange(
      json,
      `${name} now signs in with ${connectionText(record.connection)}. Its users must set new alternate credentials, unless they already have some there: ${resetPage(settings)}`,
      { result: 'connected', ...accountJson(record, settings) },
    )
  })
}

function addViews(account: Command, toolbox: Toolbox): void {
  account
    .command('show')
    .description('show an account: its connection, past connections, and where its requests go')
    .argument('<NAME>', 'the account', accountName)
    .option(
      '--json',
      'print a JSON object: name, address, upstream, destination, upstreamAuth (if it names one), scope, connection, membersOnly, planned (to, on; if a move is planned), history (connection, since, actor, bridgedUntil or undo where it applies)',
    )
    .addHelpText('after', examples('account show fabrikam', 'account show fabrikam --json'))
    .action((name: AccountName, { json }: { json?: true }) =>
      toolbox.use(async ({ registry, source }, settings) => {
        const record = await known(registry, name)
        if (json) sayJson(accountJson(record, settings))
        else sayAccount(record, settings, await source?.ask(name))
      }),
    )

  account
    .command('list')
    .description('list all accounts')
    .option('--json', 'print a JSON array of objects as in `account show --json`')
    .addHelpText('after', examples('account list', 'account list --json'))
    .action(({ json }: { json?: true }) =>
      toolbox.use(async ({ registry }, settings) => {
        const all = await registry.accounts()
        if (json) return sayJson(all.map(record => accountJson(record, settings)))
        if (all.length === 0)
          return say('There are no accounts yet. Add one: altgate account add NAME --upstream URL')
        sayTable(
          ['NAME', 'SIGNS IN WITH', 'UPSTREAM', 'UPSTREAM AUTH'],
          all.map(each => [
            each.name,
            connectionText(each.connection),
            each.upstream,
            authName(each, settings),
          ]),
        )
      }),
    )
}

/** The method that an account names. */
function authName(account: AccountRecord, settings: Settings): string {
  const { upstreamAuth = '-' } = account
  return upstreamAuthOf(account, settings) === undefined
    ? `${upstreamAuth} (not in the settings)`
    : upstreamAuth
}

interface Options {
  readonly add?: readonly Username[]
  readonly remove?: readonly Username[]
  readonly open?: true
  readonly scope?: Scope
  readonly json?: true
}

const about = `
Without a list, an account is open to every user with a credential in its scope.
The first --add creates a list and restricts the account to its members; other
users get 403 and keep their passwords. A member is a person: renames and resets
change nothing. An address that no user has yet is reserved for the user that
the directory gives it to. When the account moves, the list of its new scope
applies; create it beforehand with --scope.`

/** `altgate account members`: who may use an account. */
function addMembers(account: Command, toolbox: Toolbox): void {
  account
    .command('members')
    .description('show or change who may use an account, in every running gateway at once')
    .argument('<NAME>', 'the account', accountName)
    .option('--add <USER...>', 'add members: primary or secondary user names', several)
    .option('--remove <USER...>', 'remove members, from the lists of all scopes', several)
    .option('--open', 'delete the list and open the account to its whole scope again')
    .option(
      '--scope <S>',
      "with --add: msa, or the id of a directory; default: the account's own scope",
      readScope,
    )
    .option('--json', 'print a JSON object: account, membersOnly, members (scope, username, waiting)')
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
        command.error('error: --open deletes the list: leave out --add and --remove.', { exitCode: 2 })
      if (options.scope !== undefined && options.add === undefined)
        command.error('error: --scope needs --add: it says where the new members have their credentials.', {
          exitCode: 2,
        })
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
  if (!membersOnly) return say(`${name} is open to every user with a credential in scope ${scope}.`)
  if (members.length > 0) sayTable(['SCOPE', 'USER', 'STATE'], members.map(rowOf))
  if (members.some(each => each.scope === scope)) return
  note(
    `${name} is closed to all users: it has no members in its scope, ${scope}. To open it to the whole scope: altgate account members ${name} --open`,
  )
}

function rowOf({ scope, username, waiting }: Member): readonly string[] {
  return [scope, username, waiting ? 'has no credential yet' : 'member']
}

/** Collects the values of an option that takes several. */
function several(text: string, before: readonly Username[] = []): readonly Username[] {
  return [...before, anyName(text)]
}

/** Prints an account as text. `said`: what the directory source says about it now, if there is one. */
function sayAccount(record: AccountRecord, settings: Settings, said?: Answer): void {
  const facts = [
    ['signs in with', connectionText(record.connection)],
    ...(said ? [['asked just now', answerText(said)] as const] : []),
    ['scope', scopeOf(record.connection)],
    ...(record.planned
      ? [
          [
            'moves',
            `to ${connectionText(record.planned.to)} on ${record.planned.on} (UTC), as planned`,
          ] as const,
        ]
      : []),
    ['open to', record.membersOnly ? 'members only' : 'every user of its scope'],
    ['upstream', record.upstream],
    ['upstream auth', upstreamAuthText(record, settings)],
    ['requests', `${addressOf(record.name, settings)}... go to ${whereTo(record, settings)}...`],
  ] as const
  say(strong(record.name))
  for (const [label, fact] of facts) sayLabelled(`  ${label.padEnd(14)} `, fact)
  say('')
  sayTable(
    ['SINCE', 'SIGNED IN WITH', 'BY'],
    record.history.map(({ since, connection, actor, ...how }) => [
      moment(since),
      connectionText(connection) + manner(how),
      actor,
    ]),
  )
}

/** What is special about a move. */
function manner({ bridgedUntil, undo }: Pick<Entry, 'bridgedUntil' | 'undo'>): string {
  if (undo) return ', a move undone'
  return bridgedUntil === undefined ? '' : `, bridged until ${moment(bridgedUntil)}`
}

type Entry = AccountRecord['history'][number]
