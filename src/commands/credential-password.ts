import type { Command } from 'commander'
import { addPassword, passwordCells, passwordsOf, revokePasswords } from '../administration/passwords.ts'
import { isoTime } from '../administration/times.ts'
import { passwordJson } from '../administration/views.ts'
import type { Scope, Username } from '../gateway/names.ts'
import type { PasswordRecord } from '../gateway/registry.ts'
import type { Settings } from '../settings/schema.ts'
import { anyName, graceHours, passwordName, scope as readScope } from './arguments.ts'
import { examples, refusePassword } from './help.ts'
import { moment, note, say, sayJson, sayTable } from './say.ts'
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
  const { scope, user: username, json } = options
  const { password, name, readOnly, endsAt, isReplacing, oldEndsAt, current } = await addPassword(
    tools,
    actor(),
    options,
    settings.passwords,
  )
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
    note(
      options.validOld === undefined
        ? 'The old one no longer works.'
        : `The old one works until ${moment(oldEndsAt)}.`,
    )
  note('It is shown only once:')
  say(password.reveal())
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
      toolbox.use(async tools => {
        const all = await passwordsOf(tools, scope, user)
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

async function revoke(tools: Tools, options: RevokeOptions): Promise<void> {
  const revoked = await revokePasswords(tools, actor(), options)
  if (options.json) return sayJson({ revoked: [...new Set(revoked.map(each => each.name))] })
  say(`Revoked in every running gateway: ${revoked.map(calledInFull).join(', ')}.`)
}

function calledInFull({ name, replacedAt }: PasswordRecord): string {
  return replacedAt === undefined ? String(name) : `${name} (the replaced one)`
}
