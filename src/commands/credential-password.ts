import type { Command } from 'commander'
import { Failure } from '../common/failure.ts'
import type { Instant, Scope, Username } from '../gateway/names.ts'
import type { PasswordRecord } from '../gateway/registry.ts'
import { endOf } from '../passwords/named.ts'
import { primaryFault } from '../passwords/usernames.ts'
import type { Settings } from '../settings/schema.ts'
import { anyName, graceHours, passwordName, scope as readScope } from './arguments.ts'
import { insist, sentenceOf } from './failure.ts'
import { examples, refusePassword } from './help.ts'
import { moment, note, say, sayJson, sayTable } from './say.ts'
import { isoTime } from './sign-ins.ts'
import { actor, type Toolbox, type Tools } from './tools.ts'

/** `altgate credential password ...`: the generated passwords of one credential. */
export function addPasswordCommands(credential: Command, toolbox: Toolbox): void {
  const password = credential
    .command('password')
    .description('generated passwords of a credential: several at once, each with a name and an end')
    .addHelpText('after', examples('credential password list --scope msa --user anna@example.com'))
  addAdd(password, toolbox)
  addPasswordList(password, toolbox)
  addRevoke(password, toolbox)
}

interface Whose {
  readonly scope: Scope
  readonly user: Username
  readonly json?: true
}

/** The options that say whose passwords are meant. */
function of(command: Command): Command {
  return command
    .requiredOption('--scope <S>', 'msa, or the id of a directory', readScope)
    .requiredOption('--user <NAME>', 'primary or secondary user name', anyName)
}

interface AddOptions extends Whose {
  readonly name?: string
  readonly expires?: string
  readonly readOnly?: true
  readonly replace?: true
  readonly validOld?: number
}

const aboutAdd = `
The password is generated and printed once, alone on standard output; it cannot
be shown again. The chosen password and the other generated ones stay as they are.
Without --name it is called by the day. A credential that does not exist is made,
without a chosen password.`

function addAdd(password: Command, toolbox: Toolbox): void {
  of(refusePassword(password.command('add')))
    .description('generate one more password, or replace one')
    .option('--name <N>', 'what it is for, such as build-7', passwordName)
    .option(
      '--expires <DAY>',
      'the last day on which it works (UTC), such as 2027-01-31, or never; default: in 365 days, or as passwords.defaultLifeDays says',
    )
    .option('--read-only', 'refuse everything that may write, such as a push')
    .option('--replace', 'replace the password of that name, which stops working at once')
    .option('--valid-old <HOURS>', 'the same, but the old one works for so many hours more', graceHours)
    .option('--json', 'print JSON: name, password, readOnly, endsAt (if it has an end), replaced, oldEndsAt')
    .addHelpText('after', aboutAdd)
    .addHelpText(
      'after',
      examples(
        'credential password add --scope msa --user anna@example.com --name build-7',
        'credential password add --scope msa --user anna@example.com --name mirror --read-only --expires 2027-01-31',
        'credential password add --scope msa --user anna@example.com --name build-7 --valid-old 2',
      ),
    )
    .action((options: AddOptions) => toolbox.use((tools, settings) => add(tools, settings, options)))
}

async function add(tools: Tools, settings: Settings, options: AddOptions): Promise<void> {
  const { scope, user: username, readOnly = false, validOld, json } = options
  const { registry, generated, store } = tools
  const end = endOf(options.expires, settings.passwords, Date.now())
  if ('fault' in end) throw new Failure(`${end.fault} Nothing was changed.`)
  const { maxGraceHours } = settings.passwords
  if (validOld !== undefined && validOld > maxGraceHours)
    throw new Failure(
      `A replaced password works for ${maxGraceHours} hours more at most (passwords.maxGraceHours). Nothing was changed.`,
    )
  const before = (await registry.passwords(scope, username)).filter(isPresent)
  const name = options.name ?? nameOfToday(before)
  const isReplacing = options.replace !== undefined || validOld !== undefined
  const old = before.find(each => each.name === name)
  if (isReplacing && old === undefined)
    throw new Failure(`There is no password called ${name} to replace. Nothing was changed.`)

  // Looked up before the change: after it, nothing may fail before the result is printed.
  const { current } = await store.credentials.find(scope, undefined, username)
  const fault = current === undefined ? primaryFault(username) : undefined
  if (fault !== undefined)
    throw new Failure(
      `There is no user name ${username} in scope ${scope}, and none can be made: ${fault}. Nothing was changed.`,
    )

  const { password, id, mac } = generated.make()
  const { endsAt } = end
  const graceMs = (validOld ?? 0) * 60 * 60 * 1000
  await insist(
    registry.addPassword(
      actor(),
      scope,
      { username },
      {
        id,
        mac,
        name,
        readOnly,
        ...(endsAt !== undefined && { endsAt }),
        ...(isReplacing && { replacing: { graceMs } }),
      },
    ),
  )
  const oldEndsAt = old && endOfOld(old, graceMs)
  if (json)
    return sayJson({
      name,
      password: password.reveal(),
      readOnly,
      ...(endsAt !== undefined && { endsAt: isoTime(endsAt) }),
      replaced: isReplacing,
      ...(oldEndsAt !== undefined && { oldEndsAt: isoTime(oldEndsAt) }),
    })
  const until = endsAt === undefined ? 'has no end' : `works until ${moment(endsAt)}`
  const may = readOnly ? ', may only read' : ''
  note(
    `The password ${name} of ${username} in scope ${scope} is set, in every running gateway. It ${until}${may}.`,
  )
  if (current === undefined) note(`There was no credential ${username} in scope ${scope}: it was made.`)
  if (current?.enabled === false)
    note(
      `The credential is switched off; to switch it on: altgate credential enable --scope ${scope} --user ${username}`,
    )
  if (oldEndsAt !== undefined)
    note(graceMs === 0 ? 'The old one no longer works.' : `The old one works until ${moment(oldEndsAt)}.`)
  note('It is shown only once:')
  say(password.reveal())
}

/** When a replaced password ends: never later than it would have ended by itself. */
function endOfOld({ endsAt = Infinity }: PasswordRecord, graceMs: number): Instant {
  return Math.min(endsAt, Date.now() + graceMs)
}

/** Whether it counts and nothing has replaced it. */
function isPresent({ over, replacedAt }: PasswordRecord): boolean {
  return over === undefined && replacedAt === undefined
}

function nameOfToday(taken: readonly PasswordRecord[]): string {
  const today = new Date().toISOString().slice(0, 10)
  const names = new Set(taken.map(({ name }) => name))
  if (!names.has(today)) return today
  let count = 2
  while (names.has(`${today} (${count})`)) count += 1
  return `${today} (${count})`
}

function addPasswordList(password: Command, toolbox: Toolbox): void {
  of(password.command('list'))
    .description('list the generated passwords of a credential; those that have ended for 90 days more')
    .option(
      '--json',
      'print a JSON array of objects: name (unless it is the main password), id, readOnly, setAt, endsAt, replacedAt, over (cause, at), client, lastUsed (at, from, tool)',
    )
    .addHelpText(
      'after',
      '\nThe last use is recorded within a minute; of uses that were refused see "recent".',
    )
    .addHelpText('after', examples('credential password list --scope msa --user anna@example.com --json'))
    .action(({ scope, user, json }: Whose) =>
      toolbox.use(async ({ registry, store }) => {
        const { current } = await store.credentials.find(scope, undefined, user)
        if (current === undefined)
          throw new Failure(sentenceOf({ problem: 'no-such-credential', username: user, scope }))
        const all = await registry.passwords(scope, user)
        if (json) return sayJson(all.map(passwordJson))
        if (all.length === 0)
          return say(
            `${user} has no generated passwords in scope ${scope}. Add one: altgate credential password add --scope ${scope} --user ${user} --name NAME`,
          )
        sayTable(passwordHeadings, all.map(passwordCells))
      }),
    )
}

const passwordHeadings = ['NAME', 'STATE', 'MAY', 'SET AT', 'ENDS', 'LAST USED']

/** The row of a password in a table. */
function passwordCells(each: PasswordRecord): readonly string[] {
  const { name, readOnly, setAt, endsAt, client } = each
  const called = `${name ?? '(main)'}${client === undefined ? '' : `, by ${client}`}`
  const ends = endsAt === undefined ? 'never' : moment(endsAt)
  return [called, stateText(each), readOnly ? 'read' : 'read, write', moment(setAt), ends, usedText(each)]
}

/** The same in a line of its own. */
export function passwordText(each: PasswordRecord): string {
  const [called, state, may, setAt, ends, used] = passwordCells(each)
  const last = each.lastUsed === undefined ? 'not used yet' : `last used ${used}`
  return `${called}, ${state}, ${may}, set ${setAt}, ends ${ends}, ${last}`
}

function stateText({ over, replacedAt }: PasswordRecord): string {
  if (over === undefined) return replacedAt === undefined ? 'works' : 'replaced, still works'
  return over.cause === 'past-its-end' ? 'ended' : `${over.cause} ${moment(over.at)}`
}

function usedText({ lastUsed }: PasswordRecord): string {
  if (lastUsed === undefined) return '-'
  const { at, from, tool } = lastUsed
  return `${moment(at)} from ${from}${tool === undefined ? '' : ` by ${tool}`}`
}

/** Names each field, so that what proves a password never slips out. */
export function passwordJson({ id, name, readOnly, setAt, client, ...rest }: PasswordRecord): object {
  const { endsAt, replacedAt, over, lastUsed } = rest
  return {
    ...(name !== undefined && { name }),
    id,
    readOnly,
    setAt: isoTime(setAt),
    ...(endsAt !== undefined && { endsAt: isoTime(endsAt) }),
    ...(replacedAt !== undefined && { replacedAt: isoTime(replacedAt) }),
    ...(over && { over: { cause: over.cause, at: isoTime(over.at) } }),
    ...(client !== undefined && { client }),
    ...(lastUsed && { lastUsed: { ...lastUsed, at: isoTime(lastUsed.at) } }),
  }
}

interface RevokeOptions extends Whose {
  readonly name?: string
  readonly old?: true
  readonly all?: true
}

function addRevoke(password: Command, toolbox: Toolbox): void {
  of(password.command('revoke'))
    .description('end one generated password or all that have a name, in every running gateway at once')
    .option('--name <N>', 'the password of that name, and one that it has replaced')
    .option('--old', 'with --name: only the one that was replaced and still works')
    .option('--all', 'all that have a name; the main password stays')
    .option('--json', 'print JSON: revoked (their names)')
    .addHelpText(
      'after',
      examples(
        'credential password revoke --scope msa --user anna@example.com --name build-7',
        'credential password revoke --scope msa --user anna@example.com --name build-7 --old',
        'credential password revoke --scope msa --user anna@example.com --all',
      ),
    )
    .action((options: RevokeOptions, command: Command) => {
      const { name, old, all } = options
      if ((name === undefined) === (all === undefined) || (old !== undefined && name === undefined))
        return command.error('error: say which: --name N, --name N --old, or --all', { exitCode: 2 })
      return toolbox.use(tools => revoke(tools, options))
    })
}

async function revoke({ registry }: Tools, { scope, user, name, old, json }: RevokeOptions): Promise<void> {
  const isMeant = (each: PasswordRecord) =>
    each.over === undefined && (name === undefined ? each.name !== undefined : each.name === name)
  const before = (await registry.passwords(scope, user)).filter(isMeant)
  const replaced = before.find(({ replacedAt }) => replacedAt !== undefined)
  if (old && replaced === undefined)
    throw new Failure(
      `No replaced password called ${name} of ${user} in scope ${scope} still works. Nothing was changed.`,
    )
  const which = name === undefined ? 'all' : old && replaced ? { id: replaced.id } : { name }
  await insist(registry.revokePasswords(actor(), scope, user, which))
  const revoked = old && replaced ? [replaced] : before
  if (json) return sayJson({ revoked: [...new Set(revoked.map(each => each.name))] })
  say(`Revoked in every running gateway: ${revoked.map(calledInFull).join(', ')}.`)
}

function calledInFull({ name, replacedAt }: PasswordRecord): string {
  return replacedAt === undefined ? String(name) : `${name} (the replaced one)`
}
