import type { Command } from 'commander'
import { activeSignIns } from '../administration/sign-ins.ts'
import { atProvider, endAll, type Ended, endSignIn, notRevoked } from '../administration/sign-outs.ts'
import { Failure } from '../common/failure.ts'
import type { Scope, Username } from '../gateway/names.ts'
import { anyName, scope as readScope } from './arguments.ts'
import { insistOnYes, isConfirmed } from './confirmation.ts'
import { Interrupted } from './failure.ts'
import { examples } from './help.ts'
import { clearProgress, note, say, sayJson, showProgress } from './say.ts'
import { actor, type Toolbox, type Tools } from './tools.ts'

const about = `
Deletes what a sign-in on the page gave the gateway, in every running gateway
at once, and revokes it at the identity provider if that has an endpoint for it
(Microsoft Entra ID has none: revoke the sessions of the user there). Passwords
stay valid: with the method "delegated", requests get sign-in-needed until the
user signs in on the page again. Ctrl-C is safe: run it again to go on.`

interface Options {
  readonly scope?: Scope
  readonly user?: Username
  readonly all?: true
  readonly yes?: true
  readonly json?: true
}

/** `altgate credential sign-out`. */
export function addSignOut(credential: Command, toolbox: Toolbox): void {
  credential
    .command('sign-out')
    .description('end sign-ins by which the gateway acts as users or checks them')
    .option('--scope <S>', 'msa, or the id of a directory', readScope)
    .option('--user <NAME>', 'primary or secondary user name', anyName)
    .option('--all', 'all users, or all of the scope')
    .option('--yes', 'with --all: do not ask for confirmation')
    .option(
      '--json',
      'print a JSON object: ended, revoked, notRevoked (at their providers), unable (providers that cannot be asked), left',
    )
    .addHelpText('after', about)
    .addHelpText(
      'after',
      examples(
        'credential sign-out --scope msa --user anna@example.com',
        'credential sign-out --all',
        'credential sign-out --all --scope msa --yes',
      ),
    )
    .action((options: Options, command: Command) => {
      const { scope, user, all } = options
      if (all) {
        if (user !== undefined) return wrong(command, '--all and --user exclude each other')
        insistOnYes(options, command)
        return toolbox.use(tools => signOutAll(tools, options))
      }
      if (scope === undefined || user === undefined)
        return wrong(command, 'name the user with --scope and --user, or give --all')
      return toolbox.use(tools => signOut(tools, scope, user, options))
    })
}

function wrong(command: Command, sentence: string): never {
  return command.error(`error: ${sentence}.`, { exitCode: 2 })
}

async function signOut(tools: Tools, scope: Scope, user: Username, { json }: Options): Promise<void> {
  const revocation = await endSignIn(tools, actor(), scope, user)
  if (json) sayJson(jsonOf(revocation === undefined ? noneEnded : { ...noneEnded, [revocation]: 1 }, 0))
  else if (revocation === undefined)
    say(`${user} has no active sign-in in scope ${scope}. Nothing was changed.`)
  else
    say(
      `The sign-in of ${user} in scope ${scope} has ended, in every running gateway. ${atProvider[revocation]}`,
    )
  if (revocation === 'failed') throw new Failure(notRevoked)
}

async function signOutAll({ store, grants }: Tools, { scope, yes, json }: Options): Promise<void> {
  const active = await activeSignIns(store.grants, scope)
  const where = scope === undefined ? 'all scopes' : `scope ${scope}`
  if (active.length === 0)
    return json
      ? sayJson(jsonOf(noneEnded, 0))
      : say(`There are no active sign-ins in ${where}. Nothing was changed.`)
  const many = active.length === 1 ? '1 sign-in' : `${active.length} sign-ins`
  if (!yes && !(await isConfirmed(`End ${many} in ${where}, in every running gateway?`)))
    throw new Failure('Nothing was changed.')

  const stop = new AbortController()
  // The next Ctrl-C ends the program at once.
  const interrupt = () => stop.abort()
  process.once('SIGINT', interrupt)
  const progress = showProgress(active.length)
  try {
    const ended = await endAll(active, { grants, actor: actor(), stop: stop.signal, progress })
    clearProgress()
    if (json) sayJson(jsonOf(ended.counts, ended.left))
    else tell(ended, active.length)
    insistOnAll(ended)
  } finally {
    process.off('SIGINT', interrupt)
    clearProgress()
  }
}

const noneEnded: Ended['counts'] = { revoked: 0, 'no-endpoint': 0, failed: 0 }

function jsonOf(counts: Ended['counts'], left: number): object {
  const { revoked, failed: notRevokedThere, 'no-endpoint': unable } = counts
  return { ended: revoked + notRevokedThere + unable, revoked, notRevoked: notRevokedThere, unable, left }
}

function tell({ counts, left }: Ended, total: number): void {
  const { revoked, failed } = counts
  const ended = revoked + failed + counts['no-endpoint']
  say(`${ended} of ${total} sign-ins have ended, in every running gateway.`)
  if (revoked > 0) say(`${revoked} are revoked at the identity provider.`)
  if (counts['no-endpoint'] > 0)
    say(
      `${counts['no-endpoint']} are at identity providers that cannot be asked to revoke: revoke the sessions of these users there, if tokens may have been stolen.`,
    )
  if (failed > 0) say(`${failed} are not revoked at the identity provider.`)
  if (left > 0) note(`${left} are left. Run the command again to go on.`)
}

/** Throws if something is left to do. */
function insistOnAll({ counts, left, outage }: Ended): void {
  if (outage !== undefined) throw outage
  if (left > 0) throw new Interrupted()
  if (counts.failed > 0) throw new Failure(notRevoked)
}
