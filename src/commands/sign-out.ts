import type { Command } from 'commander'
import { Failure } from '../common/failure.ts'
import type { Grant, Grants, Revocation } from '../gateway/delegation.ts'
import type { Scope, Username } from '../gateway/names.ts'
import { InDoubt, Outage } from '../gateway/outage.ts'
import { anyName, scope as readScope } from './arguments.ts'
import { insistOnYes, isConfirmed } from './confirmation.ts'
import { Interrupted, outageSentence, sentenceOf } from './failure.ts'
import { examples } from './help.ts'
import { clearProgress, note, say, showProgress } from './say.ts'
import { activeSignIns, signInOf } from './sign-ins.ts'
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
      return toolbox.use(tools => signOut(tools, scope, user))
    })
}

function wrong(command: Command, sentence: string): never {
  return command.error(`error: ${sentence}.`, { exitCode: 2 })
}

async function signOut(tools: Tools, scope: Scope, user: Username): Promise<void> {
  const found = await signInOf(tools, scope, user)
  if (found === 'unknown')
    throw new Failure(sentenceOf({ problem: 'no-such-credential', username: user, scope }))
  const revocation =
    found?.refreshToken === undefined
      ? undefined
      : await tools.grants.end(actor(), found, 'signed-out').catch(nothingEnded)
  if (revocation === undefined)
    return say(`${user} has no active sign-in in scope ${scope}. Nothing was changed.`)
  say(
    `The sign-in of ${user} in scope ${scope} has ended, in every running gateway. ${atProvider[revocation]}`,
  )
  if (revocation === 'failed') throw new Failure(notRevoked)
}

const atProvider: Readonly<Record<Revocation, string>> = {
  revoked: 'It is revoked at the identity provider.',
  'no-endpoint':
    'The identity provider cannot be asked to revoke it: revoke the sessions of the user there, if the token may have been stolen.',
  failed: 'It is not revoked at the identity provider.',
}

const notRevoked =
  'The identity provider was not reached or refused, or the settings no longer have the sealing key or the app registration of the sign-in. The gateway has deleted its copy; revoke the sessions of the user at the provider, if the token may have been stolen.'

function nothingEnded(error: unknown): never {
  if (error instanceof InDoubt || !(error instanceof Outage)) throw error
  throw new Failure(`${outageSentence(error)} Nothing was changed.`)
}

async function signOutAll({ store, grants }: Tools, { scope, yes }: Options): Promise<void> {
  const active = await activeSignIns(store.grants, scope)
  const where = scope === undefined ? 'all scopes' : `scope ${scope}`
  if (active.length === 0) return say(`There are no active sign-ins in ${where}. Nothing was changed.`)
  const many = active.length === 1 ? '1 sign-in' : `${active.length} sign-ins`
  if (!yes && !(await isConfirmed(`End ${many} in ${where}, in every running gateway?`)))
    throw new Failure('Nothing was changed.')

  const stop = new AbortController()
  // The next Ctrl-C ends the program at once.
  const interrupt = () => stop.abort()
  process.once('SIGINT', interrupt)
  const progress = showProgress(active.length)
  try {
    tell(await endAll(active, { grants, stop: stop.signal, progress }), active.length)
  } finally {
    process.off('SIGINT', interrupt)
    clearProgress()
  }
}

/** What became of many sign-ins. */
interface Ended {
  /** How many ended, by what their providers said. */
  readonly counts: Readonly<Record<Revocation, number>>
  /** Not tried any more: Ctrl-C, or an outage. */
  readonly left: number
  readonly outage?: Outage
}

/** Sign-ins that are ended at the same time: each waits for all gateways, and then for its provider. */
const mostAtOnce = 8

/** After so many failures in a row a provider is not asked any more: ending the others must not wait for it. */
const mostFailures = 3

/** Ends each one here before its provider is asked, and begins none after `stop` or an outage. */
async function endAll(
  active: readonly Grant[],
  parts: {
    readonly grants: Pick<Grants, 'end'>
    readonly stop: AbortSignal
    readonly progress: (done: number) => void
  },
): Promise<Ended> {
  const { grants, stop, progress } = parts
  const counts: Record<Revocation, number> = { revoked: 0, 'no-endpoint': 0, failed: 0 }
  const failures = new Map<string, number>()
  const waiting = [...active]
  let done = 0
  let outage: Outage | undefined

  async function lane(): Promise<void> {
    while (!stop.aborted && outage === undefined) {
      const grant = waiting.shift()
      if (grant === undefined) return
      const failed = failures.get(grant.issuer) ?? 0
      const revoke = failed < mostFailures
      const revocation = await grants
        .end(actor(), grant, 'signed-out', { revoke })
        .catch((error: unknown) => {
          if (!(error instanceof Outage)) throw error
          waiting.push(grant)
          outage ??= error
          return undefined
        })
      if (outage !== undefined && revocation === undefined) return
      progress((done += 1))
      if (revocation === undefined) continue // it has ended meanwhile
      counts[revocation] += 1
      if (revoke) failures.set(grant.issuer, revocation === 'failed' ? failed + 1 : 0)
    }
  }

  await Promise.all(Array.from({ length: mostAtOnce }, lane))
  return { counts, left: waiting.length, ...(outage !== undefined && { outage }) }
}

/** Throws if something is left to do. */
function tell({ counts, left, outage }: Ended, total: number): void {
  clearProgress()
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
  if (outage !== undefined) throw outage
  if (left > 0) throw new Interrupted()
  if (failed > 0) throw new Failure(notRevoked)
}
