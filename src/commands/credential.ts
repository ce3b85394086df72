import type { Command } from 'commander'
import { Failure } from '../common/failure.ts'
import { longestPassword, msaScope, type Scope, type Username } from '../gateway/names.ts'
import { noPassword } from '../gateway/ports.ts'
import type { NewCredential } from '../gateway/registry.ts'
import type { Secret } from '../gateway/secret.ts'
import { flawText, passwordAdvice, passwordFlaw } from '../passwords/rules.ts'
import type { Settings } from '../settings/schema.ts'
import { primaryName, scope as readScope, secondaryName } from './arguments.ts'
import { addImport } from './credential-import.ts'
import { addList, addShow } from './credential-list.ts'
import { addPasswordCommands } from './credential-password.ts'
import { addRemove, addUnlink } from './credential-removal.ts'
import { addCredentialExport } from './export.ts'
import { insist } from './failure.ts'
import { examples, refusePassword } from './help.ts'
import { askNewPassword } from './password.ts'
import { note, say, sayJson } from './say.ts'
import { addSignOut } from './sign-out.ts'
import { addSwitches } from './switches.ts'
import { actor, type Toolbox, type Tools } from './tools.ts'

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
      toolbox.use(async (tools, settings) => {
        const { password, advice, ...proof } = options.generate
          ? generate(tools)
          : await choose(tools, options, settings)
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
        const { registry } = tools
        await insist(
          options.existing
            ? registry.resetCredential(actor(), scope, credential)
            : registry.setCredential(actor(), scope, credential),
        )
        const enabled = current?.enabled ?? !(await isBlockedName(registry, username))
        tell(options, { result: current === undefined ? 'added' : 'reset', enabled, password })
        if (actsAs !== undefined) note(actsAsText(options, actsAs))
        for (const each of advice) note(each)
      }),
    )
}

/** User names pass from one person to another, but what a sign-in gave stays with the person who signed in. */
function actsAsText({ scope, user, samePerson }: Options, actsAs: string): string {
  if (samePerson)
    return `Note: requests with this password reach upstreams as ${actsAs}, who signed in on the page. If the user name has passed to another person, do not give the password to that person: altgate credential disable --scope ${scope} --user ${user}`
  return `Note: requests with the former password reached upstreams as ${actsAs}, who signed in on the page. With this one they do so after that user has signed in there and entered it once, or at once with --same-person. If the user name has passed to another person, they never do.`
}

/** A new password, what the store keeps of it, and what is to be said about it once it is set. */
type Proved = Pick<NewCredential, 'hash' | 'generated'> & {
  readonly password: Secret
  readonly advice: readonly string[]
}

function generate({ generated }: Tools): Proved {
  const { password, id, mac } = generated.make()
  return { password, hash: noPassword, generated: { id, mac }, advice: [] }
}

/** Operators may set a weak password after a warning, but none that falls at once or could never work. */
async function choose(
  { generated, hasher, registry }: Tools,
  { scope, user, secondary }: Options,
  { publicUrl }: Settings,
): Promise<Proved> {
  const password = await askNewPassword()
  const usernames = secondary === undefined ? [user] : [user, secondary]
  const owner = { usernames, places: await placesIn(scope, registry), publicUrl }
  const flaw = await passwordFlaw(password, owner, generated)
  if (flaw !== undefined && flaw.degree !== 'weak')
    throw new Failure(`${flawText(flaw)} Nothing was changed.`)
  const hash = await hasher.hash(password)
  if (hash === 'busy')
    throw new Failure('Too many passwords are being hashed. Nothing was changed; try again.')
  const warnings = flaw === undefined ? [] : [`Warning: ${flawText(flaw)}`]
  return { password, hash, advice: [...warnings, ...passwordAdvice(password)] }
}

/** The names of the directory and of its accounts. Those on Microsoft accounts have nothing in common. */
async function placesIn(scope: Scope, registry: Tools['registry']): Promise<readonly string[]> {
  if (scope === msaScope) return []
  const directory = (await registry.directories()).find(({ id }) => (id as string) === scope)
  return [...(directory ? [directory.name] : []), ...(await registry.accountsIn(scope))]
}

/** Whether a new credential of this name is made switched off. It has been made: nothing may fail any more. */
async function isBlockedName(registry: Tools['registry'], username: Username): Promise<boolean> {
  return (await registry.blockedNames().catch((): readonly Username[] => [])).includes(username)
}

interface Result {
  readonly result: 'added' | 'reset'
  readonly enabled: boolean
  readonly password: Secret
}

/** Reports the change. With `--generate`, standard output holds the password alone, or in the object. */
function tell(
  { scope, user, secondary, generate, json }: Options,
  { result, enabled, password }: Result,
): void {
  const off = enabled
    ? ''
    : ` It is switched off; to switch it on: altgate credential enable --scope ${scope} --user ${user}`
  const what = result === 'added' ? `The credential of ${user}` : `The password of ${user}`
  const line = `${what} in scope ${scope} is ${result}, in every running gateway.${off}`
  if (json) {
    const shown = generate && { password: password.reveal() }
    return sayJson({ result, scope, username: user, secondary, enabled, ...shown })
  }
  if (!generate) return say(line)
  note(line)
  note('It is shown only once:')
  say(password.reveal())
}
