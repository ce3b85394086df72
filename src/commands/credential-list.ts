import type { Command } from 'commander'
import { Failure } from '../common/failure.ts'
import type { Grant } from '../gateway/delegation.ts'
import { msaScope, type Owner, type Scope, type Username } from '../gateway/names.ts'
import type { AccountUse, CredentialRecord, PasswordRecord } from '../gateway/registry.ts'
import { anyName, scope as readScope } from './arguments.ts'
import { passwordJson, passwordText } from './credential-password.ts'
import { sentenceOf } from './failure.ts'
import { examples } from './help.ts'
import { moment, say, sayJson, sayTable } from './say.ts'
import { isoTime, signInCell, signInJson, signIns, signInText, watchJson, watchText } from './sign-ins.ts'
import { stateOf } from './switches.ts'
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
        else for (const line of linesOf(shown, tools)) say(line)
      }),
    )
}

/** Everything about one credential. */
export interface Shown {
  readonly record: CredentialRecord
  readonly grant: Grant | undefined
  /** The time by the clock that times of the grant are by. */
  readonly now: number
  /** The accounts that it opens, by name. */
  readonly accounts: readonly {
    readonly name: string
    /** Left out if the account is open to every user of the scope. */
    readonly member?: boolean
    readonly use?: AccountUse
  }[]
  /** The same person in other scopes. `username`: of the credential there, if there is one. */
  readonly linked: readonly { readonly scope: Scope; readonly username?: Username }[]
  /** The generated ones, newest first. */
  readonly passwords: readonly PasswordRecord[]
}

export async function readShown({ registry, store }: Tools, scope: Scope, user: Username): Promise<Shown> {
  const record = (await registry.credentials(scope)).find(
    ({ username, secondary }) => username === user || secondary === user,
  )
  if (record === undefined)
    throw new Failure(sentenceOf({ problem: 'no-such-credential', username: user, scope }))
  const { owner, username } = record
  const found = owner === undefined ? undefined : await store.grants.of(scope, owner)
  return {
    record,
    grant: found?.grant,
    now: found?.now ?? Date.now(),
    accounts: await accountsOf(registry, scope, username),
    linked: owner === undefined ? [] : await linkedOf(registry, scope, owner),
    passwords: await registry.passwords(scope, username),
  }
}

async function accountsOf(
  registry: Tools['registry'],
  scope: Scope,
  username: Username,
): Promise<Shown['accounts']> {
  const isTheirs = (each: { readonly scope: Scope; readonly username: Username }) =>
    each.scope === scope && each.username === username
  const accounts: Shown['accounts'][number][] = []
  for (const name of await registry.accountsIn(scope)) {
    const record = await registry.account(name)
    const use = (await registry.usesOf(name)).find(isTheirs)
    const member = record?.membersOnly && (await registry.members(name)).some(isTheirs)
    accounts.push({ name, ...(member !== undefined && { member }), ...(use && { use }) })
  }
  return accounts
}

async function linkedOf(registry: Tools['registry'], scope: Scope, owner: Owner): Promise<Shown['linked']> {
  const linked: Shown['linked'][number][] = []
  // The id of a directory is its scope.
  const scopes = [msaScope, ...(await registry.directories()).map(({ id }) => id as string as Scope)]
  for (const other of scopes.filter(each => each !== scope)) {
    const theirs = await registry.linkedTo({ scope, owner }, other)
    if (theirs === undefined) continue
    const username = (await registry.ownCredential(other, theirs))?.username
    linked.push({ scope: other, ...(username !== undefined && { username }) })
  }
  return linked
}

/** A line for each fact. */
export function linesOf(
  { record, grant, now, accounts, linked, passwords }: Shown,
  { delegation: { opens }, watch }: Pick<Tools, 'delegation' | 'watch'>,
): readonly string[] {
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
  return lines.map(([name, text]) => `${name.padEnd(9)}  ${text}`)
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

/** Names each field, so that a hash never slips out, whatever the store adds to a record. */
export function publicFieldsOf(record: CredentialRecord): object {
  const { scope, username, secondary, enabled, disabledBy, algorithm, setAt } = record
  return { scope, username, secondary, enabled, disabledBy, algorithm, setAt: isoTime(setAt) }
}

/** When and from where it was last used, if it was. */
export function lastUsedField({ lastUsed }: Pick<CredentialRecord, 'lastUsed'>): object | undefined {
  return lastUsed && { lastUsed: { at: isoTime(lastUsed.at), from: lastUsed.from } }
}

function credentialJson(
  record: CredentialRecord,
  grant: Grant | undefined,
  { delegation, watch }: Tools,
): object {
  return {
    ...publicFieldsOf(record),
    ...lastUsedField(record),
    ...(grant && { signIn: signInJson(grant, delegation) }),
    liveness: watchJson(watch(record, grant)),
  }
}

function shownJson({ record, grant, accounts, linked, passwords }: Shown, tools: Tools): object {
  return {
    ...credentialJson(record, grant, tools),
    claimed: record.owner !== undefined && record.unproved !== true,
    accounts: accounts.map(({ name, member, use }) => ({
      name,
      member,
      ...(use && { lastUsed: { at: isoTime(use.at), from: use.from } }),
    })),
    linked,
    passwords: passwords.map(passwordJson),
  }
}
