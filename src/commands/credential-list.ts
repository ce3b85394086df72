import type { Command } from 'commander'
import { readShown, type Shown } from '../administration/credentials.ts'
import { stateOf } from '../administration/people.ts'
import { passwordText } from '../administration/passwords.ts'
import { signInCell, signIns, signInText, watchText } from '../administration/sign-ins.ts'
import { credentialJson, shownJson } from '../administration/views.ts'
import type { Scope, Username } from '../gateway/names.ts'
import type { CredentialRecord } from '../gateway/registry.ts'
import { anyName, scope as readScope } from './arguments.ts'
import { examples } from './help.ts'
import { moment, say, sayJson, sayLabelled, sayTable } from './say.ts'
import type { Toolbox, Tools } from './tools.ts'

/** `altgate credential list`. */
export function addList(credential: Command, toolbox: Toolbox): void {
  credential
    .command('list')
    .description('list all credentials of a scope, without their passwords')
    .requiredOption('--scope <S>', 'msa, or the id of a directory', readScope)
    .option(
      '--json',
      'print a JSON array of objects: scope, username, secondary (if there is one), enabled, disabledBy (operator, owner, liveness or unknown; if it is off), algorithm, setAt, lastUsed (at, from; if it was), signIn (state, actsAs, issuer, since, renewedAt, …; if the owner has signed in), liveness (watched, everySeconds or because, until)',
    )
    .addHelpText('after', examples('credential list --scope msa', 'credential list --scope msa --json'))
    .action(({ scope, json }: { scope: Scope; json?: true }) =>
      toolbox.use(tools => list(tools, scope, json)),
    )
}

async function list(tools: Tools, scope: Scope, json?: true): Promise<void> {
  const { registry, store, delegation } = tools
  const all = await registry.credentials(scope)
  const grants = new Map((await signIns(store.grants, scope)).map(each => [each.owner, each]))
  const grantOf = ({ owner }: CredentialRecord) => (owner === undefined ? undefined : grants.get(owner))
  if (json) return sayJson(all.map(each => credentialJson(each, grantOf(each), tools)))
  if (all.length === 0)
    return say(
      `There are no credentials in scope ${scope}. Set one: altgate credential set --scope ${scope} --user NAME`,
    )
  // Where no user has signed in for it, a column of dashes would only be in the way.
  const isShown = grants.size > 0
  sayTable(
    [...headings, ...(isShown ? ['SIGN-IN'] : [])],
    all.map(each => [
      each.scope,
      each.username,
      each.secondary ?? '-',
      each.enabled ? 'on' : 'off',
      each.algorithm,
      moment(each.setAt),
      lastUsedText(each),
      ...(isShown ? [signInCell(grantOf(each), delegation)] : []),
    ]),
    { shorten: ['LAST USED', 'SECONDARY'], about: 'USER' },
  )
}

const headings = ['SCOPE', 'USER', 'SECONDARY', 'STATE', 'ALGORITHM', 'SET AT', 'LAST USED']

/** `altgate credential show`. */
export function addShow(credential: Command, toolbox: Toolbox): void {
  credential
    .command('show')
    .description('show everything about one credential, without its password')
    .requiredOption('--scope <S>', 'msa, or the id of a directory', readScope)
    .requiredOption('--user <NAME>', 'primary or secondary user name', anyName)
    .option(
      '--json',
      'print JSON: the object of "credential list", with claimed, accounts (name, member, lastUsed), linked (scope, username), passwords (as "credential password list")',
    )
    .addHelpText('after', examples('credential show --scope msa --user anna@example.com'))
    .action(({ scope, user, json }: { scope: Scope; user: Username; json?: true }) =>
      toolbox.use(async tools => {
        const shown = await readShown(tools, scope, user)
        if (json) sayJson(shownJson(shown, tools))
        else for (const [label, text] of factsOf(shown, tools)) sayLabelled(label, text)
      }),
    )
}

/** Each fact behind its label. */
export function factsOf(
  { record, grant, now, accounts, linked, passwords }: Shown,
  { delegation: { opens }, watch }: Pick<Tools, 'delegation' | 'watch'>,
): readonly (readonly [label: string, text: string])[] {
  const { username, secondary, algorithm, setAt } = record
  const lines: readonly (readonly [string, string])[] = [
    ['user', username],
    ['secondary', secondary ?? '-'],
    ['scope', record.scope],
    ['state', stateOf(record)],
    ['claimed', claimedText(record)],
    ['algorithm', algorithm],
    ['set at', moment(setAt)],
    ['last used', lastUsedText(record)],
    ['sign-in', signInText(grant, { opens, now })],
    ['liveness', watchText(watch(record, grant))],
    ...accounts.map(each => ['account', accountText(each)] as const),
    ...passwords.map(each => ['password', passwordText(each)] as const),
    ...linked.map(
      ({ scope, username: other }) => ['linked', `${other ?? 'no credential'} in scope ${scope}`] as const,
    ),
  ]
  return lines.map(([name, text]) => [`${name.padEnd(9)}  `, text])
}

function claimedText({ owner, unproved }: CredentialRecord): string {
  if (owner === undefined) return 'no, a command set it'
  return unproved ? `by ${owner}, and a command has set the password since` : `by ${owner}`
}

function accountText({ name, member, use }: Shown['accounts'][number]): string {
  const used = use === undefined ? '' : `, last used ${moment(use.at)} from ${use.from}`
  return `${name}${member === false ? ' (not a member: no access)' : ''}${used}`
}

function lastUsedText({ lastUsed }: CredentialRecord): string {
  return lastUsed === undefined ? '-' : `${moment(lastUsed.at)} from ${lastUsed.from}`
}
