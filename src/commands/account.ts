import type { Command } from 'commander'
import type { AccountName, DirectoryId } from '../gateway/names.ts'
import { addMembers } from './account-members.ts'
import { accountJson, connectionText, sayAccount } from './account-text.ts'
import { examples } from './help.ts'
import { insist, known } from './problems.ts'
import { addressOf, destinationOf, resetPage } from './route.ts'
import { say, sayJson, sayTable } from './say.ts'
import { actor, type Toolbox, type Tools } from './tools.ts'
import { accountName, directoryId, upstreamUrl } from './words.ts'

/** `altgate account ...`: what a host or a path names, and what it signs in with. */
export function addAccountCommands(program: Command, toolbox: Toolbox): void {
  const account = program
    .command('account')
    .description('accounts, and what they sign in with')
    .addHelpText('after', examples('account list', 'account show fabrikam'))
  addAdd(account, toolbox)
  addMoves(account, toolbox)
  addMembers(account, toolbox)
  addViews(account, toolbox)
}

const aboutUpstream = `
An upstream without a path gets every request with its path unchanged: with
--upstream https://host, /fabrikam/x goes to https://host/fabrikam/x. A path,
even a lone /, replaces the account's segment, as in nginx's proxy_pass: with
--upstream https://host/, /fabrikam/x goes to https://host/x.`

function addAdd(account: Command, toolbox: Toolbox): void {
  account
    .command('add')
    .description('make an account known')
    .argument('<NAME>', 'what the host or the path names', accountName)
    .requiredOption('--upstream <URL>', 'where its requests go', upstreamUrl)
    .option(
      '--directory <ID>',
      'connect it to this directory; without it, it signs in with Microsoft accounts',
      directoryId,
    )
    .addHelpText('after', aboutUpstream)
    .addHelpText(
      'after',
      examples(
        'account add fabrikam --upstream https://tfs.internal.example',
        'account add contoso --upstream https://git.internal.example/contoso/ --directory 72f988bf-86f1-41af-91ab-2d7cd011db47',
      ),
    )
    .action((name: AccountName, { upstream, directory }: { upstream: string; directory?: DirectoryId }) =>
      toolbox.use(async ({ registry }, settings) => {
        const added = { name, upstream, ...(directory !== undefined && { directoryId: directory }) }
        await insist(registry.addAccount(actor(), added))
        const { connection } = await known(registry, name)
        say(
          `${name} was added and signs in with ${connectionText(connection)}. ${addressOf(name, settings)} goes to ${destinationOf(added, settings)}`,
        )
      }),
    )
}

function addMoves(account: Command, toolbox: Toolbox): void {
  account
    .command('connect')
    .description('connect an account to an Entra directory, in every running gateway at once')
    .argument('<NAME>', 'the account', accountName)
    .requiredOption('--directory <ID>', 'the directory that it signs in with from now on', directoryId)
    .addHelpText(
      'after',
      examples('account connect fabrikam --directory 72f988bf-86f1-41af-91ab-2d7cd011db47'),
    )
    .action((name: AccountName, { directory }: { directory: DirectoryId }) =>
      move(toolbox, name, registry => registry.connect(actor(), name, directory)),
    )

  account
    .command('disconnect')
    .description('let an account sign in with Microsoft accounts again, in every running gateway at once')
    .argument('<NAME>', 'the account', accountName)
    .addHelpText('after', examples('account disconnect fabrikam'))
    .action((name: AccountName) => move(toolbox, name, registry => registry.disconnect(actor(), name)))
}

function move(
  toolbox: Toolbox,
  name: AccountName,
  change: (registry: Tools['registry']) => ReturnType<Tools['registry']['disconnect']>,
): Promise<void> {
  return toolbox.use(async ({ registry }, settings) => {
    await insist(change(registry))
    const { connection } = await known(registry, name)
    say(
      `${name} now signs in with ${connectionText(connection)}. Its users must set their alternate credentials again, unless they have some there already: ${resetPage(settings)}`,
    )
  })
}

function addViews(account: Command, toolbox: Toolbox): void {
  account
    .command('show')
    .description('one account: what it signs in with and ever did, and where its requests go')
    .argument('<NAME>', 'the account', accountName)
    .option(
      '--json',
      'an object: name, address, upstream, destination, scope, connection, membersOnly, history (connection, since, actor, bridgedUntil or undo where it applies)',
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
    .description('all accounts')
    .option('--json', 'a list of objects as `account show --json` prints them')
    .addHelpText('after', examples('account list', 'account list --json'))
    .action(({ json }: { json?: true }) =>
      toolbox.use(async ({ registry }, settings) => {
        const all = await registry.accounts()
        if (json) return sayJson(all.map(record => accountJson(record, settings)))
        if (all.length === 0)
          return say('There are no accounts yet. Add one: altgate account add NAME --upstream URL')
        sayTable(
          ['NAME', 'SIGNS IN WITH', 'UPSTREAM'],
          all.map(({ name, connection, upstream }) => [name, connectionText(connection), upstream]),
        )
      }),
    )
}
