import type { Command } from 'commander'
import { Failure } from '../common/failure.ts'
import { longestPassword, type Scope, type Username } from '../gateway/names.ts'
import { noPassword } from '../gateway/ports.ts'
import type { NewCredential } from '../gateway/registry.ts'
import type { Secret } from '../gateway/secret.ts'
import { isUseless, passwordAdvice, passwordFlaw, passwordSentences } from '../passwords/rules.ts'
import { anyName, primaryName, scope as readScope, secondaryName } from './arguments.ts'
import { addImport } from './credential-import.ts'
import { addList, addShow } from './credential-list.ts'
import { addPasswordCommands } from './credential-password.ts'
import { insist } from './failure.ts'
import { examples, refusePassword } from './help.ts'
import { askNewPassword } from './password.ts'
import { note, say } from './say.ts'
import { addSignOut } from './sign-out.ts'
import { actor, type Toolbox, type Tools } from './tools.ts'

/** `altgate credential ...`: the alternate credentials of users. */
export function addCredentialCommands(program: Command, toolbox: Toolbox): void {
  const credential = program
    .command('credential')
    .description('alternate credentials of users')
    .addHelpText('after', examples('credential list --scope msa'))
  addSet(credential, toolbox)
  addSwitch(credential, toolbox, { name: 'enable', on: true, about: 'switch a credential on again' })
  addSwitch(credential, toolbox, {
    name: 'disable',
    on: false,
    about: 'switch a credential off, in every running gateway at once',
  })
  addList(credential, toolbox)
  addShow(credential, toolbox)
  addPasswordCommands(credential, toolbox)
  addSignOut(credential, toolbox)
  addImport(credential, toolbox)
}

function addSwitch(
  credential: Command,
  toolbox: Toolbox,
  { name, on, about }: { readonly name: string; readonly on: boolean; readonly about: string },
): void {
  credential
    .command(name)
    .description(about)
    .requiredOption('--scope <S>', 'msa, or the id of a directory', readScope)
    .requiredOption('--user <NAME>', 'primary or secondary user name', anyName)
    .addHelpText('after', examples(`credential ${name} --scope msa --user anna@example.com`))
    .action(({ scope, user }: { scope: Scope; user: Username }) =>
      toolbox.use(async ({ registry }) => {
        await insist(registry.switchCredential(actor(), scope, user, on))
        say(`The credential of ${user} in scope ${scope} is ${on ? 'on' : 'off'}, in every running gateway.`)
      }),
    )
}

interface Options {
  readonly scope: Scope
  readonly user: Username
  readonly secondary?: Username
  readonly generate?: true
  readonly samePerson?: true
}

const aboutPassword = `
Type the password at a hidden prompt, or give it as the first line of standard
input: up to ${longestPassword} bytes, no control characters. It is never an argument or an
environment variable. A password that is easy to guess is accepted with a
warning; the page, where users choose their own, refuses it. With --generate,
standard output is the password and nothing else. An existing credential gets
the new password and secondary name, and stays on or off as it was. If its user
has claimed it, nothing acts as that user until they sign in on the page and
enter the new password: the user name may have passed to another person. With
--same-person the password is that user's at once.`

/** `altgate credential set`. */
function addSet(credential: Command, toolbox: Toolbox): void {
  refusePassword(credential.command('set'))
    .description('set or reset the password of a user, in every running gateway at once')
    .requiredOption('--scope <S>', 'the scope it counts in: msa, or the id of a directory', readScope)
    .requiredOption('--user <NAME>', 'primary user name, an e-mail address', primaryName)
    .option('--secondary <NAME>', 'secondary user name, for tools that cannot handle @', secondaryName)
    .option('--generate', 'generate a strong password and print it once')
    .option('--same-person', 'the password goes to the person who has claimed the credential')
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
      toolbox.use(async tools => {
        const { password, ...proof } = options.generate ? generate(tools) : await choose(tools, options)
        const { scope, user: username, secondary, samePerson } = options
        // Looked up before the change: after it, nothing may fail before the result is printed.
        const { current } = await tools.store.credentials.find(scope, undefined, username)
        const { grant } = current ? await tools.store.grants.ofSubject(scope, current.subject) : {}
        const actsAs = grant && !grant.ended ? (grant.username ?? 'its owner') : undefined
        const credential = {
          username,
          ...proof,
          ...(secondary !== undefined && { secondary }),
          ...(samePerson && { samePerson }),
        }
        await insist(tools.registry.setCredential(actor(), scope, credential))
        tell(options, current?.enabled === false)
        if (options.generate) say(password.reveal())
        if (actsAs !== undefined) note(actsAsText(options, actsAs))
        if (!options.generate) for (const advice of passwordAdvice(password)) note(advice)
      }),
    )
}

/** User names pass from one person to another, but what a sign-in gave stays with the person who signed in. */
function actsAsText({ scope, user, samePerson }: Options, actsAs: string): string {
  if (samePerson)
    return `Note: requests with this password reach upstreams as ${actsAs}, who signed in on the page. If the user name has passed to another person, do not give the password to that person: altgate credential disable --scope ${scope} --user ${user}`
  return `Note: requests with the former password reached upstreams as ${actsAs}, who signed in on the page. With this one they do so after that user has signed in there and entered it once, or at once with --same-person. If the user name has passed to another person, they never do.`
}

/** What the store keeps of the new password. */
type Proved = Pick<NewCredential, 'hash' | 'generated'> & { readonly password: Secret }

function generate({ generated }: Tools): Proved {
  const { password, id, mac } = generated.make()
  return { password, hash: noPassword, generated: { id, mac } }
}

async function choose(tools: Tools, options: Options): Promise<Proved> {
  const password = await choosePassword(tools, options)
  const hash = await tools.hasher.hash(password)
  if (hash === 'busy')
    throw new Failure('Too many passwords are being hashed. Nothing was changed; try again.')
  return { password, hash }
}

/** Operators may set a weak password after a warning, but not one that could never work. */
async function choosePassword({ generated }: Tools, { user, secondary }: Options): Promise<Secret> {
  const password = await askNewPassword()
  const names = secondary === undefined ? [user] : [user, secondary]
  const flaw = await passwordFlaw(password, names, generated)
  if (flaw !== undefined && isUseless(flaw))
    throw new Failure(`${passwordSentences[flaw]} Nothing was changed.`)
  if (flaw !== undefined) note(`Warning: ${passwordSentences[flaw]}`)
  return password
}

/** Reports the change. With `--generate`, standard output holds the password alone. */
function tell({ scope, user, generate }: Options, isOff: boolean): void {
  const off = isOff
    ? ` It is switched off; to switch it on: altgate credential enable --scope ${scope} --user ${user}`
    : ''
  const line = `The password of ${user} in scope ${scope} is set, in every running gateway.${off}`
  if (!generate) return say(line)
  note(line)
  note('It is shown only once:')
}
