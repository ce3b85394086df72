import type { Command } from 'commander'
import { revokeSessions } from '../administration/people.ts'
import { Failure } from '../common/failure.ts'
import type { Scope, Username } from '../gateway/names.ts'
import { anyName, scope as readScope } from './arguments.ts'
import { insistOnYes, isConfirmed } from './confirmation.ts'
import { examples } from './help.ts'
import { say, sayJson } from './say.ts'
import { actor, type Toolbox, type Tools } from './tools.ts'

const about = `
Ends sessions of the page, where users set their passwords: after that a browser
has to sign in again. Passwords and tools are not affected. What a sign-in gave
the gateway, to act as a user, is ended by: altgate credential sign-out

With --user, the sessions of that person in any scope: by the name, by the owner
of the credential of that name, and by linked identities.`

interface Options {
  readonly user?: Username
  readonly scope?: Scope
  readonly all?: true
  readonly yes?: true
  readonly json?: true
}

/** `altgate session`. */
export function addSessionCommands(program: Command, toolbox: Toolbox): void {
  const session = program
    .command('session')
    .description('sessions of the page')
    .addHelpText('after', examples('session revoke --user anna@example.com'))
  session
    .command('revoke')
    .description('sign users out of the page, everywhere')
    .option('--user <NAME>', 'the user: a primary or secondary user name in any scope', anyName)
    .option('--scope <S>', 'with --user: only if signed in for this scope', readScope)
    .option('--all', 'all users')
    .option('--yes', 'do not ask for confirmation')
    .option('--json', 'print a JSON object: ended (how many sessions)')
    .addHelpText('after', about)
    .addHelpText('after', examples('session revoke --user anna@example.com', 'session revoke --all --yes'))
    .action((options: Options, command: Command) => {
      const { user, scope, all } = options
      if ((user === undefined) === (all === undefined))
        command.error('error: name the user with --user, or give --all.', { exitCode: 2 })
      if (all && scope !== undefined) command.error('error: --scope needs --user.', { exitCode: 2 })
      insistOnYes(options, command)
      return toolbox.use(tools => revoke(tools, options))
    })
}

async function revoke({ registry }: Tools, { user, scope, yes, json }: Options): Promise<void> {
  const who = user ?? 'all users'
  const where = scope === undefined ? '' : ` for scope ${scope}`
  if (!yes && !(await isConfirmed(`End all sessions of ${who} on the page${where}?`)))
    throw new Failure('Nothing was changed.')
  const ended = await revokeSessions(registry, actor(), user, scope)
  if (json) return sayJson({ ended })
  if (ended === 0) {
    const nothing = user === undefined ? 'There is no session' : `${user} has no session`
    return say(`${nothing} on the page${where}. Nothing was changed.`)
  }
  say(
    `${ended === 1 ? '1 session' : `${ended} sessions`} of ${who} on the page ended, in every running gateway.`,
  )
}
