import type { Command } from 'commander'
import { type SetCredential, setCredential } from '../administration/credentials.ts'
import { longestPassword, type Scope, type Username } from '../gateway/names.ts'
import { primaryName, scope as readScope, secondaryName } from './arguments.ts'
import { addImport } from './credential-import.ts'
import { addList, addShow } from './credential-list.ts'
import { addPasswordCommands } from './credential-password.ts'
import { addRemove, addUnlink } from './credential-removal.ts'
import { addCredentialExport } from './export.ts'
import { examples, refusePassword } from './help.ts'
import { askNewPassword } from './password.ts'
import { note, say, sayJson } from './say.ts'
import { addSignOut } from './sign-out.ts'
import { addSwitches } from './switches.ts'
import { actor, type Toolbox } from './tools.ts'

/** `altgate credential ...`: the alternate credentials of users. */
export function addCredentialCommands(program: Command, toolbox: Toolbox): void {
  const credential = program
    .command('credential')
    .description('alternate credentials of users')
    .addHelpText('after', examples('credential list --scope msa'))
  addSet(credential, toolbox)
  addSwitches(credential, toolbox)
  addList(credential, toolbox)
  addShow(credential, toolbox)
  addPasswordCommands(credential, toolbox)
  addSignOut(credential, toolbox)
  addUnlink(credential, toolbox)
  addRemove(credential, toolbox)
  addImport(credential, toolbox)
  addCredentialExport(credential, toolbox)
}

interface Options {
  readonly scope: Scope
  readonly user: Username
  readonly secondary?: Username
  readonly generate?: true
  readonly samePerson?: true
  readonly existing?: true
  readonly json?: true
}

const aboutPassword = `
Type the password at a hidden prompt, or give it as the first line of standard
input: up to ${longestPassword} bytes, no control characters. It is never an argument or an
environment variable. A password that falls to a few guesses is refused. One
that withstands more of them, but not enough, or is short, is accepted with a
warning; the page, where users choose their own, refuses it. With --generate,
standard output is the password and nothing else. An existing credential gets
the new password and secondary name, and stays on or off as it was: the answer
says whether it was added or reset. If its user has claimed it, nothing acts as
that user until they sign in on the page and enter the new password: the user
name may have passed to another person. With --same-person the password is that
user's at once.`

/** `altgate credential set`. */
function addSet(credential: Command, toolbox: Toolbox): void {
  refusePassword(credential.command('set'))
    .description('add a user, or reset the password of one, in every running gateway at once')
    .requiredOption('--scope <S>', 'the scope it counts in: msa, or the id of a directory', readScope)
    .requiredOption('--user <NAME>', 'primary user name, an e-mail address', primaryName)
    .option('--secondary <NAME>', 'secondary user name, for tools that cannot handle @', secondaryName)
    .option('--generate', 'generate a strong password and print it once')
    .option('--same-person', 'the password goes to the person who has claimed the credential')
    .option('--existing', 'reset a password only: refuse a user name that does not exist')
    .option(
      '--json',
      'print a JSON object: result (added or reset), scope, username, secondary, enabled, password (with --generate)',
    )
    .addHelpText('after', aboutPassword)
    .addHelpText(
      'after',
      examples(
        'credential set --scope msa --user anna@example.com',
        'credential set --scope msa --user anna@example.com --secondary anna --generate',
        'credential set --scope msa --user anna@example.com < password.txt',
      ),
    )
    .action((options: Options) =>
      // Opened before the prompt, so that a store that is down is reported before a password is typed twice.
      toolbox.use(async (tools, { publicUrl }) => {
        const password = options.generate ? undefined : await askNewPassword()
        const set = await setCredential(tools, actor(), { ...options, password }, publicUrl)
        tell(options, set)
        for (const each of set.notes) note(each)
      }),
    )
}

/** Reports the change. With `--generate`, standard output holds the password alone, or in the object. */
function tell(
  { scope, user, secondary, generate, json }: Options,
  { result, enabled, password }: SetCredential,
): void {
  const off = enabled
    ? ''
    : ` It is switched off; to switch it on: altgate credential enable --scope ${scope} --user ${user}`
  const what = result === 'added' ? `The credential of ${user}` : `The password of ${user}`
  const line = `${what} in scope ${scope} was ${result}, in every running gateway.${off}`
  if (json) {
    const shown = generate && { password: password.reveal() }
    return sayJson({ result, scope, username: user, secondary, enabled, ...shown })
  }
  if (!generate) return say(line)
  note(line)
  note('It is shown only once:')
  say(password.reveal())
}
