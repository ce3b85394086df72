import type { Command } from 'commander'
import type { Scope, Username } from '../gateway/names.ts'
import { Failure } from './failure.ts'
import { examples } from './help.ts'
import { askNewPassword, generatePassword } from './password.ts'
import { insist } from './problems.ts'
import { note, say } from './say.ts'
import { actor, type Toolbox, type Tools } from './tools.ts'
import { refusePassword } from './usage.ts'
import { primaryName, scope as readScope, secondaryName } from './words.ts'

interface Options {
  readonly scope: Scope
  readonly user: Username
  readonly secondary?: Username
  readonly generate?: true
}

const aboutPassword = `
The password is asked at a hidden prompt, or read from the first line of
standard input: 8 characters to 1024 bytes, no control characters. It is never
an argument or an environment variable. With --generate, standard output is the
password and nothing else. A credential that exists gets the new password and
secondary name, and stays on or off as it was.`

/** `altgate credential set`. */
export function addSet(credential: Command, toolbox: Toolbox): void {
  refusePassword(credential.command('set'))
    .description('set or reset the password of a person, in every running gateway at once')
    .requiredOption('--scope <S>', 'where it counts: msa, or the id of a directory', readScope)
    .requiredOption('--user <NAME>', 'primary user name, an e-mail address', primaryName)
    .option('--secondary <NAME>', 'secondary user name, for tools that choke on @', secondaryName)
    .option('--generate', 'make a strong password and print it once')
    .addHelpText('after', aboutPassword)
    .addHelpText(
      'after',
      examples(
        'credential set --scope msa --user anna@example.com',
        'credential set --scope msa --user anna@example.com --secondary anna --generate',
        'credential set --scope msa --user anna@example.com < password.txt',
      ),
    )
    .action(async (options: Options) => {
      toolbox.settings() // refused settings must not cost anybody a password typed twice
      const password = options.generate ? generatePassword() : await askNewPassword(options.user)
      await toolbox.use(async tools => {
        const hash = await tools.hasher.hash(password)
        if (hash === 'busy')
          throw new Failure('Too many passwords are being hashed. Nothing was changed; try again.')
        const { scope, user: username, secondary } = options
        const credential = { username, hash, ...(secondary !== undefined && { secondary }) }
        insist(await tools.registry.setCredential(actor(), scope, credential))
        await tell(tools, options)
        if (options.generate) say(password.reveal())
      })
    })
}

/** What was changed. With `--generate` standard output is the password's alone. */
async function tell({ store }: Tools, { scope, user, generate }: Options): Promise<void> {
  const { current } = await store.credentials.find(scope, undefined, user)
  const off =
    current?.enabled === false
      ? ` It is switched off: altgate credential enable --scope ${scope} --user ${user}`
      : ''
  const line = `The password of ${user} in scope ${scope} is set, in every running gateway.${off}`
  if (!generate) return say(line)
  note(line)
  note('It is shown this once:')
}
