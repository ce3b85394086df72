import type { Command } from 'commander'
import { longestPassword, type Scope, type Username } from '../gateway/names.ts'
import type { Secret } from '../gateway/secret.ts'
import { isUseless, passwordFlaw } from '../passwords/rules.ts'
import { passwordAdvice, passwordSentences } from '../passwords/sentences.ts'
import { Failure } from './failure.ts'
import { examples } from './help.ts'
import { askNewPassword } from './password.ts'
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
standard input: up to ${longestPassword} bytes, no control characters. It is never an
argument or an environment variable. One that is easy to guess is taken with a
warning: people who choose their own on the page are held to the rules there.
With --generate, standard output is the password and nothing else. A credential
that exists gets the new password and secondary name, and stays on or off as it
was.`

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
    .action((options: Options) =>
      // The tools come first: a store that is down must not cost anybody a password typed twice.
      toolbox.use(async tools => {
        const password = options.generate ? tools.generated.make() : await choosePassword(tools, options)
        const hash = await tools.hasher.hash(password)
        if (hash === 'busy')
          throw new Failure('Too many passwords are being hashed. Nothing was changed; try again.')
        const { scope, user: username, secondary } = options
        // Looked up before the change: after it nothing may come between us and saying what was done.
        const { current } = await tools.store.credentials.find(scope, undefined, username)
        const credential = { username, hash, ...(secondary !== undefined && { secondary }) }
        await insist(tools.registry.setCredential(actor(), scope, credential))
        tell(options, current?.enabled === false)
        if (options.generate) say(password.reveal())
        for (const advice of passwordAdvice(password)) note(advice)
      }),
    )
}

/** Operators may set a weak password, knowingly; not one that could never work. */
async function choosePassword({ generated }: Tools, { user, secondary }: Options): Promise<Secret> {
  const password = await askNewPassword()
  const names = secondary === undefined ? [user] : [user, secondary]
  const flaw = await passwordFlaw(password, names, generated)
  if (flaw !== undefined && isUseless(flaw))
    throw new Failure(`${passwordSentences[flaw]} Nothing was changed.`)
  if (flaw !== undefined) note(`Warning: ${passwordSentences[flaw]}`)
  return password
}

/** What was changed. With `--generate` standard output is the password's alone. */
function tell({ scope, user, generate }: Options, isOff: boolean): void {
  const off = isOff ? ` It is switched off: altgate credential enable --scope ${scope} --user ${user}` : ''
  const line = `The password of ${user} in scope ${scope} is set, in every running gateway.${off}`
  if (!generate) return say(line)
  note(line)
  note('It is shown this once:')
}
