import { setTimeout as delay } from 'node:timers/promises'
import type { Command } from 'commander'
import { blockPerson, stateOf } from '../administration/people.ts'
import { Failure } from '../common/failure.ts'
import type { Scope, Username } from '../gateway/names.ts'
import { anyName, scope as readScope } from './arguments.ts'
import { insistOnYes, isConfirmed } from './confirmation.ts'
import { insist } from './failure.ts'
import { examples } from './help.ts'
import { note, say, sayChange, sayJson } from './say.ts'
import { actor, type Toolbox, type Tools } from './tools.ts'

const aboutDisable = `
An operator's block is the operator's: the user cannot end it on the page, also
not with a new password. It does not change the password.

With --now the change does not wait for Redis, and works while Redis is down.
Gateways read it from the store: the command says in how many seconds that is
certain for all of them, and waits for it. A gateway that cannot reach the store
meanwhile, but is still served by Redis, learns of it when it can.`

const aboutEnable = `
Ends an operator's block. A user who has switched a credential off on the page
switches it on there; --override does it all the same.`

interface Options {
  readonly scope: Scope
  readonly user: Username
  readonly now?: true
  readonly override?: true
  readonly json?: true
}

/** `altgate credential enable` and `disable`. */
export function addSwitches(credential: Command, toolbox: Toolbox): void {
  credential
    .command('enable')
    .description('switch a credential on again')
    .requiredOption('--scope <S>', 'msa, or the id of a directory', readScope)
    .requiredOption('--user <NAME>', 'primary or secondary user name', anyName)
    .option('--override', 'also if the user has switched it off')
    .option('--json', 'print a JSON object: scope, user, enabled, disabledBy (owner, if it stays off)')
    .addHelpText('after', aboutEnable)
    .addHelpText('after', examples('credential enable --scope msa --user anna@example.com'))
    .action(({ scope, user, override, json }: Options) =>
      toolbox.use(async ({ registry }) => {
        const by = override ? 'operator-overriding' : 'operator'
        await insist(registry.switchCredential(actor(), scope, user, true, by))
        const kept = (await registry.person(user)).find(each => each.scope === scope)
        if (json) {
          const enabled = kept?.enabled !== false
          return sayJson({ scope, user, enabled, ...(!enabled && { disabledBy: kept.disabledBy }) })
        }
        if (kept?.enabled !== false)
          return say(`${theCredential(user, scope)} is on, in every running gateway.`)
        say(
          `${theCredential(user, scope)} is no longer blocked, but its user has switched it off. To switch it on all the same, add --override.`,
        )
      }),
    )

  credential
    .command('disable')
    .description('switch a credential off, in every running gateway at once')
    .requiredOption('--scope <S>', 'msa, or the id of a directory', readScope)
    .requiredOption('--user <NAME>', 'primary or secondary user name', anyName)
    .option('--now', 'in an emergency: do not wait for Redis')
    .option('--json', 'print a JSON object: scope, user, enabled')
    .addHelpText('after', aboutDisable)
    .addHelpText(
      'after',
      examples(
        'credential disable --scope msa --user anna@example.com',
        'credential disable --scope msa --user anna@example.com --now',
      ),
    )
    .action(({ scope, user, now, json }: Options) =>
      toolbox.use(async ({ registry, emergency }) => {
        const chosen = now ? emergency.registry : registry
        await insist(chosen.switchCredential(actor(), scope, user, false))
        if (now) await waitUntilCertain(`${theCredential(user, scope)} is off in the store`, emergency)
        sayChange(json, `${theCredential(user, scope)} is off, in every running gateway.`, {
          scope,
          user,
          enabled: false,
        })
      }),
    )
}

function theCredential(user: Username, scope: Scope): string {
  return `The credential of ${user} in scope ${scope}`
}

async function waitUntilCertain(done: string, { certainAfterMs }: Tools['emergency']): Promise<void> {
  if (certainAfterMs === 0) return
  note(`${done}. It is certain in every running gateway in ${Math.ceil(certainAfterMs / 1000)} seconds.`)
  await delay(certainAfterMs)
}

const aboutPerson = `
A person is found by a user name: the credentials of that name in every scope,
and those of linked identities. Blocking switches all of them off, as credential
disable does, and each one that is made later under their names, on the page as
well. Users who have no credential yet can be blocked by their e-mail address.
End their sessions, too: altgate session revoke --user NAME`

interface PersonOptions {
  readonly user: Username
  readonly now?: true
  readonly yes?: true
  readonly json?: true
}

/** `altgate person`. */
export function addPersonCommands(program: Command, toolbox: Toolbox): void {
  const person = program
    .command('person')
    .description('a user in all scopes')
    .addHelpText('after', examples('person block --user anna@example.com'))
  for (const blocked of [true, false]) {
    const name = blocked ? 'block' : 'unblock'
    const command = person
      .command(name)
      .description(blocked ? 'switch a person off in all scopes' : 'end the block of a person in all scopes')
      .requiredOption('--user <NAME>', 'primary or secondary user name in any scope', anyName)
      .option('--yes', 'do not ask for confirmation')
      .option(
        '--json',
        'print a JSON object: user, blocked, credentials (scope, username, enabled, disabledBy)',
      )
    if (blocked) command.option('--now', 'in an emergency: do not wait for Redis')
    command
      .addHelpText('after', aboutPerson)
      .addHelpText('after', examples(`person ${name} --user anna@example.com`))
      .action((options: PersonOptions, self: Command) => {
        insistOnYes(options, self)
        return toolbox.use(tools => switchPerson(tools, options, blocked))
      })
  }
}

async function switchPerson(tools: Tools, options: PersonOptions, blocked: boolean): Promise<void> {
  const { user, now, yes, json } = options
  const credentials = await tools.registry.person(user)
  for (const each of credentials) note(`  ${each.username} in scope ${each.scope}: ${stateOf(each)}`)
  if (credentials.length === 0)
    note(
      `${user} has no credential yet: ${blocked ? 'one that is made later will be blocked' : 'nothing else to unblock'}.`,
    )
  const question = blocked ? `Block ${user} in all scopes?` : `End the block of ${user} in all scopes?`
  if (!yes && !(await isConfirmed(question))) throw new Failure('Nothing was changed.')

  await blockPerson(now ? tools.emergency.registry : tools.registry, actor(), user, blocked)
  if (now) await waitUntilCertain(`${user} is blocked in the store`, tools.emergency)
  if (json) {
    const after = await tools.registry.person(user)
    return sayJson({
      user,
      blocked,
      credentials: after.map(({ scope, username, enabled, disabledBy }) => ({
        scope,
        username,
        enabled,
        disabledBy,
      })),
    })
  }
  say(
    blocked
      ? `${user} is blocked in all scopes, in every running gateway. Switched off: ${credentials.length}.`
      : `${user} is no longer blocked, in every running gateway.`,
  )
  if (blocked) return
  for (const each of await tools.registry.person(user))
    if (!each.enabled) say(`  ${each.username} in scope ${each.scope} stays off: ${stateOf(each)}`)
}
