import type { Command } from 'commander'
import { answer } from '../answers/answer.ts'
import { type Allow, type Decision, type Over, type Refused, unreachable } from '../gateway/decision.ts'
import type { SignInCause } from '../gateway/delegation.ts'
import type { AccountName, Username } from '../gateway/names.ts'
import type { Settings } from '../settings/schema.ts'
import { accountName, anyName, destinationOf } from './arguments.ts'
import { examples, refusePassword } from './help.ts'
import { askPassword } from './password.ts'
import { moment, say, sayJson, strong } from './say.ts'
import type { Toolbox } from './tools.ts'
import { type Station, walk } from './walk.ts'

const about = `
Follows a request over https through the gateway's own code, without its caches,
and changes nothing. Type the password at a hidden prompt, or give it as the
first line of standard input. With --without-password, it is assumed to be the
right one: you see what the gateway knows, and what stands in the way besides
the password. Exit code 0 whatever the decision is, 1 if a required part is down.`

/** `altgate explain`. */
export function addExplainCommand(program: Command, toolbox: Toolbox): void {
  refusePassword(program.command('explain'))
    .description('show what the gateway would decide, step by step, and why')
    .requiredOption('--account <NAME>', 'the account', accountName)
    .requiredOption('--user <NAME>', 'primary or secondary user name', anyName)
    .option('--without-password', 'ask for no password, and assume that the right one is presented')
    .option(
      '--json',
      'print a JSON object: account, user, stations (station, found), outcome, answer (status, headers, body)',
    )
    .addHelpText('after', about)
    .addHelpText(
      'after',
      examples(
        'explain --account fabrikam --user anna@example.com',
        'explain --account fabrikam --user anna@example.com --without-password',
      ),
    )
    .action(
      async ({
        account: name,
        user: username,
        withoutPassword,
        json,
      }: {
        account: AccountName
        user: Username
        withoutPassword?: true
        json?: true
      }) => {
        toolbox.settings()
        const presented = { name, username, ...(!withoutPassword && { password: await askPassword() }) }
        await toolbox.use(async ({ store, hasher, generated, keys, delegation }, settings) => {
          const { accounts, credentials } = store
          const ports = { accounts, credentials, hasher, generated, keys, delegation }
          const { stations, decision, outage } = await walk(presented, ports, settings)
          const reason = withoutPassword ? assumedReason(decision) : reasonOf(decision)
          const all = [...stations, { station: 'decide', found: reason } as const]
          const seen = seenBy(decision, settings)
          if (json)
            sayJson({ account: name, user: username, stations: all, outcome: decision.outcome, answer: seen })
          else sayWalk(all, decision, seen)
          if (outage !== undefined) throw outage
        })
      },
    )
}

/** What a client gets: our own answer, or where the request goes. */
type Seen = { readonly status: number; readonly body: string } | { readonly forwardedTo: string }

function seenBy(decision: Decision, settings: Settings): Seen {
  const { publicUrl, accounts } = settings
  const ending = decision.outcome === 'allow' ? destinationOf(decision.account, settings) : decision
  if (typeof ending === 'string') return { forwardedTo: `${ending}...` }
  return answer(ending, { requestId: 'explain', publicUrl, naming: accounts.naming })
}

function sayWalk(stations: readonly Station[], { outcome }: Decision, seen: Seen): void {
  let last = ''
  for (const { station, found } of stations) {
    say(`${(station === last ? '' : station).padEnd(11)} ${found}`)
    last = station
  }
  say('')
  if ('forwardedTo' in seen) return say(strong(`${outcome}: forwarded to ${seen.forwardedTo}`))
  say(strong(`${outcome}: the client gets ${seen.status}`))
  for (const line of seen.body.trimEnd().split('\n')) say(`  ${line}`)
}

/** The reason where the password is only assumed to be right. */
function assumedReason(decision: Decision): string {
  if (decision.outcome !== 'refused') return `with the right password: ${reasonOf(decision)}`
  return decision.cause === 'absent'
    ? refusals.absent
    : 'no password was chosen: only the generated ones of this credential give access'
}

/** The reason for the operator, which says more than the client is told. */
function reasonOf(decision: Decision): string {
  switch (decision.outcome) {
    case 'allow':
      return allowed(decision)
    case 'reset-needed':
      return `the password is right, but counts in scope ${decision.former}, which the account has left`
    case 'sign-in-needed':
      return `the password is right, but ${signInCauses[decision.cause]}`
    case 'expired':
      return `the password is right, but ${overs[decision.cause]} ${moment(decision.at)}`
    case 'read-only':
      return 'the password is right, but it is read-only, and the request may write'
    case 'disabled':
      return 'the password is right, but the credential is switched off'
    case 'refused':
      return refusals[decision.cause]
    case 'no-account':
      return 'there is no such account'
    case 'garbled':
      return 'the credential cannot be read'
    case 'challenge':
      return 'no credential was presented'
    case 'busy':
      return 'too many hashes are waiting'
    case 'throttled':
      return 'too many attempts'
    case 'unavailable':
      return `a part is down: ${decision.part}`
    case 'unclear-target':
      return `the address can be read in two ways: ${decision.flaw}`
    case 'not-allowed':
      return decision.cause === 'plain-http'
        ? 'plain http is refused'
        : 'the password is right, but the account is restricted to members, and this user is not one'
    default:
      return unreachable(decision)
  }
}

function allowed({ username, scope, bridgedUntil }: Allow): string {
  const right = `the password of ${username} is right in scope ${scope}`
  if (bridgedUntil === undefined) return right
  return `${right}, which the account has left; it counts until ${moment(bridgedUntil)}, because the move is bridged`
}

const overs: Readonly<Record<Over['cause'], string>> = {
  'past-its-end': 'it ended on',
  replaced: 'it was replaced on',
  revoked: 'it was revoked on',
}

const signInCauses: Readonly<Record<SignInCause, string>> = {
  'no-grant': 'the user has not signed in on the page for this scope, so nothing can act as the user',
  ended: 'the sign-in has ended: the provider refused to renew it, or the user was signed out',
  'sealed-otherwise': 'none of secrets.sealingKeys opens what the sign-in gave',
  claims: 'the upstream demanded a new sign-in (a claims challenge)',
}

const refusals: Readonly<Record<Refused['cause'], string>> = {
  absent: 'there is no such user name',
  mismatch: 'the password is wrong',
  forged: 'the password begins with agp_, but Altgate did not generate it',
}
